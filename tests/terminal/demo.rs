//! The demonstration at a terminal: the commands it runs, their bars, the line of WAL, and last words for a stranger.

use std::sync::Arc;

use pgkeep_testkit::installed::server_bin;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};
use pgkeep_testkit::terminal::Terminal;

use crate::picture;
use crate::stage::matches;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "the_demonstration_shows_its_commands_the_line_of_wal_and_ends_in_plain_words",
        move || demo(&program),
    )
}

fn demo(program: &Program) -> TestResult {
    let servers = server_bin(15)?;
    let scratch = Scratch::new()?;
    let place = scratch.join("demo").display().to_string();
    let words = [
        format!("--demo-path={place}"),
        format!("--demo-pg-bin={}", servers.display()),
        "demo".to_owned(),
    ];
    let seen = Terminal::start(scratch.account(), program.path(), &words, &[])?.end()?;
    let seen = seen.expect_code(0)?;
    let lines = seen.lines();
    let text = lines.join("\n");
    for (what, pattern) in [
        (
            "a backup and what it did",
            r"\$ pgkeep --repo=1 --type=full backup\nfull backup \d{8}-\d{6}F of demo in repo1: ",
        ),
        ("the mistake", r"\$ psql -c 'drop table account'\n"),
        (
            "that the table is gone",
            "ERROR:  relation \"account\" does not exist",
        ),
        ("the line of WAL", "WAL ─●═+●─+◆─+✗─+▶"),
        (
            "the way back",
            r"\$ pgkeep --repo=\d --delta --type=time --target='[^']+' --target-action=promote restore\n",
        ),
        ("the proof", "ok the table is back as it was: 200000 "),
    ] {
        if !regex::Regex::new(pattern)?.is_match(&text) {
            return Err(format!("{what} is not shown:\n{text}").into());
        }
    }
    // Each command draws its own line while it works, and the dropped table is marked red.
    for sign in ["demo: creating the cluster", "\x1b[1;31m✗\x1b[0m"] {
        if !seen.raw.contains(sign) {
            return Err(format!("{sign:?} was never drawn:\n{text}").into());
        }
    }
    let last = lines[lines.len() - 4..].join(" ");
    matches(
        "the last words",
        "The table that was dropped is back with all of its 200000 rows: .* nothing else was touched\\.",
        &last,
    )?;
    picture::check(&seen, &place)
}
