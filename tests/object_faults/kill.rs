//! The process dies at the n-th operation on the bucket.

use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::doing::Doing;
use crate::point::points;
use crate::stage::{Result, Stage};

/// Points of each command in a default run.
const COMMANDS: [(Doing, u64); 3] = [(Doing::Backup, 10), (Doing::Push, 5), (Doing::Expire, 6)];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (doing, sample) in COMMANDS {
        let program = Arc::clone(program);
        let name = format!("when_{}_is_killed_the_next_run_succeeds", doing.name());
        suite = suite.test(name, move || visit(&program, doing, sample));
    }
    suite
}

fn visit(program: &Program, doing: Doing, sample: u64) -> TestResult {
    let stage = Stage::new(program)?;
    doing.settle(&stage)?;
    let arguments = doing.prepare(&stage)?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let counted = stage.ours_with_fault("kill:0", &words)?.success()?;
    let operations: u64 = counted
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("operations: "))
        .ok_or("the program was built without the feature faulty")?
        .parse()?;
    let points = points(operations, sample);
    for (number, point) in points.iter().enumerate() {
        let kind = ["kill", "torn-kill"][number % 2];
        one(&stage, doing, &format!("{kind}:{point}"))
            .map_err(|error| format!("{kind}:{point} of {operations}: {error}"))?;
    }
    stage.is_whole(false)?;
    println!(
        "object_faults, {} killed: {} of {operations}",
        doing.name(),
        points.len()
    );
    Ok(())
}

fn one(stage: &Stage<'_>, doing: Doing, fault: &str) -> Result<()> {
    let arguments = doing.prepare(stage)?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = stage.ours_with_fault(fault, &words)?;
    if outcome.code != 137 {
        return Err(format!(
            "exit code {}\n{}{}",
            outcome.code, outcome.stdout, outcome.stderr
        )
        .into());
    }
    stage
        .is_whole(true)
        .map_err(|error| format!("after the kill: {error}"))?;
    doing.again(stage, &arguments)?;
    stage.expire_leaves_no_upload()
}
