//! What `check` and `doctor` say of several clusters.

use std::sync::Arc;

use pgkeep_testkit::cluster::StopMode;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, Stage, Who, says, says_not};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Test = fn(&Program) -> TestResult;
    for (name, test) in [
        (
            "check_says_of_a_standby_what_pgbackrest_says",
            checked as Test,
        ),
        ("doctor_finds_what_is_wrong_with_a_standby", doctored),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(name, move || test(&program));
    }
    suite
}

fn checked(program: &Program) -> TestResult {
    let stage = Stage::new(program, 17, &[])?;
    let said = [
        "INFO: check repo1 (standby)",
        "INFO: switch wal not performed because this is a standby",
        "INFO: check repo1 configuration (primary)",
        "successfully archived to",
    ];
    let roles = "is a standby, PostgreSQL 17, timeline 1";
    for who in [Who::Theirs, Who::Ours, Who::Keep] {
        let told = stage.run(who, &["check"])?.stdout;
        says(&told, &said)?;
        match who {
            Who::Keep => says(&told, &["is a primary, PostgreSQL 17, timeline 1", roles])?,
            _ => says_not(&told, &[roles])?,
        }
    }
    // A standby alone, with a repository of this host: pgBackRest thinks that the primary must be here.
    let alone = [
        format!("--pg1-path={}", stage.standby_dir().display()),
        format!("--pg1-socket-path={}", stage.standby.socket_dir().display()),
        "--reset-pg2-path".to_owned(),
        "--reset-pg2-port".to_owned(),
        "--reset-pg2-socket-path".to_owned(),
        "--reset-pg2-user".to_owned(),
        "check".to_owned(),
    ];
    let alone: Vec<&str> = alone.iter().map(String::as_str).collect();
    for who in [Who::Theirs, Who::Ours] {
        let refused = stage.outcome(who, &alone)?.expect_code(27)?;
        says(
            &refused.stdout,
            &[
                "ERROR: [027]: primary database not found",
                "HINT: check indexed pg-path/pg-host configurations",
            ],
        )?;
    }
    let told = stage.run(Who::Keep, &alone)?.stdout;
    says(&told, &[roles, "INFO: check repo1 (standby)"])?;
    // Without the primary among several, and with backups that want a standby which is not there.
    stage.primary.stop(StopMode::Fast)?;
    for who in [Who::Theirs, Who::Ours, Who::Keep] {
        let refused = stage.outcome(who, &["check"])?.expect_code(27)?;
        says(
            &refused.stdout,
            &[
                "WARN: unable to check pg1: [DbConnectError]",
                "ERROR: [027]: primary database not found",
            ],
        )?;
    }
    stage.primary.start()?;
    stage.standby.stop(StopMode::Fast)?;
    for who in [Who::Theirs, Who::Ours] {
        let told = stage.run(who, &["--backup-standby", "check"])?.stdout;
        says(
            &told,
            &[
                "WARN: unable to check pg2: [DbConnectError]",
                "WARN: option 'backup-standby' is enabled but standby is not properly configured",
            ],
        )?;
    }
    stage.primary.stop(StopMode::Fast)?;
    for who in [Who::Theirs, Who::Ours] {
        let refused = stage.outcome(who, &["check"])?.expect_code(27)?;
        says(&refused.stdout, &["ERROR: [027]: no database found"])?;
    }
    Ok(())
}

fn doctored(program: &Program) -> TestResult {
    let stage = Stage::new(program, 15, &[])?;
    let look =
        || -> Result<String> { Ok(stage.outcome(Who::Keep, &["--verbose", "doctor"])?.stdout) };
    says(&look()?, &["a standby of version 15 runs"])?;
    let other = stage
        .archive_command()
        .replace("--stanza=main", "--stanza=other");
    stage.standby.append_setting("archive_command", &other)?;
    stage.standby.reload()?;
    let taken = "select setting like '%other%' from pg_settings where name = 'archive_command'";
    stage.standby.wait_for_sql(taken, "t")?;
    says(
        &look()?,
        &["will archive to stanza 'other' once it is promoted"],
    )?;
    stage.standby.promote()?;
    let told = look()?;
    says(
        &told,
        &[
            "pg1 and pg2 are both primaries",
            "archives to stanza 'other'",
        ],
    )?;
    says_not(&told, &["a standby of version"])
}
