//! One request of a run gets a fault that passes: the run succeeds.

use std::sync::Arc;

use pgkeep_testkit::object_server::faults::{Fault, Plan, Refusal, What};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::doing::Doing;
use crate::point::all_wanted;
use crate::stage::Stage;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for doing in [Doing::Backup, Doing::Push, Doing::Expire, Doing::Restore] {
        let program = Arc::clone(program);
        let name = format!("a_fault_of_one_request_does_not_end_{}", doing.name());
        suite = suite.test(name, move || visit(&program, doing));
    }
    suite
}

fn faults(what: What) -> Vec<Fault> {
    let mut faults = vec![
        Refusal::s3(500, "InternalError").into(),
        Refusal::s3(503, "SlowDown").into(),
        Fault::ResetBefore,
        Fault::LoseAnswer,
        Fault::TruncateAnswer,
        Fault::Stall,
    ];
    if matches!(what, What::Complete | What::RemoveMany) {
        faults.push(Refusal::s3(200, "InternalError").into());
    }
    faults
}

fn visit(program: &Program, doing: Doing) -> TestResult {
    let stage = Stage::new(program)?;
    doing.settle(&stage)?;
    let arguments = doing.prepare(&stage)?;
    stage.front.forget_counts();
    doing.run(&stage, &arguments)?.success()?;
    let counts = stage.front.counts();
    let (mut number, mut visited) = (0, 0);
    for (what, count) in &counts {
        for fault in faults(*what) {
            number += 1;
            // Each kind of request has one fault in three.
            if !all_wanted() && number % 3 != 0 {
                continue;
            }
            visited += 1;
            let arguments = doing.prepare(&stage)?;
            let at = number % count.requests + 1;
            let case = format!("request {at} of {what:?} with {fault:?}");
            let own = *what;
            stage.front.forget_counts();
            stage
                .front
                .plan(Plan::none().nth(at, move |asked| asked.what == own, fault));
            let outcome = doing.run(&stage, &arguments)?;
            stage.front.plan(Plan::none());
            outcome
                .success()
                .map_err(|error| format!("{case}: {error}"))?;
            assert_eq!(stage.front.struck().len(), 1, "{case}");
        }
    }
    stage.expire_leaves_no_upload()?;
    doing.is_done(&stage)?;
    println!("object_faults, {}: {visited} faults", doing.name());
    Ok(())
}
