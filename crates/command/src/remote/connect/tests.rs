#![allow(clippy::disallowed_methods)] // writes the programs that take the place of an SSH client

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pgkeep_config::Program;

use super::*;
use crate::error::{Error, ErrorCode};
use crate::run::test_context;

/// A directory with a program in the place of the SSH client.
struct Client {
    directory: tempfile::TempDir,
}

impl Client {
    fn new(script: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ssh");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn context(&self, program: Program) -> Context {
        context(program, &self.path("ssh"))
    }

    /// What the run is told that uses this program.
    fn error(&self, program: Program) -> Error {
        error(&self.context(program))
    }

    /// Waits for a number that the program writes into a file.
    fn pid(&self, name: &str) -> u32 {
        loop {
            let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
            if let Some(line) = text.strip_suffix('\n') {
                return line.parse().unwrap();
            }
            std::thread::yield_now();
        }
    }
}

fn context(program: Program, ssh: &Path) -> Context {
    let cmd_ssh = format!("--cmd-ssh={}", ssh.display());
    test_context::new(
        program,
        "repo-ls",
        &[&*cmd_ssh, "--repo1-host=backup", "--repo1-host-user=bob"],
    )
}

fn error(context: &Context) -> Error {
    let link = link(context, Side::Repo, 1, "backup").unwrap();
    link.client().unwrap_err()
}

fn is_there(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Waits until there is no such process.
fn gone(pid: u32) {
    while is_there(pid) {
        std::thread::yield_now();
    }
}

#[test]
fn what_ssh_prints_is_told_with_the_host_and_the_exit_status() {
    for (script, code, text) in [
        (
            "echo 'bob@backup: Permission denied (publickey).' >&2; exit 255",
            ErrorCode::Unknown,
            "remote-0 process on 'backup' terminated unexpectedly [255]: bob@backup: Permission denied (publickey).",
        ),
        (
            "echo 'ERROR: [055]: unable to open missing file' >&2; exit 55",
            ErrorCode::FileMissing,
            "remote-0 process on 'backup' terminated unexpectedly [55]: ERROR: [055]: unable to open missing file",
        ),
        (
            "printf 'one\\r\\ntwo \\033[31m\\n' >&2; exit 3",
            ErrorCode::Unknown,
            "remote-0 process on 'backup' terminated unexpectedly [3]: one\ntwo ?[31m",
        ),
        (
            "kill -9 $$",
            ErrorCode::Execute,
            "remote-0 process on 'backup' terminated unexpectedly on signal 9: the connection to the other host ended before its greeting",
        ),
    ] {
        let error = Client::new(script).error(Program::PgBackRest);
        assert_eq!((error.code, &*error.text()), (code, text), "{script}");
    }
}

#[test]
fn what_was_printed_in_place_of_a_greeting_is_told() {
    let client = Client::new("echo 'This account is currently not available.'; exit 1");
    let error = client.error(Program::PgBackRest);
    assert_eq!(error.code, ErrorCode::Unknown);
    assert!(
        error
            .message
            .starts_with("remote-0 process on 'backup' terminated unexpectedly [1]: ")
            && error
                .message
                .contains("This account is currently not available."),
        "{error}"
    );
}

#[test]
fn a_long_story_is_cut_and_does_not_hold_the_program_up() {
    let client = Client::new("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 255");
    let error = client.error(Program::PgBackRest);
    assert!(
        error.message.len() < 20_000,
        "{} bytes",
        error.message.len()
    );
}

#[test]
fn users_of_pgkeep_are_told_what_to_try() {
    let error = Client::new("exit 255").error(Program::PgKeep);
    let ssh = "as user me, this must work without a question: ";
    assert!(error.hints[0].starts_with(ssh), "{error}");
    assert!(error.hints[0].ends_with("/ssh bob@backup true"), "{error}");
    let error = Client::new("exit 127").error(Program::PgKeep);
    assert_eq!(
        error.hints,
        ["is pgkeep installed on 'backup'? repo1-host-cmd names the program there."]
    );
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = error(&context(Program::PgBackRest, Path::new("/no/ssh -v")));
    assert_eq!(
        (error.code, &*error.text()),
        (
            ErrorCode::Execute,
            "remote-0 process on 'backup' terminated unexpectedly [102]: unable to execute '/no/ssh -v': [2] No such file or directory"
        )
    );
}

#[test]
fn the_pgbackrest_of_another_release_is_recognized() {
    let greeting = r#"{"name":"pgBackRest","service":"remote","version":"2.55.1"}"#;
    let client = Client::new(&format!("echo '{greeting}'; exec cat >/dev/null"));
    let error = client.error(Program::PgBackRest);
    assert_eq!(error.code, ErrorCode::Protocol);
    assert!(
        error
            .message
            .starts_with("remote-0 ssh protocol on 'backup': ")
            && error.message.contains("2.55.1"),
        "{error}"
    );
}

#[test]
fn a_run_that_is_stopped_ends_the_program_and_what_a_wrapper_has_started() {
    let client =
        Client::new("cd \"$(dirname \"$0\")\"; sleep 1000 & echo $! >child; echo $$ >own; wait");
    let context = client.context(Program::PgBackRest);
    let link = link(&context, Side::Repo, 1, "backup").unwrap();
    std::thread::scope(|scope| {
        let connecting = scope.spawn(|| link.client().unwrap_err());
        let (own, child) = (client.pid("own"), client.pid("child"));
        assert!(is_there(own) && is_there(child));
        context.cancel.cancel(15);
        assert_eq!(connecting.join().unwrap().code, ErrorCode::Term);
        gone(own);
        // At a terminal a wrapper's child is in the group of this process and ends by its pipes.
        match child::is_at_terminal() {
            true => drop(
                std::process::Command::new("kill")
                    .arg(child.to_string())
                    .status(),
            ),
            false => gone(child),
        }
    });
}
