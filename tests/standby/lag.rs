//! A standby whose replay stands still: the backup waits, then fails or turns to another cluster, as was asked.

use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Stage, Who, says, says_not};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Test = fn(&Program) -> TestResult;
    for (name, test) in [
        (
            "a_standby_that_lags_is_refused_or_replaced",
            lagging as Test,
        ),
        (
            "a_wait_for_replay_ends_with_a_signal_and_with_the_primary",
            ended,
        ),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(name, move || test(&program));
    }
    suite
}

/// Replay goes no further, and there is something to replay.
fn pause(stage: &Stage<'_>) -> TestResult {
    stage.primary.wait_for_replay(&stage.standby)?;
    stage.standby.sql("select pg_wal_replay_pause()")?;
    stage
        .primary
        .sql("create table unseen as select 1 as one")?;
    Ok(())
}

fn lagging(program: &Program) -> TestResult {
    let stage = Stage::new(program, 17, &[("archive-timeout", "5")])?;
    pause(&stage)?;
    let wanted = [
        "--archive-timeout=1",
        "--backup-standby",
        "--type=full",
        "backup",
    ];
    for who in [Who::Ours, Who::Theirs] {
        let refused = stage.outcome(who, &wanted)?.expect_code(82)?;
        says(
            &refused.stdout,
            &[
                "wait for replay on the standby to reach",
                "ERROR: [082]: timeout before standby replayed to",
                "- only reached",
                "HINT: is replication running and current on the standby?",
                "HINT: disable the 'backup-standby' option to backup directly from the primary.",
            ],
        )?;
        stage.nobody_is_left(&[&stage.primary, &stage.standby])?;
    }
    let preferred = [
        "--archive-timeout=2",
        "--backup-standby=prefer",
        "--type=full",
        "backup",
    ];
    let made = stage.run(Who::Ours, &preferred)?;
    says(
        &made.stdout,
        &[
            "WARN: unable to use standby pg2",
            "[ArchiveTimeoutError] timeout before standby replayed to",
            "WARN: unable to find a standby to perform the backup, using primary instead",
        ],
    )?;
    let from_standby = format!("backup file {}", stage.standby_dir().display());
    says_not(
        &made.stdout,
        &[&from_standby, "replay on the standby reached"],
    )?;
    // Another one that follows: it serves, whether a standby is a must or not.
    let second = stage.primary.standby()?;
    stage.primary.wait_for_replay(&second)?;
    stage.configure_cluster(3, &second)?;
    for option in ["--backup-standby=y", "--backup-standby=prefer"] {
        let made = stage.run(
            Who::Keep,
            &["--archive-timeout=2", option, "--type=full", "backup"],
        )?;
        says(
            &made.stdout,
            &[
                "WARN: unable to use standby pg2",
                &format!(
                    "copy files from the standby pg3 ('{}')",
                    second.data_dir().display()
                ),
                &format!("backup file {}/base/", second.data_dir().display()),
            ],
        )?;
        says_not(&made.stdout, &[&from_standby, "using primary instead"])?;
    }
    stage.nobody_is_left(&[&stage.primary, &stage.standby, &second])?;
    stage.verified()
}

/// Waits until the backup waits for replay: the standby is asked how far it is.
fn wait_until_it_waits(standby: &Cluster) -> TestResult {
    let asks = "select count(*) > 0 from pg_stat_activity where application_name = 'pgBackRest [backup]' and query like '%replay%'";
    Ok(standby.wait_for_sql(asks, "t")?)
}

fn ended(program: &Program) -> TestResult {
    let stage = Stage::new(program, 12, &[("archive-timeout", "600")])?;
    pause(&stage)?;
    let arguments = ["--backup-standby=y", "--type=full", "backup"];
    let mut child = stage.start(Who::Ours, &arguments)?;
    wait_until_it_waits(&stage.standby)?;
    std::process::Command::new("kill")
        .arg(child.id().to_string())
        .status()?;
    child.ends(63)?;
    stage.nobody_is_left(&[&stage.primary, &stage.standby])?;
    // The primary goes away meanwhile: its session is asked from time to time.
    let mut child = stage.start(Who::Ours, &arguments)?;
    wait_until_it_waits(&stage.standby)?;
    stage.primary.stop(StopMode::Immediate)?;
    let text = child.ends(57)?;
    says(
        &text,
        &["ERROR: [057]: unable to complete query 'select pg_catalog.pg_is_in_recovery()'"],
    )?;
    stage.primary.start()?;
    stage.standby.sql("select pg_wal_replay_resume()")?;
    stage.run(Who::Ours, &arguments)?;
    if stage.backups()? != 1 {
        return Err("there is one backup".into());
    }
    stage.verified()
}
