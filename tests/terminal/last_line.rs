//! On a terminal a command of pgkeep ends with one line that says what was done, or what is left and how to go on.

use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Stage, matches};

const LABEL: &str = r"\d{8}-\d{6}F";
const SIZE: &str = r"[\d.]+[KMG]?B";
const TIME: &str = r"[\d.]+s";

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let shared = |test: fn(&Program) -> TestResult| {
        let program = Arc::clone(program);
        move || test(&program)
    };
    suite
        .test(
            "each_command_ends_with_a_line_that_says_what_was_done",
            shared(what_was_done),
        )
        .test(
            "no_line_is_added_as_pgbackrest_or_where_a_program_reads",
            shared(nowhere_else),
        )
        .test(
            "an_interrupted_backup_says_that_it_can_be_resumed_and_it_can",
            shared(interrupted_backup),
        )
        .test(
            "a_restore_that_failed_says_how_it_is_finished",
            shared(failed_restore),
        )
}

/// The command succeeds and its last line matches.
fn says(stage: &Stage<'_>, arguments: &[&str], pattern: &str) -> TestResult {
    let seen = stage.at_terminal(arguments)?.expect_code(0)?;
    matches(&arguments.join(" "), pattern, &seen.last_line())
}

fn what_was_done(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let offline = |command| ["--no-online", command];
    says(
        &stage,
        &offline("stanza-create"),
        "stanza main created in repo1",
    )?;
    says(
        &stage,
        &offline("stanza-create"),
        "stanza main was already in repo1",
    )?;
    says(
        &stage,
        &offline("stanza-upgrade"),
        "stanza main was up to date in repo1",
    )?;
    let full = format!("full backup {LABEL} of main in repo1: {SIZE}, {SIZE} stored, {TIME}");
    says(&stage, &["--no-online", "--type=full", "backup"], &full)?;
    let incr = format!(
        "incr backup {LABEL}_\\d{{8}}-\\d{{6}}I of main in repo1: {SIZE} of {SIZE} changed, {SIZE} stored, {TIME}"
    );
    stage.large("base/1/16385", 8192)?;
    says(&stage, &["--no-online", "--type=incr", "backup"], &incr)?;
    let label = stage.labels()?.remove(0);

    let segment = stage.segment(1)?;
    says(
        &stage,
        &["archive-push", &segment],
        "000000010000000000000001 of main is in repo1",
    )?;
    let target = stage.scratch.join("fetched").display().to_string();
    says(
        &stage,
        &["archive-get", "000000010000000000000001", &target],
        "000000010000000000000001 of main fetched from repo1 to .*/fetched",
    )?;
    let missing = stage.at_terminal(&["archive-get", "000000010000000000000009", &target])?;
    matches(
        "a segment that is not there",
        "000000010000000000000009 of main is not in the archive",
        &missing.expect_code(1)?.last_line(),
    )?;

    says(
        &stage,
        &["verify"],
        &format!(r"main in repo1 is sound: 2 backups with \d+ files, 1 WAL segment, {TIME}"),
    )?;
    says(&stage, &["info"], "stanza main with 2 backups")?;
    says(
        &stage,
        &["repo-ls", "archive/main"],
        r"3 entries in .*/repo/archive/main of repo1",
    )?;
    says(
        &stage,
        &["repo-get", "archive/main/archive.info"],
        &format!("{SIZE} of archive/main/archive.info in repo1"),
    )?;
    says(
        &stage,
        &["manifest", &format!("--set={label}")],
        &format!(r"\d+ files of {label} in repo1, {SIZE}"),
    )?;
    says(
        &stage,
        &["annotate", &format!("--set={label}"), "--annotation=a=b"],
        &format!("{label} of main annotated in repo1"),
    )?;
    says(&stage, &["expire"], "nothing to expire of main in repo1")?;
    let and_expired = format!("{full}; 2 backups expired");
    says(
        &stage,
        &[
            "--no-online",
            "--type=full",
            "--repo1-retention-full=1",
            "backup",
        ],
        &and_expired,
    )?;
    restores(&stage)?;
    says(
        &stage,
        &["stop"],
        "stanza main stopped on this host until the start command is run",
    )?;
    says(
        &stage,
        &["start"],
        "stanza main started: commands run again on this host",
    )?;
    says(
        &stage,
        &["repo-rm", "--recurse", "archive/main/15-1"],
        "nothing to remove.*|.*15-1 removed from repo1 with all that was in it",
    )?;
    stage.piped(&["stop"])?;
    says(
        &stage,
        &["stanza-delete"],
        "stanza main deleted from repo1 with all its backups and WAL",
    )?;
    says(
        &stage,
        &["stanza-delete"],
        "nothing to delete: repo1 has no stanza main",
    )
}

fn restores(stage: &Stage<'_>) -> TestResult {
    let copy = stage.scratch.make_dir("copy")?;
    std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let to = format!("--pg1-path={}", copy.display());
    says(
        stage,
        &[&to, "restore"],
        &format!(
            "{LABEL} of main restored from repo1 to .*/copy: {SIZE}, {TIME}; start PostgreSQL"
        ),
    )?;
    says(
        stage,
        // Without consent there would be a question.
        &[&to, "--delta", "--force", "restore"],
        &format!(
            "{LABEL} of main restored from repo1 to .*/copy: {SIZE} of {SIZE} written, the rest was there, {TIME}; start PostgreSQL"
        ),
    )
}

fn nowhere_else(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    for arguments in [
        &["--no-online", "stanza-create"][..],
        &["--no-online", "--type=full", "backup"],
        &["expire"],
        &["verify"],
    ] {
        let seen = stage.as_pgbackrest(arguments)?.expect_code(0)?;
        if !seen.lines().is_empty() || seen.raw.contains('\x1b') {
            return Err(format!("as pgbackrest {arguments:?} printed {:?}", seen.raw).into());
        }
        let piped = stage.piped(arguments)?;
        if !piped.stdout.is_empty() || !piped.stderr.is_empty() {
            return Err(format!("{arguments:?} printed {piped:?}").into());
        }
    }
    let json = stage
        .at_terminal(&["--output=json", "info"])?
        .expect_code(0)?;
    serde_json::from_str::<serde_json::Value>(&json.raw)?;
    Ok(())
}

fn interrupted_backup(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("process-max", "2"), ("compress-type", "gz")])?;
    stage.piped(&["--no-online", "stanza-create"])?;
    stage.large("base/1/20000", 1 << 30)?;
    let backup = [
        "--no-online",
        "--type=full",
        "--log-level-console=detail",
        "backup",
    ];
    let mut running = stage.start(&backup, &[])?;
    running.wait_for("a small file that is stored", |text| {
        text.contains("backup file") && text.contains("base/1/16384")
    })?;
    running.press("\x03")?;
    let seen = running.end()?.expect_code(63)?;
    matches(
        "the interrupted backup",
        "backup interrupted; [\\d.]+K?B of 1GB are stored: run it again to resume",
        &seen.last_line(),
    )?;
    let again = stage.at_terminal(&backup)?.expect_code(0)?;
    if !again.raw.contains("resumable backup") || !again.raw.contains("checksum resumed file") {
        return Err(format!("nothing was resumed:\n{}", again.lines().join("\n")).into());
    }
    Ok(())
}

fn failed_restore(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("compress-type", "none")])?;
    stage.piped(&["--no-online", "stanza-create"])?;
    stage.piped(&["--no-online", "--type=full", "backup"])?;
    let label = stage.labels()?.remove(0);
    let stored = format!("repo/backup/main/{label}/pg_data/base/1/16384");
    std::fs::write(stage.scratch.join(stored), "damaged")?;
    let copy = stage.scratch.make_dir("copy")?;
    std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let seen = stage.at_terminal(&[
        &format!("--pg1-path={}", copy.display()),
        "--job-retry=0",
        "restore",
    ])?;
    matches(
        "the failed restore",
        "restore failed; .*/copy is not complete and cannot be started: run it again with --delta to finish it",
        &seen.last_line(),
    )?;
    // Before anything was touched there is nothing to add to the error.
    let refused = stage.at_terminal(&["restore"])?;
    if refused.code == 0 || refused.raw.contains("restore failed") {
        return Err(format!("a refused restore printed {:?}", refused.raw).into());
    }
    Ok(())
}
