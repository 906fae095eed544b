//! The process dies at the n-th operation on the bucket.

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::doing::Doing;
use crate::point::points;
use crate::stage::{Result, Stage};
use crate::store::Store;

/// Points of a command in a default run on S3.
fn sample(doing: Doing) -> u64 {
    match doing {
        Doing::Backup => 8,
        Doing::Push => 4,
        _ => 5,
    }
}

pub fn visit(program: &Program, store: &'static Store) -> TestResult {
    let stage = Stage::new(program, store)?;
    for doing in Doing::WRITING {
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
        let points = points(operations, sample(doing).div_ceil(store.share));
        for (number, point) in points.iter().enumerate() {
            let kind = ["kill", "torn-kill"][number % 2];
            one(&stage, doing, &format!("{kind}:{point}")).map_err(|error| {
                format!("{}, {kind}:{point} of {operations}: {error}", doing.name())
            })?;
        }
        println!(
            "object_faults, {} {} killed: {} of {operations}",
            store.name,
            doing.name(),
            points.len()
        );
    }
    stage.is_whole(false)
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
    stage.expire_leaves_nothing()
}
