//! How a connection that persists ends: its process is killed or stopped, or the server goes.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::TestResult;
use pgkeep_testkit::wrapper::{Wrapper, holder};

use crate::persist::{PATIENCE, create, get, names, push, wait};
use crate::stage::Stage;
use crate::{Result, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    (
        "a_killed_process_with_a_connection_costs_no_segment",
        killed,
    ),
    ("stop_by_force_of_either_program_ends_the_process", stopped),
    (
        "the_process_has_nothing_that_its_caller_had_open",
        has_nothing,
    ),
    ("a_server_that_goes_takes_no_segment_with_it", server_gone),
];

fn stopped(program: &Program) -> TestResult {
    let pgbackrest = PgBackRest::mandatory()?;
    for ours in [true, false] {
        let stage = Stage::new(program, &[])?;
        create(&stage)?;
        push(&stage, 1)?;
        push(&stage, 2)?;
        wait(&stage, true)?;
        if ours {
            stage.run(&["--force", "stop"])?;
        } else {
            let config = format!("--config={}", stage.local()?.display());
            pgbackrest
                .run([config.as_str(), "--stanza=main", "--force", "stop"])?
                .success()?;
        }
        let end = Instant::now() + PATIENCE;
        while names(&stage)?.iter().any(|name| name.ends_with(".sock")) {
            if Instant::now() > end {
                return Err("the process did not end".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}

fn has_nothing(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    create(&stage)?;
    push(&stage, 1)?;
    let name = "data/pg_wal/000000010000000000000002";
    let bytes = DataDirBuilder::new("15")?.wal_segment(2);
    let segment = stage.scratch.write(name, bytes)?.display().to_string();
    let command = stage.command(&["--repo1-sftp-persist=10m", "archive-push", &segment])?;
    let wrapper = Wrapper::run(&stage.scratch, &command)?;
    if wrapper.code != Some(0) {
        return Err(wrapper.output.into());
    }
    wait(&stage, true)?;
    wrapper.must_be_free_of(holder(&stage.scratch.join("lock/main-persist-1.lock"))?)?;
    stage.run(&["--force", "stop"]).map(drop)
}

/// Killed between two segments, as one begins, and while it is being written.
fn killed(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("compress-type", "none")])?;
    create(&stage)?;
    push(&stage, 1)?;
    let last = match std::env::var_os("PGKEEP_TEST_FULL") {
        Some(_) => 40,
        None => 7,
    };
    for number in 2..=last {
        let end = Instant::now() + PATIENCE;
        while get(&stage, 1)? != 0 {
            if Instant::now() > end {
                return Err("no connection is kept".into());
            }
        }
        let name = format!("data/pg_wal/0000000100000000000000{number:02X}");
        let bytes = DataDirBuilder::new("15")?.wal_segment(number);
        let segment = stage.scratch.write(name, bytes)?.display().to_string();
        if number % 3 == 0 {
            kill(&stage)?;
        }
        let mut push = stage.spawn(&["archive-push", &segment])?;
        while number % 3 == 1 && push.try_wait()?.is_none() && !is_written(&stage)? {}
        if number % 3 != 0 {
            kill(&stage)?;
        }
        if !push.wait()?.success() {
            return Err(format!("segment {number} was not pushed").into());
        }
    }
    for number in 1..=last {
        get(&stage, number)?;
    }
    Ok(())
}

/// Whether a file is on its way into the archive.
fn is_written(stage: &Stage<'_>) -> Result<bool> {
    let directory = stage
        .server
        .files()
        .join("archive/main/15-1/0000000100000000");
    for entry in fs::read_dir(directory)? {
        if entry?.file_name().to_string_lossy().ends_with(".tmp") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ends the process at once.
fn kill(stage: &Stage<'_>) -> TestResult {
    let text = fs::read_to_string(stage.scratch.join("lock/main-persist-1.lock"))?;
    let pid = text.rsplit("\"pid\":").next().unwrap_or_default();
    let pid = pid.trim_end_matches('}');
    run(Command::new("kill").args(["-KILL", pid]))?.success()?;
    Ok(())
}

/// The server ends all sessions, that of the process too.
fn server_gone(program: &Program) -> TestResult {
    let mut stage = Stage::new(program, &[])?;
    create(&stage)?;
    push(&stage, 1)?;
    push(&stage, 2)?;
    wait(&stage, true)?;
    stage.server.restart()?;
    for number in 3..=5 {
        push(&stage, number)?;
        get(&stage, number)?;
    }
    Ok(())
}
