//! Answers whose status says that all is well and that hold an error, time and again: the run ends with an error, or does
//! what it was for by another way, and nothing is lost.

use pgkeep_testkit::object_server::faults::{Plan, What};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{TestResult, seed};

use crate::doing::Doing;
use crate::point::all_wanted;
use crate::stage::{Result, Stage, ended_with_error};
use crate::store::Store;

pub fn visit(program: &Program, store: &'static Store) -> TestResult {
    let stage = Stage::new(program, store)?;
    let mut number = seed();
    for doing in Doing::ALL {
        doing.settle(&stage)?;
        let arguments = doing.prepare(&stage)?;
        stage.front.forget_counts();
        doing.run(&stage, &arguments)?.success()?;
        for (what, count) in &stage.front.counts() {
            if store.error_inside(*what).is_none() {
                continue;
            }
            number += 1;
            if !all_wanted() && !number.is_multiple_of(store.share.div_ceil(2)) {
                continue;
            }
            // All such requests, and all but the first ones.
            let last = if all_wanted() { count.requests } else { 1 };
            for from in 1..=last {
                one(&stage, doing, *what, from).map_err(|error| {
                    format!("{}, {what:?} from {from} on: {error}", doing.name())
                })?;
            }
        }
    }
    stage.is_whole(false)
}

fn one(stage: &Stage<'_>, doing: Doing, what: What, from: u64) -> Result<()> {
    let arguments = doing.prepare(stage)?;
    let Some(answer) = stage.store.error_inside(what) else {
        return Ok(());
    };
    stage.front.forget_counts();
    stage
        .front
        .plan(Plan::none().from(from, move |asked| asked.what == what, answer));
    let outcome = doing.run(stage, &arguments)?;
    stage.front.plan(Plan::none());
    if stage.front.struck().is_empty() {
        return Err("nothing was answered so".into());
    }
    if outcome.code == 0 {
        doing.is_done(stage)?;
    } else {
        ended_with_error(&outcome)?;
    }
    stage.is_whole(true)?;
    doing.again(stage, &arguments)?;
    stage.expire_leaves_nothing()
}
