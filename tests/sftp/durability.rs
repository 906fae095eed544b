//! How sure a backup is on a server, and what died writers leave there.

use std::time::{Duration, SystemTime};

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::TestResult;

use crate::refused::CREATE;
use crate::stage::Stage;
use crate::{Result, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    (
        "the_grade_of_a_set_is_kept_and_shown_and_pgbackrest_ignores_it",
        kept,
    ),
    ("a_server_without_fsync_is_told_as_trusted", trusted),
    ("left_overs_are_no_data_and_go_when_a_day_old", left_overs),
];

const BACKUP: &[&str] = &["--no-online", "--type=full", "backup"];
const GRADE: &str = "pgkeep.durability";

/// Labels of the sets on the server's disk, oldest first.
fn labels(stage: &Stage<'_>) -> Result<Vec<String>> {
    let mut labels = Vec::new();
    for entry in std::fs::read_dir(stage.server.files().join("backup/main"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("20") {
            labels.push(name);
        }
    }
    labels.sort();
    Ok(labels)
}

fn must(holds: bool, text: &str) -> TestResult {
    if holds { Ok(()) } else { Err(text.into()) }
}

fn kept(program: &Program) -> TestResult {
    let mut stage = Stage::new(program, &[])?;
    stage.run(CREATE)?;
    let made = stage
        .outcome_with(&[("log-level-console", "detail")], BACKUP)?
        .success()?;
    let label = labels(&stage)?.pop().ok_or("no set")?;
    must(
        made.stdout
            .contains(&format!("DETAIL: durability of backup {label} = fsynced")),
        &made.stdout,
    )?;
    let file = stage
        .server
        .files()
        .join("backup/main")
        .join(&label)
        .join(GRADE);
    must(
        std::fs::read(&file)? == b"fsynced\n",
        "the file has the grade",
    )?;

    let text = stage.ours_with(&[], &["info"])?.success()?.stdout;
    must(text.contains("            durability: fsynced\n"), &text)?;
    let ours = stage
        .ours_with(&[], &["--output=json", "info"])?
        .success()?
        .stdout;
    must(ours.contains(r#""pgkeep":{"durability":"fsynced"}"#), &ours)?;

    // pgBackRest sees nothing of it: in our words under its name, and in its own.
    let pgbackrest = PgBackRest::mandatory()?;
    stage.scratch.account().own_tree(stage.server.files())?;
    let config = format!("--config={}", stage.local()?.display());
    let theirs = |arguments: &[&str]| {
        pgbackrest.run([config.as_str(), "--stanza=main"].iter().chain(arguments))
    };
    for output in ["--output=json", "--output=text"] {
        let shown = theirs(&[output, "info"])?.success()?.stdout;
        // Older releases of pgBackRest do not know of locks of restores.
        let ours = stage
            .run(&[output, "info"])?
            .stdout
            .replace(r#","restore":{"held":false}"#, "");
        let shown = shown.replace(r#","restore":{"held":false}"#, "");
        must(shown == ours, &format!("{shown}\n{ours}"))?;
    }
    let verified = theirs(&["--output=text", "--verbose", "verify"])?
        .success()?
        .stdout;
    must(verified.contains("status: ok"), &verified)?;
    let copy = stage.scratch.make_dir("copy")?;
    let place = format!("--pg1-path={}", copy.display());
    theirs(&[&place, "--type=none", "restore"])?.success()?;
    let ignore = Ignore::of_restore();
    Snapshot::of(&stage.scratch.join("data"), &ignore)?
        .must_equal(&Snapshot::of(&copy, &ignore)?)?;
    stage.set("repo1-retention-full", "1");
    stage.run(BACKUP)?;
    stage.run(BACKUP)?;
    stage.scratch.account().own_tree(stage.server.files())?;
    let config = format!("--config={}", stage.local()?.display());
    pgbackrest
        .run([
            config.as_str(),
            "--stanza=main",
            "--repo1-retention-full=1",
            "expire",
        ])?
        .success()?;
    must(labels(&stage)?.len() == 1, "expire left one set")?;
    must(!file.exists(), "the grade went with its set")
}

fn trusted(program: &Program) -> TestResult {
    let bare =
        SftpServer::builder().line("ForceCommand internal-sftp -P fsync,posix-rename,limits");
    let stage = Stage::on(program, bare, &[])?;
    stage.run(CREATE)?;
    let made = stage.run(BACKUP)?;
    let label = labels(&stage)?.pop().ok_or("no set")?;
    must(
        made.stdout
            .contains(&format!("WARN: durability of backup {label} = trusted")),
        &made.stdout,
    )?;
    let text = stage.ours_with(&[], &["info"])?.success()?.stdout;
    must(text.contains("            durability: trusted\n"), &text)
}

fn left_overs(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    stage.run(CREATE)?;
    let builder = DataDirBuilder::new("15")?;
    let segment = stage.scratch.write(
        "data/pg_wal/000000010000000000000001",
        builder.wal_segment(1),
    )?;
    stage.run(&["archive-push", &segment.display().to_string()])?;
    stage.run(BACKUP)?;
    let label = labels(&stage)?.pop().ok_or("no set")?;
    let year = label.get(..4).ok_or("a label begins with the year")?;
    let wal = "archive/main/15-1/0000000100000000";
    let sum = "0123456789012345678901234567890123456789";
    let names = [
        "backup/main/backup.info.00aa0.pgbackrest.tmp".to_owned(),
        format!("backup/main/backup.history/{year}/{label}.manifest.gz.00aa1.pgbackrest.tmp"),
        "archive/main/archive.info.00aa2.pgbackrest.tmp".to_owned(),
        format!("{wal}/000000010000000000000002-{sum}.gz.00aa3.pgbackrest.tmp"),
        format!("{wal}/000000010000000000000001-{sum}.gz.00aa4.pgbackrest.tmp"),
    ];
    for name in &names {
        let file = stage.server.files().join(name);
        std::fs::write(&file, "torn")?;
        stage.scratch.account().own(&file)?;
    }
    let pgbackrest = PgBackRest::mandatory()?;
    stage.scratch.account().own_tree(stage.server.files())?;
    let config = format!("--config={}", stage.local()?.display());
    let info = stage.run(&["info"])?.stdout;
    let theirs = pgbackrest
        .run([config.as_str(), "--stanza=main", "info"])?
        .success()?
        .stdout;
    must(info == theirs, &format!("{info}\n{theirs}"))?;
    let verify = &["--output=text", "--verbose", "verify"][..];
    let verified = stage.run(verify)?.stdout;
    must(
        verified.contains("status: ok") && !verified.contains("00aa"),
        &verified,
    )?;
    let fetched = stage
        .scratch
        .join("data/pg_wal/RECOVERYXLOG")
        .display()
        .to_string();
    stage.run(&["archive-get", "000000010000000000000001", &fetched])?;
    must(
        std::fs::read(&fetched)? == builder.wal_segment(1),
        "the segment is the whole one",
    )?;
    stage
        .outcome(&["archive-get", "000000010000000000000002", &fetched])?
        .expect_code(1)?;

    // Young ones may belong to a process that runs now.
    let there = |stage: &Stage<'_>| {
        let files = stage.server.files();
        names
            .iter()
            .filter(|name| files.join(name).exists())
            .count()
    };
    stage.run(&["expire"])?;
    must(there(&stage) == names.len(), "young ones stay")?;
    let old = SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    for name in &names {
        std::fs::File::options()
            .write(true)
            .open(stage.server.files().join(name))?
            .set_modified(old)?;
    }
    stage.run(&["--dry-run", "expire"])?;
    must(there(&stage) == names.len(), "a dry run removes nothing")?;
    let expired = stage
        .outcome_with(&[("log-level-console", "detail")], &["expire"])?
        .success()?;
    must(there(&stage) == 0, &expired.stdout)?;
    must(
        expired
            .stdout
            .contains("removed 5 temporary file(s) older than a day"),
        &expired.stdout,
    )?;
    stage.run(verify)?;
    Ok(())
}
