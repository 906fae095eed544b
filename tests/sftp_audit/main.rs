//! `sftp-audit` against a real sshd: a closed server passes, and each hole made on purpose is found alone; and
//! `sftp-probe` beside it.
//!
//! Needs root: the account is an SFTP-only system user in a chroot. The server's files are compared before and after,
//! because an audit leaves nothing behind.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod holes;
mod probe;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use stage::Stage;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("sftp_audit: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("sftp_audit").threads(6);
    for hole in holes::ALL {
        for newest in hole.newest.iter().copied() {
            let by = if newest { "_of_the_newest_openssh" } else { "" };
            let program = Arc::clone(&program);
            suite = suite.test(format!("finds_exactly_{}{by}", hole.name), move || {
                hole.check(&program, newest)
            });
        }
    }
    for (name, test) in [
        (
            "the_probe_tells_what_the_server_can_do",
            probe::abilities as fn(&Program) -> TestResult,
        ),
        ("the_probe_finds_the_servers_limits", probe::limits),
        (
            "the_probe_says_whether_an_account_may_only_add",
            probe::append_only,
        ),
        (
            "a_connection_that_ends_before_sftp_begins_is_made_again",
            probe::an_early_end,
        ),
        (
            "the_probe_needs_a_path_it_can_write",
            probe::a_read_only_path,
        ),
        ("audits_and_probes_cause_no_penalty", penalties),
        ("a_wrong_pin_is_refused_as_what_it_is", wrong_pin),
    ] {
        let program = Arc::clone(&program);
        suite = suite.test(name, move || test(&program));
    }
    let closed = Arc::clone(&program);
    let pgbackrest = Arc::clone(&program);
    suite
        .test(
            "a_closed_server_passes_everything_that_can_be_tested",
            move || closed_server(&closed),
        )
        .test(
            "started_as_pgbackrest_the_command_does_not_exist",
            move || unknown_to_pgbackrest(&pgbackrest),
        )
        .run()
}

fn closed_server(program: &Program) -> TestResult {
    let stage = Stage::new(program, SftpServer::builder().chrooted().start()?)?;
    let before = stage.tree()?;
    // Free space is that of the machine the test runs on and may warn; the exit status is checked below.
    let text = stage.audit(&["--output=text"])?;
    if !(0..=1).contains(&text.code) {
        return Err(format!("{text:?}").into());
    }
    let text = text.stdout;
    for part in [
        "login with a password",
        "risk: ",
        "mend with: ",
        " 0 failed, ",
    ] {
        if !text.to_lowercase().contains(part) && !text.contains(part) {
            return Err(format!("no '{part}' in:\n{text}").into());
        }
    }
    let report = stage.report(0)?;
    report.must_be(&[])?;
    let untested = report.with_result("not tested");
    if untested != ["tunnel"] {
        return Err(format!("not tested: {untested:?}").into());
    }
    let risks = report.with_result("risk");
    if risks != ["change", "passphrase"] {
        return Err(format!("risks: {risks:?}").into());
    }
    stage.must_hold(&before)?;
    // Every program asked for on the way was the SFTP server; nothing failed to log in.
    let log = stage.server.log_text();
    for word in ["Failed ", "error: ", "fatal: ", "bad message"] {
        if log.contains(word) {
            return Err(format!("'{word}' in the server's log:\n{log}").into());
        }
    }
    if log.matches("Accepted publickey").count() != 2 {
        return Err(format!("two audits should log in twice:\n{log}").into());
    }
    Ok(())
}

/// The newest server blocks a source for a while after logins that failed, or that were not tried.
fn penalties(program: &Program) -> TestResult {
    let stage = Stage::new(program, SftpServer::builder().chrooted().newest().start()?)?;
    for _ in 0..8 {
        stage.report(0)?.must_be(&[])?;
    }
    stage
        .command("sftp-probe", &["--probe-size=1MiB"])?
        .success()?;
    stage.report(0)?.must_be(&[])?;
    let log = stage.server.log_text();
    // The kit itself connected once to see that the server is there, and went away without a login.
    if log.matches("penalty of ").count() > 1 {
        return Err(format!("penalties in the server's log:\n{log}").into());
    }
    for word in ["Failed ", "error: ", "fatal: ", "bad message"] {
        if log.contains(word) {
            return Err(format!("'{word}' in the server's log:\n{log}").into());
        }
    }
    Ok(())
}

/// The server has one kind of key, so there is none to ask for besides.
fn wrong_pin(program: &Program) -> TestResult {
    let server = SftpServer::builder().chrooted().start()?;
    let pin = "0".repeat(64);
    let stage = Stage::with(program, server, &[("repo2-sftp-host-pin", &pin)])?;
    for command in ["sftp-audit", "sftp-probe"] {
        let refused = stage.command(command, &[])?.expect_code(101)?;
        let said = refused.stdout + &refused.stderr;
        for part in ["do not match", "repo-sftp-host-pin", "HINT: "] {
            if !said.contains(part) {
                return Err(format!("no '{part}' said by {command}").into());
            }
        }
    }
    Ok(())
}

fn unknown_to_pgbackrest(program: &Program) -> TestResult {
    for command in ["sftp-audit", "sftp-probe"] {
        let refused = program.run_as_pgbackrest([command])?.expect_code(48)?;
        if !refused
            .stderr
            .contains(&format!("invalid command '{command}'"))
        {
            return Err(format!("{refused:?}").into());
        }
    }
    Ok(())
}
