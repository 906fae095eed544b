//! What happens to hosts while a backup of one is made from another: work is stopped by force, the primary fails over, clocks differ.
//!
//! A backup is held where it waits for its first segment in the archive. The archiver waits for a file to vanish.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pgkeep_testkit::cluster::StopMode;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::running::Running;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::Result;
use crate::machine::{Host, Way};
use crate::scene::{Case, Scene};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    type Test = fn(&Program, Way) -> TestResult;
    for (name, way, test) in [
        (
            "stop_force_at_the_host_of_the_cluster_ends_a_backup_by_ssh",
            Way::Ssh,
            stopped_there as Test,
        ),
        (
            "stop_force_at_the_host_of_the_cluster_ends_a_backup_by_tls",
            Way::Tls,
            stopped_there,
        ),
        (
            "stop_force_at_the_host_of_the_repository_ends_a_backup_that_it_makes",
            Way::Ssh,
            stopped_here,
        ),
        (
            "a_primary_that_fails_over_during_a_backup_ends_it_and_the_new_one_is_backed_up",
            Way::Tls,
            failed_over,
        ),
        (
            "a_host_whose_clock_is_ahead_is_backed_up_whole",
            Way::Ssh,
            ahead,
        ),
    ] {
        let program = Arc::clone(program);
        suite = suite.test(name, move || test(&program, way));
    }
    suite
}

/// A backup that runs and is held until `hold` is removed.
struct Held {
    backup: Running,
    hold: PathBuf,
}

impl Held {
    fn new(scene: &Scene<'_>, words: &[&str]) -> Result<Self> {
        let hold = scene.machines.scratch.write("hold", "")?;
        let held = format!(
            "while test -e {}; do sleep 0.1; done; {}",
            hold.display(),
            scene.archive_command()?
        );
        let cluster = scene.cluster.as_ref().ok_or("there is no server")?;
        cluster.append_setting("archive_command", &held)?;
        cluster.reload()?;
        cluster.wait_for_sql(
            "select setting like 'while%' from pg_settings where name = 'archive_command'",
            "t",
        )?;
        let output = scene.machines.scratch.join("running.log");
        let backup = Running::start(&mut scene.command(Host::Repo, words), output)?;
        let mut held = Self { backup, hold };
        held.backup.wait_for("check archive for")?;
        Ok(held)
    }

    /// Lets the archiver go on.
    fn release(&self) -> Result<()> {
        Ok(fs::remove_file(&self.hold)?)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The file has gone unless the test failed.
        let _ = fs::remove_file(&self.hold);
    }
}

const FULL: [&str; 3] = ["--log-level-console=info", "--type=full", "backup"];

fn stopped_there(program: &Program, way: Way) -> TestResult {
    stopped(program, way, Host::Pg1)
}

fn stopped_here(program: &Program, way: Way) -> TestResult {
    stopped(program, way, Host::Repo)
}

fn stopped(program: &Program, way: Way, at: Host) -> TestResult {
    let scene = Scene::running(program, way, 15)?;
    let mut held = Held::new(&scene, &FULL)?;
    scene.must(at, &["--force", "stop"])?;
    let told = held.backup.ends(63)?;
    let says = match at {
        Host::Repo => "backup command end: terminated on signal SIGTERM".to_owned(),
        _ => format!(
            "ERROR: [063]: raised from remote-0 {} protocol on '127.0.0.2': terminated on signal SIGTERM",
            way.name()
        ),
    };
    if !told.contains(&says) {
        return Err(format!("it does not say {says}:\n{told}").into());
    }
    held.release()?;
    scene.nobody_is_left()?;
    // As long as the file is there.
    let refused = scene.outcome(Host::Repo, &FULL)?.expect_code(62)?;
    if !format!("{}{}", refused.stdout, refused.stderr).contains("stop file exists") {
        return Err(refused.stdout.into());
    }
    scene.must(at, &["start"])?;
    scene.must(Host::Repo, &FULL)?;
    scene.nobody_is_left()?;
    scene.verified()
}

fn failed_over(program: &Program, way: Way) -> TestResult {
    let (scene, standby) = Scene::with_standby(program, way, 18)?;
    let primary = scene.cluster.as_ref().ok_or("there is no server")?;
    primary.wait_for_replay(&standby)?;
    let words = [&["--backup-standby"], &FULL[..]].concat();
    let mut held = Held::new(&scene, &words)?;
    primary.stop(StopMode::Immediate)?;
    standby.promote()?;
    // Noticed when it is asked, long before the archive's time is over.
    let told = held.backup.ends(57)?;
    if !told.contains("ERROR: [057]") {
        return Err(told.into());
    }
    held.release()?;
    scene.machines.nothing_left()?;
    let left = "select count(*) from pg_stat_activity where application_name ~ 'pgBackRest'";
    standby.wait_for_sql(left, "0")?;
    // The other is the primary now, for the same configuration.
    standby.sql("insert into t values (0)")?;
    let made = scene.must(
        Host::Repo,
        &["--log-level-console=info", "--type=incr", "backup"],
    )?;
    if !made.stdout.contains("unable to check pg1") {
        return Err(made.stdout.into());
    }
    scene.machines.nothing_left()?;
    scene.verified()
}

/// Files carry times that are yet to come where the repository is; and what changes meanwhile is not missed.
fn ahead(program: &Program, way: Way) -> TestResult {
    let scene = Scene::at_rest(program, way)?;
    let file = scene.file();
    let later = SystemTime::now() + Duration::from_secs(3600);
    let write = |fill: u8| -> Result<()> {
        let mut bytes = fs::read(&file)?;
        let last = bytes.len() - 1;
        bytes[last] = fill;
        fs::write(&file, bytes)?;
        let opened = fs::File::options().write(true).open(&file)?;
        Ok(opened.set_modified(later)?)
    };
    for (fill, kind) in [(1, "--type=full"), (2, "--type=incr"), (3, "--type=incr")] {
        // Same size, same time.
        write(fill)?;
        scene.must(
            Host::Repo,
            &["--no-online", "--checksum-page=n", kind, "backup"],
        )?;
        scene.prepare(Case::Restore)?;
        scene.go(Case::Restore, &[])?.0.success()?;
        scene.is_done(Case::Restore)?;
    }
    scene.nobody_is_left()?;
    scene.verified()
}
