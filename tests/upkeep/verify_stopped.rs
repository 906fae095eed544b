//! A `verify` that is ended by a signal: what it has found by then is how it ends.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::running::Running;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::{Result, State};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test("a_stopped_verify_ends_with_what_it_has_found", move || {
        stopped(&program)
    })
}

fn stopped(program: &Program) -> TestResult {
    let state = State::with_backup(&[("compress-type", "none")])?;
    for number in 1..=4 {
        state.push(number)?;
    }
    let damaged = stored(&state, "000000010000000000000001-")?;
    let mut bytes = std::fs::read(&damaged)?;
    *bytes.last_mut().ok_or("the segment is empty")? ^= 1;
    std::fs::write(&damaged, bytes)?;
    // So slow that the others take some seconds.
    let mut command = program.command();
    command
        .arg(format!("--config={}", state.config.display()))
        .args(state.with_stanza(&[
            "--repo1-rate-limit=8MiB",
            "--process-max=1",
            "--log-level-console=info",
            "verify",
        ]));
    let mut verify = Running::start(&mut command, state.scratch.join("output"))?;
    verify.wait_for("invalid checksum")?;
    let pid = verify.id().to_string();
    run(Command::new("kill").args(["-TERM", &pid]))?.success()?;
    let said = verify.ends(26)?;
    if !said.contains("is not in order, and not everything was read: terminated on signal") {
        return Err(said.into());
    }
    Ok(())
}

/// The stored segment whose name begins so.
fn stored(state: &State, name: &str) -> Result<PathBuf> {
    let archive = state.in_repo("archive/main/15-1/0000000100000000");
    for entry in std::fs::read_dir(archive)? {
        let path = entry?.path();
        if path.to_string_lossy().contains(name) {
            return Ok(path);
        }
    }
    Err(format!("{name} is not stored").into())
}
