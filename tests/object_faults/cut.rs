//! From the n-th request of a run on the server is gone.

use std::sync::Arc;

use pgkeep_testkit::object_server::faults::{Fault, Plan};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::doing::Doing;
use crate::point::points;
use crate::stage::{Result, Stage, ended_with_error};

/// Points of each command in a default run.
const COMMANDS: [(Doing, u64); 4] = [
    (Doing::Backup, 8),
    (Doing::Push, 5),
    (Doing::Expire, 5),
    (Doing::Restore, 4),
];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (doing, sample) in COMMANDS {
        let program = Arc::clone(program);
        let name = format!(
            "when_the_server_is_gone_in_{}_the_next_run_succeeds",
            doing.name()
        );
        suite = suite.test(name, move || visit(&program, doing, sample));
    }
    suite
}

fn visit(program: &Program, doing: Doing, sample: u64) -> TestResult {
    let stage = Stage::new(program)?;
    doing.settle(&stage)?;
    let arguments = doing.prepare(&stage)?;
    stage.front.forget_counts();
    doing.run(&stage, &arguments)?.success()?;
    let requests = stage.front.all_requests();
    let points = points(requests, sample);
    for point in &points {
        one(&stage, doing, *point)
            .map_err(|error| format!("request {point} of {requests}: {error}"))?;
    }
    stage.is_whole(false)?;
    println!(
        "object_faults, {} cut: {} of {requests}",
        doing.name(),
        points.len()
    );
    Ok(())
}

fn one(stage: &Stage<'_>, doing: Doing, point: u64) -> Result<()> {
    let arguments = doing.prepare(stage)?;
    stage.front.forget_counts();
    // In turn before the request is read, within it, and after it was done.
    let fault =
        [Fault::ResetBefore, Fault::ResetWithin, Fault::LoseAnswer][point as usize % 3].clone();
    let gone = Plan::none().nth(point, |_| true, fault);
    stage
        .front
        .plan(gone.from(point, |_| true, Fault::ResetBefore));
    let outcome = doing.run(stage, &arguments)?;
    stage.front.plan(Plan::none());
    if outcome.code == 0 {
        // Only where nothing that matters was left to do, as with the look for uploads at the end.
        if stage.front.struck().is_empty() {
            return Err("nothing was cut".into());
        }
    } else {
        ended_with_error(&outcome)?;
    }
    stage
        .is_whole(true)
        .map_err(|error| format!("after the cut: {error}"))?;
    doing.again(stage, &arguments)?;
    stage.expire_leaves_no_upload()
}
