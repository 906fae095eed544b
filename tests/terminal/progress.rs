//! The line that shows how far a run is moves within one large file, and names what the run waits for.

use std::collections::BTreeSet;
use std::sync::Arc;

use pgkeep_testkit::archiving;
use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};
use pgkeep_testkit::terminal::{Seen, Terminal};

use crate::stage::{Stage, matches};

const LARGE: u64 = 1 << 30;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let shared = |test: fn(&Program) -> TestResult| {
        let program = Arc::clone(program);
        move || test(&program)
    };
    suite
        .test(
            "the_bar_moves_within_one_large_file_of_backup_and_restore",
            shared(one_large_file),
        )
        .test(
            "a_backup_that_waits_for_a_checkpoint_says_so",
            shared(checkpoint),
        )
        .test(
            "a_terminal_that_cannot_draw_gets_no_bar_but_the_last_line",
            shared(dumb_terminal),
        )
}

/// Percentages between begin and end that the bar showed for a stage.
fn steps(stage: &str, seen: &Seen) -> Result<BTreeSet<u32>, regex::Error> {
    let pattern = format!("{stage} [█░]{{20}} +([0-9]+)%  [0-9.]+[KMG]?B of [0-9.]+[KMG]?B");
    let drawn = regex::Regex::new(&pattern)?;
    Ok(drawn
        .captures_iter(&seen.raw)
        .filter_map(|found| found[1].parse().ok())
        .filter(|percent| (1..100).contains(percent))
        .collect())
}

fn moved_within(stage: &str, seen: &Seen) -> TestResult {
    let steps = steps(stage, seen)?;
    // One file makes up all but a ten-thousandth: what is between is within it.
    if steps.len() < 2 {
        return Err(format!("{stage} moved to {steps:?} only:\n{:?}", seen.raw).into());
    }
    if !seen.raw.contains("pg_data/base/1/20000") {
        return Err(format!("{stage} did not name the file in hand:\n{:?}", seen.raw).into());
    }
    // Nothing of it is left on the screen.
    matches(stage, ".*of main .*", &seen.lines().join("|"))
}

fn one_large_file(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("compress-type", "gz"), ("compress-level", "1")])?;
    stage.piped(&["--no-online", "stanza-create"])?;
    stage.large("base/1/20000", LARGE)?;
    let backup = stage.at_terminal(&["--no-online", "--type=full", "backup"])?;
    moved_within("backup", &backup.expect_code(0)?)?;
    let copy = stage.scratch.make_dir("copy")?;
    std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let to = format!("--pg1-path={}", copy.display());
    let restore = stage.at_terminal(&[&to, "restore"])?.expect_code(0)?;
    moved_within("restore", &restore)?;
    // What is there already is read and compared, which moves the bar as well.
    let mut delta = stage.start(&[&to, "--delta", "restore"], &[])?;
    delta.wait_for("the question", |seen| seen.contains("Go on? [y/N] "))?;
    delta.press("y\r")?;
    moved_within("restore", &delta.end()?.expect_code(0)?)
}

fn checkpoint(program: &Program) -> TestResult {
    let builder = Cluster::builder(15)
        .setting("checkpoint_timeout", "1h")
        .setting("checkpoint_completion_target", "0.9");
    let (cluster, config) = archiving::start(builder, program.link(), |made, _| {
        made.global("log-level-file", "off")
            .global("repo1-retention-full", 2)
    })?;
    let arguments = |words: &[&str]| -> Vec<String> {
        let config = format!("--config={}", config.display());
        [config.as_str(), "--stanza=main"]
            .iter()
            .chain(words)
            .map(ToString::to_string)
            .collect()
    };
    let account = cluster.scratch().account();
    program.run(arguments(&["stanza-create"]))?.success()?;
    // Enough dirty pages that a spread checkpoint takes very long.
    cluster.sql("create table t as select g, repeat('x', 500) from generate_series(1, 20000) g")?;
    let words = arguments(&["--type=full", "--no-start-fast", "backup"]);
    let mut running = Terminal::start(account, program.path(), &words, &[])?;
    let waits = "backup: waiting for the next regular checkpoint";
    running.wait_for(waits, |text| text.contains(waits))?;
    running.press("\x03")?;
    let seen = running.end()?.expect_code(63)?;
    matches(
        "the interrupted backup",
        "backup interrupted; no backup was made",
        &seen.last_line(),
    )
}

fn dumb_terminal(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let create = ["--no-online", "stanza-create"];
    let seen = stage.start(&create, &[("TERM", "dumb")])?.end()?;
    let seen = seen.expect_code(0)?;
    matches(
        "all that was sent",
        "stanza main created in repo1\r\n",
        &seen.raw,
    )?;
    stage.large("base/1/20000", LARGE / 8)?;
    let backup = ["--no-online", "--type=full", "backup"];
    let seen = stage.start(&backup, &[("TERM", "dumb")])?.end()?;
    let seen = seen.expect_code(0)?;
    matches("all that was sent", "full backup [^\r\n]*\r\n", &seen.raw)
}
