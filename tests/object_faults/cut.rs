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
        Doing::Backup => 7,
        Doing::Push | Doing::Expire => 4,
        Doing::Restore => 3,
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
        let mut missed = 0;
        for point in &points {
            let cut = one(&stage, doing, *point).map_err(|error| {
                format!("{}, request {point} of {requests}: {error}", doing.name())
            })?;
            missed += u64::from(!cut);
        }
        // What is asked for ahead differs by a request from run to run, so the last one may not be reached.
        if missed > 1 {
            return Err(format!("{}: {missed} points were not cut", doing.name()).into());
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

/// Whether anything was cut.
fn one(stage: &Stage<'_>, doing: Doing, point: u64) -> Result<bool> {
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
    let cut = !stage.front.struck().is_empty();
    // A success only where nothing that matters was left to do, as with the look for uploads at the end.
    if outcome.code != 0 {
        ended_with_error(&outcome)?;
    }
    stage
        .is_whole(true)
        .map_err(|error| format!("after the cut: {error}"))?;
    doing.again(stage, &arguments)?;
    stage.expire_leaves_nothing()?;
    Ok(cut)
}
