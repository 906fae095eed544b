//! Which cluster serves: roles are found at run time, and what is not there or not ours is told.

use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, Stage, Who, says, says_not};

const INSTEAD: &str = "unable to find a standby to perform the backup, using primary instead";
const NO_PRIMARY: &str = "unable to find primary cluster - cannot proceed";
const NO_STANDBY: &str = "unable to find standby cluster - cannot proceed";

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Test = fn(&Program) -> TestResult;
    for (name, test) in [
        ("a_standby_of_another_cluster_is_refused", foreign as Test),
        ("clusters_that_are_down_are_told_as_pgbackrest_does", down),
        (
            "two_primaries_are_refused_and_any_key_may_be_the_primary",
            roles,
        ),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(name, move || test(&program));
    }
    suite
}

/// A cluster in recovery that follows nobody, with a system identifier of its own.
fn stranger(major: u32) -> Result<Cluster> {
    let stranger = Cluster::builder(major)
        .own_system_id()
        .setting("max_wal_senders", 10)
        .create()?;
    stranger.signal_standby()?;
    stranger.start()?;
    Ok(stranger)
}

fn foreign(program: &Program) -> TestResult {
    let stage = Stage::new(program, 17, &[])?;
    let stranger = stranger(17)?;
    stage.configure_cluster(2, &stranger)?;
    let refused = stage
        .outcome(Who::Ours, &["--backup-standby=y", "backup"])?
        .expect_code(58)?;
    says(
        &refused.stdout,
        &[
            "is of another cluster than primary pg1",
            "system identifier",
            "HINT: are pg2-path, pg2-port and pg2-socket-path those of a standby of pg1?",
        ],
    )?;
    let backup = ["--backup-standby=prefer", "--type=full", "backup"];
    let preferred = stage.run(Who::Ours, &backup)?;
    says(
        &preferred.stdout,
        &["WARN: unable to use standby pg2", INSTEAD],
    )?;
    says_not(
        &preferred.stdout,
        &[&stranger.data_dir().join("base").display().to_string()],
    )?;
    let checked = stage.outcome(Who::Keep, &["check"])?.expect_code(28)?;
    says(
        &checked.stdout,
        &[
            "do not match the database",
            "is of another cluster than primary pg1",
        ],
    )?;
    // A data directory that is not the server's.
    stage.configure_cluster(2, &stage.standby)?;
    let path = format!("--pg2-path={}", stranger.data_dir().display());
    let refused = stage
        .outcome(Who::Ours, &[&path, "--backup-standby", "backup"])?
        .expect_code(58)?;
    says(
        &refused.stdout,
        &["HINT: the pg2-path and pg2-port settings likely reference different clusters"],
    )?;
    stage.nobody_is_left(&[&stage.primary, &stage.standby, &stranger])
}

/// Runs a backup that must fail with this code by both programs, and compares what they say.
fn both_refuse(stage: &Stage<'_>, arguments: &[&str], code: i32, pieces: &[&str]) -> TestResult {
    for who in [Who::Ours, Who::Theirs] {
        let refused = stage.outcome(who, arguments)?.expect_code(code)?;
        says(&refused.stdout, pieces)?;
    }
    Ok(())
}

fn down(program: &Program) -> TestResult {
    let stage = Stage::new(program, 15, &[])?;
    stage.standby.stop(StopMode::Fast)?;
    let wanted = ["--backup-standby=y", "--type=full", "backup"];
    let unable = "WARN: unable to check pg2: [DbConnectError] unable to connect to 'dbname='postgres' port=5432 user='postgres' host=";
    both_refuse(
        &stage,
        &wanted,
        56,
        &[unable, &format!("ERROR: [056]: {NO_STANDBY}")],
    )?;
    for who in [Who::Ours, Who::Theirs] {
        let made = stage.run(who, &["--backup-standby=prefer", "--type=full", "backup"])?;
        says(&made.stdout, &[unable, &format!("WARN: {INSTEAD}")])?;
        // A standby that nobody wants is only warned about.
        let made = stage.run(who, &["--type=incr", "backup"])?;
        says(&made.stdout, &[unable])?;
        says_not(&made.stdout, &[INSTEAD])?;
    }
    stage.standby.start()?;
    stage.primary.stop(StopMode::Fast)?;
    let no_primary = format!("ERROR: [056]: {NO_PRIMARY}");
    let recovery = "HINT: are all available clusters in recovery?";
    both_refuse(
        &stage,
        &wanted,
        56,
        &["WARN: unable to check pg1", &no_primary, recovery],
    )?;
    stage.standby.stop(StopMode::Fast)?;
    let both = [
        "WARN: unable to check pg1",
        "WARN: unable to check pg2",
        &no_primary,
    ];
    both_refuse(&stage, &wanted, 56, &both)?;
    stage.primary.start()?;
    stage.standby.start()?;
    stage.primary.wait_for_replay(&stage.standby)?;
    let offline = stage
        .outcome(
            Who::Ours,
            &[
                "--no-online",
                "--force",
                "--backup-standby",
                "--type=full",
                "backup",
            ],
        )?
        .success()?;
    says(
        &offline.stdout,
        &[
            "WARN: option backup-standby is enabled but backup is offline - backups will be performed from the primary",
        ],
    )
}

fn roles(program: &Program) -> TestResult {
    let stage = Stage::new(program, 18, &[])?;
    // The other way round in the configuration.
    stage.configure_cluster(1, &stage.standby)?;
    let swapped = [
        ("pg1-path", stage.standby.data_dir().display().to_string()),
        (
            "pg1-socket-path",
            stage.standby.socket_dir().display().to_string(),
        ),
        ("pg2-path", stage.primary.data_dir().display().to_string()),
        (
            "pg2-socket-path",
            stage.primary.socket_dir().display().to_string(),
        ),
    ];
    let swapped: Vec<(&str, &str)> = swapped
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    stage.configure(&swapped)?;
    let made = stage.run(Who::Keep, &["--backup-standby", "--type=full", "backup"])?;
    says(
        &made.stdout,
        &[
            &format!(
                "copy files from the standby pg1 ('{}')",
                stage.standby_dir().display()
            ),
            &format!("backup file {}/base/", stage.standby_dir().display()),
        ],
    )?;
    let checked = stage.run(Who::Keep, &["check"])?;
    says(
        &checked.stdout,
        &[
            "is a standby, PostgreSQL 18, timeline 1",
            "is a primary, PostgreSQL 18, timeline 1",
        ],
    )?;
    stage.configure(&[])?;
    stage.standby.promote()?;
    for command in ["backup", "check"] {
        let arguments = ["--archive-timeout=5", command];
        both_refuse(
            &stage,
            &arguments,
            56,
            &["ERROR: [056]: more than one primary cluster found"],
        )?;
    }
    Ok(())
}
