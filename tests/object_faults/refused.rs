//! A server that refuses one kind of request for good: the run ends with an error that says why, and nothing is lost.

use std::sync::Arc;

use pgkeep_testkit::object_server::faults::{Asked, Plan, Refusal, What};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::doing::Doing;
use crate::stage::{Result, Stage, ended_with_error};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for doing in [Doing::Backup, Doing::Push, Doing::Expire, Doing::Restore] {
        let program = Arc::clone(program);
        let name = format!("what_a_server_refuses_is_told_by_{}", doing.name());
        suite = suite.test(name, move || visit(&program, doing));
    }
    suite
}

/// Code, status, and what the user is told to look at.
const REFUSALS: &[(u16, &str, &str)] = &[
    (403, "AccessDenied", ""),
    (400, "ExpiredToken", "HINT: is repo-s3-token"),
    (404, "NoSuchBucket", "HINT: does the bucket"),
    (301, "PermanentRedirect", "HINT: do repo-s3-region"),
    (
        400,
        "AuthorizationHeaderMalformed",
        "HINT: do repo-s3-region",
    ),
    (403, "RequestTimeTooSkewed", "HINT: is the clock"),
    (503, "SlowDown", ""),
];

fn is_write(asked: &Asked) -> bool {
    matches!(asked.what, What::Put | What::Part | What::Complete)
}

fn is_removal(asked: &Asked) -> bool {
    matches!(asked.what, What::Remove | What::RemoveMany)
}

fn visit(program: &Program, doing: Doing) -> TestResult {
    let stage = Stage::new(program)?;
    for (number, (status, code, hint)) in REFUSALS.iter().enumerate() {
        let refusal = Refusal::s3(*status, code);
        let arguments = doing.prepare(&stage)?;
        let from = Plan::none();
        // What the command is about: a bucket that may be read and not written, or written and not cleared.
        let plan = match doing {
            Doing::Backup | Doing::Push => from.from(1, is_write, refusal),
            Doing::Expire => from.from(1, is_removal, refusal),
            Doing::Restore => from.from(
                1 + number as u64 % 3,
                |asked| asked.what == What::Get,
                refusal,
            ),
        };
        stage.front.plan(plan);
        let outcome = doing.run(&stage, &arguments)?;
        stage.front.plan(Plan::none());
        after(
            &stage,
            doing,
            &arguments,
            &ended_with_error(&outcome)?,
            (code, hint),
        )
        .map_err(|error| format!("{code}: {error}"))?;
    }
    Ok(())
}

fn after(
    stage: &Stage<'_>,
    doing: Doing,
    arguments: &[String],
    said: &str,
    (code, hint): (&str, &str),
) -> Result<()> {
    if !said.contains(code) || !said.contains(hint) || said.contains("test/secret") {
        return Err(format!("'{hint}' is not in\n{said}").into());
    }
    if doing == Doing::Push && stage.uploads()? > 0 {
        return Err("the upload was not given up".into());
    }
    doing.again(stage, arguments)?;
    stage.expire_leaves_no_upload()
}
