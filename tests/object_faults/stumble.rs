//! One request of a run gets a fault that passes: the run succeeds.

use pgkeep_testkit::object_server::faults::{Fault, Plan, What};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{TestResult, seed};

use crate::doing::Doing;
use crate::point::all_wanted;
use crate::stage::{Result, Stage};
use crate::store::Store;

/// On S3 each kind of request has one fault in so many.
const ONE_IN: u64 = 6;

pub fn visit(program: &Program, store: &'static Store) -> TestResult {
    let stage = Stage::new(program, store)?;
    let mut number = seed();
    for doing in Doing::ALL {
        doing.settle(&stage)?;
        let arguments = doing.prepare(&stage)?;
        stage.front.forget_counts();
        doing.run(&stage, &arguments)?.success()?;
        let counts = stage.front.counts();
        let mut visited = 0;
        for (what, count) in &counts {
            // Only what an earlier run has left is given up, so another run may have nothing to give up.
            if *what == What::Abort {
                continue;
            }
            for fault in store.passing(*what) {
                number += 1;
                if !all_wanted() && !number.is_multiple_of(ONE_IN * store.share) {
                    continue;
                }
                visited += 1;
                let at = number % count.requests + 1;
                strike(&stage, doing, *what, at, &fault).map_err(|error| {
                    format!(
                        "{}, request {at} of {what:?} with {fault:?}: {error}",
                        doing.name()
                    )
                })?;
            }
        }
        stage.expire_leaves_nothing()?;
        doing.is_done(&stage)?;
        println!(
            "object_faults, {} {}: {visited} faults",
            store.name,
            doing.name()
        );
    }
    Ok(())
}

fn strike(stage: &Stage<'_>, doing: Doing, what: What, at: u64, fault: &Fault) -> Result<()> {
    // The run that was counted may have repeated a request by itself; there is always a first one.
    for at in [at, 1] {
        let arguments = doing.prepare(stage)?;
        stage.front.forget_counts();
        stage
            .front
            .plan(Plan::none().nth(at, move |asked| asked.what == what, fault.clone()));
        let outcome = doing.run(stage, &arguments)?;
        stage.front.plan(Plan::none());
        outcome.success()?;
        if stage.front.struck().len() == 1 {
            return Ok(());
        }
    }
    Err("there is no such request".into())
}
