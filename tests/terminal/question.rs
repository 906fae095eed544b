//! The question before a restore overwrites files: asked at a terminal as pgkeep, and nowhere else.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Stage, matches};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "a_restore_that_overwrites_asks_once_and_only_as_pgkeep_at_a_terminal",
        move || asks(&program),
    )
}

fn asks(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("compress-type", "none")])?;
    stage.piped(&["--no-online", "stanza-create"])?;
    stage.piped(&["--no-online", "--type=full", "backup"])?;
    let copy = stage.scratch.make_dir("copy")?;
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o700))?;
    let to = format!("--pg1-path={}", copy.display());
    let delta = [to.as_str(), "--delta", "restore"];
    stage.piped(&[&to, "restore"])?;
    let mine = copy.join("mine");
    std::fs::write(&mine, "precious")?;

    let mut terminal = stage.start(&delta, &[])?;
    terminal.wait_for("the question", |seen| seen.contains("Go on? [y/N] "))?;
    terminal.press("n\r")?;
    let seen = terminal.end()?.expect_code(40)?;
    for part in [
        "restore plan",
        "to be removed: 2 files or directories, 8B not in the backup\r\n  ",
        "not confirmed, nothing has been changed",
    ] {
        if !seen.raw.contains(part) {
            return Err(format!("no '{part}' in:\n{}", seen.raw).into());
        }
    }
    matches(
        "what is there",
        "precious",
        &std::fs::read_to_string(&mine)?,
    )?;

    let mut terminal = stage.start(&delta, &[])?;
    terminal.wait_for("the question", |seen| seen.contains("Go on? [y/N] "))?;
    terminal.press("y\r")?;
    terminal.end()?.expect_code(0)?;
    for quiet in [true, false] {
        std::fs::write(&mine, "precious")?;
        let output = match quiet {
            true => stage.as_pgbackrest(&delta)?.expect_code(0)?.raw,
            false => stage.piped(&delta)?.stdout,
        };
        if output.contains("Go on?") || mine.exists() {
            return Err(format!("asked, or did nothing:\n{output}").into());
        }
    }
    Ok(())
}
