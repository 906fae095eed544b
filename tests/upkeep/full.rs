//! A file system without room: the error says which, what is left there, and what to do.

use std::process::Command;
use std::sync::Arc;

use pgkeep_testkit::error::Error;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::{Result, State};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "a_full_file_system_is_named_with_what_is_left_and_what_to_do",
        move || full(&program),
    )
}

/// Runs a command in a mount namespace of its own, where `directory` is a file system of so many bytes.
fn on_a_small_one(
    state: &State,
    program: &Program,
    directory: &str,
    size: &str,
    words: &[&str],
) -> Result<Outcome> {
    let account = state.scratch.account();
    let script = format!(
        "mount -t tmpfs -o size={size},uid={uid},gid={gid} tmpfs \"$1\" && cp -a \"$1.before/.\" \"$1\" && shift && \
         exec setpriv --reuid={uid} --regid={gid} --clear-groups \"$@\"",
        uid = account.uid(),
        gid = account.gid(),
    );
    let path = state.scratch.join(directory);
    // A file system over a directory hides what is in it.
    let before = state.scratch.make_dir(format!("{directory}.before"))?;
    run(Command::new("cp")
        .arg("-a")
        .arg(path.join("."))
        .arg(&before))?
    .success()?;
    let ours = program.command();
    Ok(run(Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(&path)
        .arg(ours.get_program())
        .arg(format!("--config={}", state.config.display()))
        .arg("--stanza=main")
        .args(words))?)
}

fn full(program: &Program) -> TestResult {
    let can = run(Command::new("unshare").args(["--mount", "true"]))?;
    if can.code != 0 {
        return Err(Error::Missing("the right to mount (root)".to_owned()).into());
    }
    let state = State::with_backup(&[])?;
    state.scratch.write("data/base/1/99999", vec![7; 3 << 20])?;
    let backup = [
        "--no-online",
        "--type=full",
        "--compress-type=none",
        "backup",
    ];
    let failed = on_a_small_one(&state, program, "repo", "2m", &backup)?;
    let mounted = state.scratch.join("repo");
    let parts = [
        "[28] No space left on device".to_owned(),
        format!(
            "HINT: the file system mounted at '{}' (tmpfs) has ",
            mounted.display()
        ),
        " of 2MB free".to_owned(),
        "HINT: make room there and run the command again".to_owned(),
    ];
    for part in &parts {
        if failed.code == 0 || !failed.stdout.contains(part) {
            return Err(format!("{}: no '{part}' in\n{}", failed.code, failed.stdout).into());
        }
    }
    Ok(())
}
