//! What a command finds around it: variables that mean nothing to it, and descriptors that are closed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::case::State;

/// Every case of this file.
pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    type Case = fn(&Program) -> TestResult;
    let cases: [(&str, Case); 3] = [
        ("a_variable_in_another_encoding_is_no_obstacle", variables),
        ("an_error_is_told_though_standard_output_is_full", full),
        (
            "lines_that_the_log_file_cannot_take_are_told_once",
            full_log,
        ),
    ];
    cases.into_iter().fold(suite, |suite, (name, case)| {
        let program = Arc::clone(program);
        suite.test(name, move || case(&program))
    })
}

/// Messages go to standard output by default. Where nothing can be written there, nobody would know why the command failed.
fn full(program: &Program) -> TestResult {
    let device = std::fs::OpenOptions::new().write(true).open("/dev/full")?;
    let mut command = program.command();
    command.args(["--no-config", "info"]).stdout(device);
    let output = command.output()?;
    let said = String::from_utf8(output.stderr)?;
    match output.status.code() == Some(64) && said.contains("unable to write to stdout") {
        true => Ok(()),
        false => Err(format!("{}: {said}", output.status).into()),
    }
}

/// A full disk of logs ends no run, but whoever looks for the log later must know why it is not there.
fn full_log(program: &Program) -> TestResult {
    let state = State::new()?;
    let logs = state.scratch.join("logs");
    std::fs::create_dir(&logs)?;
    state.scratch.account().own_tree(&logs)?;
    std::os::unix::fs::symlink("/dev/full", logs.join("main-backup.log"))?;
    let place = format!("--log-path={}", logs.display());
    let words = [
        &place,
        "--log-level-file=detail",
        "--no-online",
        "--type=full",
        "backup",
    ];
    let said = state.ours(program, &words)?.success()?.stdout;
    let told = format!(
        "WARN: unable to write log file '{}/main-backup.log': No space left on device",
        logs.display()
    );
    match said.matches(&told).count() == 1 && said.matches("without these lines").count() == 1 {
        true => Ok(()),
        false => Err(said.into()),
    }
}

/// The server hands its whole environment to `archive_command`.
fn variables(program: &Program) -> TestResult {
    let odd = OsStr::from_bytes(b"\xff");
    for name in ["ODD", "HOME", "PGDATA", "PGPASSWORD", "PATH", "TZ", "LANG"] {
        let mut command = program.command();
        command.env(name, odd).args(["--no-config", "info"]);
        let outcome = run(&mut command)?.success()?;
        if !outcome.stdout.contains("No stanzas exist") {
            return Err(format!("{name}: {}", outcome.stdout).into());
        }
    }
    run(program.command().env(odd, "x").arg("version"))?.success()?;
    Ok(())
}
