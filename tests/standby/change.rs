//! Clusters that change while a backup runs: a finished backup or a clear error, and the next run succeeds.
//!
//! A backup is held where it waits for its first segment in the archive: the standby has caught up by then and nothing is
//! listed or copied yet. The archiver waits for a file to vanish.

use std::fs;
use std::sync::Arc;

use pgkeep_testkit::cluster::StopMode;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::running::Running;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, Stage, Who, says, says_not};

const FULL: [&str; 3] = ["--backup-standby", "--type=full", "backup"];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Test = fn(&Program) -> TestResult;
    for (name, test) in [
        (
            "what_the_primary_writes_while_a_standby_is_copied_is_in_the_next_incremental_backup",
            written_meanwhile as Test,
        ),
        ("a_standby_promoted_during_a_backup_ends_it", promoted),
        (
            "a_primary_that_fails_over_during_a_backup_ends_it_and_the_new_one_is_backed_up",
            failed_over,
        ),
        (
            "a_table_that_the_standby_does_not_have_yet_comes_from_the_primary",
            not_there_yet,
        ),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(name, move || test(&program));
    }
    suite
}

/// Holds the archiver of the primary until the value is dropped.
struct Hold<'a>(&'a Stage<'a>);

impl<'a> Hold<'a> {
    fn new(stage: &'a Stage<'a>) -> Result<Self> {
        let file = stage.primary.scratch().write("hold", "")?;
        let command = format!(
            "while test -e {}; do sleep 0.1; done; {}",
            file.display(),
            stage.archive_command()
        );
        stage.primary.append_setting("archive_command", &command)?;
        stage.primary.reload()?;
        let taken = "select setting like 'while%' from pg_settings where name = 'archive_command'";
        stage.primary.wait_for_sql(taken, "t")?;
        Ok(Self(stage))
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        // Gone already, or the scratch directory is.
        let _ = fs::remove_file(self.0.primary.scratch().join("hold"));
    }
}

/// Starts a backup and waits until it is held.
fn held<'a>(stage: &'a Stage<'a>, who: Who, arguments: &[&str]) -> Result<(Hold<'a>, Running)> {
    let hold = Hold::new(stage)?;
    let mut running = stage.start(who, arguments)?;
    running.wait_for("check archive for")?;
    Ok((hold, running))
}

fn written_meanwhile(program: &Program) -> TestResult {
    let options = [("repo1-bundle", "y"), ("repo1-block", "y")];
    let stage = Stage::new(program, 17, &options)?;
    stage
        .primary
        .sql("create table t as select g, 'old'::text v from generate_series(1, 5000) g")?;
    stage.primary.wait_for_replay(&stage.standby)?;
    let (hold, mut running) = held(&stage, Who::Ours, &FULL)?;
    stage.standby.sql("select pg_wal_replay_pause()")?;
    // In place, so that sizes stay; and on the primary's disk before its files are listed.
    stage
        .primary
        .sql("update t set v = 'new' where g = 1; checkpoint")?;
    drop(hold);
    running.ends(0)?;
    stage.standby.sql("select pg_wal_replay_resume()")?;
    stage.primary.wait_for_replay(&stage.standby)?;
    stage.run(Who::Ours, &["--backup-standby", "--type=incr", "backup"])?;
    // Straight to the end of the incremental backup: what it lacks nobody replays.
    let expected = stage.primary.dump()?;
    for who in [Who::Ours, Who::Theirs] {
        stage.restores_to(who, &format!("by-{who:?}"), &expected)?;
    }
    stage.verified()
}

fn promoted(program: &Program) -> TestResult {
    let stage = Stage::new(program, 15, &[])?;
    let (hold, mut running) = held(&stage, Who::Ours, &FULL)?;
    stage.standby.promote()?;
    drop(hold);
    let log = running.ends(58)?;
    says(
        &log,
        &[
            "ERROR: [058]: standby is no longer in recovery",
            "HINT: was the standby promoted during the backup?",
        ],
    )?;
    stage.nobody_is_left(&[&stage.primary, &stage.standby])?;
    stage.standby.stop(StopMode::Fast)?;
    // Taken up where it ended, but for what a standby may have left behind.
    let made = stage.run(
        Who::Ours,
        &["--backup-standby=prefer", "--type=full", "backup"],
    )?;
    says(&made.stdout, &["resumable backup", "using primary instead"])?;
    let listed = stage.backups()?;
    if listed != 1 {
        return Err(format!("{listed} backups in place of one").into());
    }
    stage.verified()?;
    // The one that was promoted has archived the beginning of a timeline of its own.
    stage.restores_to_with(
        Who::Theirs,
        "after",
        &["--target-timeline=current"],
        &stage.primary.dump()?,
    )
}

fn failed_over(program: &Program) -> TestResult {
    let stage = Stage::new(program, 18, &[])?;
    stage
        .primary
        .sql("create table t as select generate_series(1, 1000) g")?;
    stage.run(Who::Ours, &FULL)?;
    stage.primary.wait_for_replay(&stage.standby)?;
    let (hold, mut running) = held(&stage, Who::Ours, &FULL)?;
    stage.primary.stop(StopMode::Immediate)?;
    stage.standby.promote()?;
    drop(hold);
    // Noticed when it is asked, long before the archive's time is over.
    let log = running.ends(57)?;
    says(&log, &["ERROR: [057]: unable to complete query"])?;
    stage.nobody_is_left(&[&stage.standby])?;
    // One configuration for both: the other is the primary now.
    stage.standby.sql("insert into t values (0)")?;
    let made = stage.run(Who::Ours, &["--type=incr", "backup"])?;
    says(
        &made.stdout,
        &[
            "unable to check pg1",
            "a timeline switch has occurred since the",
            "enabling delta checksum",
        ],
    )?;
    stage.restores_to(Who::Theirs, "after", &stage.standby.dump()?)?;
    stage.verified()
}

fn not_there_yet(program: &Program) -> TestResult {
    let stage = Stage::new(program, 12, &[])?;
    let (hold, mut running) = held(&stage, Who::Ours, &FULL)?;
    stage.standby.sql("select pg_wal_replay_pause()")?;
    stage
        .primary
        .sql("create table late as select generate_series(1, 3000) g; checkpoint")?;
    let file = stage.primary.sql("select pg_relation_filepath('late')")?;
    drop(hold);
    let log = running.ends(0)?;
    says_not(&log, &["skip file removed by database"])?;
    says(&log, &[&format!("/{file} (")])?;
    stage.standby.sql("select pg_wal_replay_resume()")?;
    stage.restores_to(Who::Theirs, "after", &stage.primary.dump()?)
}
