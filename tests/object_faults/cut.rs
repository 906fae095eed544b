//! From the n-th request of a run on the server is gone.

use pgkeep_testkit::object_server::faults::{Fault, Plan};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::doing::Doing;
use crate::point::points;
use crate::stage::{Result, Stage, ended_with_error};
use crate::store::Store;

/// Points of a command in a default run on S3.
fn sample(doing: Doing) -> u64 {
    match doing {
        Doing::Backup => 8,
        Doing::Push | Doing::Expire => 5,
        Doing::Restore => 4,
        Doing::Verify => 2,
    }
}

pub fn visit(program: &Program, store: &'static Store) -> TestResult {
    let stage = Stage::new(program, store)?;
    for doing in Doing::ALL {
        doing.settle(&stage)?;
        let arguments = doing.prepare(&stage)?;
        stage.front.forget_counts();
        doing.run(&stage, &arguments)?.success()?;
        let requests = stage.front.all_requests();
        let points = points(requests, sample(doing).div_ceil(store.share));
        for point in &points {
            one(&stage, doing, *point).map_err(|error| {
                format!("{}, request {point} of {requests}: {error}", doing.name())
            })?;
        }
        println!(
            "object_faults, {} {} cut: {} of {requests}",
            store.name,
            doing.name(),
            points.len()
        );
    }
    stage.is_whole(false)
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
    stage.expire_leaves_nothing()
}
