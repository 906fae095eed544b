//! A repository lives on a server, and pgBackRest finds it whole.

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::TestResult;

use crate::stage::{Options, Stage};

pub(crate) fn life(program: &Program, options: Options<'_>) -> TestResult {
    let stage = Stage::new(program, options)?;
    let builder = DataDirBuilder::new("15")?;
    stage.run(&["--no-online", "stanza-create"])?;
    let segment = stage.scratch.write(
        "data/pg_wal/000000010000000000000001",
        builder.wal_segment(1),
    )?;
    stage.run(&["archive-push", &segment.display().to_string()])?;
    stage.run(&["--no-online", "--type=full", "backup"])?;
    stage.scratch.write("data/base/1/PG_VERSION", "15\n")?;
    stage.scratch.write(
        "data/postgresql.conf",
        "# changed since the full backup was made\n",
    )?;
    stage.run(&["--no-online", "--type=incr", "backup"])?;

    let pgbackrest = PgBackRest::mandatory()?;
    // Files belong to the server's account; root reads all of them.
    stage.scratch.account().own_tree(stage.server.files())?;
    let config = format!("--config={}", stage.local()?.display());
    let verified = pgbackrest
        .run([
            config.as_str(),
            "--stanza=main",
            "--output=text",
            "--verbose",
            "verify",
        ])?
        .success()?;
    if !verified.stdout.contains("status: ok") || verified.stdout.contains("status: invalid") {
        return Err(format!("pgBackRest does not find it whole:\n{}", verified.stdout).into());
    }
    let (ours, theirs) = (
        stage.run(&["info"])?.stdout,
        pgbackrest
            .run([config.as_str(), "--stanza=main", "info"])?
            .success()?
            .stdout,
    );
    if ours.matches("incr backup: ").count() != 1 || theirs.matches("incr backup: ").count() != 1 {
        return Err(format!("info:\n{ours}\n{theirs}").into());
    }

    let fetched = stage.scratch.join("data/pg_wal/RECOVERYXLOG");
    stage.run(&[
        "archive-get",
        "000000010000000000000001",
        &fetched.display().to_string(),
    ])?;
    if std::fs::read(&fetched)? != builder.wal_segment(1) {
        return Err("the segment came back with other bytes".into());
    }
    std::fs::remove_file(fetched)?;
    let copy = stage.scratch.make_dir("copy")?;
    stage.run(&[
        &format!("--pg1-path={}", copy.display()),
        "--type=none",
        "restore",
    ])?;
    let ignore = Ignore::of_restore();
    Ok(Snapshot::of(&stage.scratch.join("data"), &ignore)?
        .must_equal(&Snapshot::of(&copy, &ignore)?)?)
}
