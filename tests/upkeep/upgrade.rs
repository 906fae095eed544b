//! A cluster moves to the next major version: the stanza goes on, and what was backed up before stays restorable.

use std::sync::Arc;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::installed;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::Result;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "a_cluster_upgraded_from_15_to_17_keeps_its_stanza",
        move || upgrade(&program),
    )
}

struct Stage<'a> {
    program: &'a Program,
    config: std::path::PathBuf,
}

impl<'a> Stage<'a> {
    /// The stanza on this cluster; the repository is the one of `first`.
    fn new(program: &'a Program, cluster: &'a Cluster, first: &Cluster) -> Result<Self> {
        let config = Configuration::new(first.scratch())?
            .global("repo1-retention-full", 9)
            .global("start-fast", "y")
            .cluster("main", cluster)
            .write(first.scratch(), &format!("pg{}.conf", cluster.major()))?;
        let command = format!(
            "{} --config={} --stanza=main archive-push \"%p\"",
            program.link().display(),
            config.display()
        );
        cluster.append_setting("archive_mode", "on")?;
        cluster.append_setting("archive_command", &command)?;
        Ok(Self { program, config })
    }

    fn outcome(&self, words: &[&str]) -> Result<Outcome> {
        Ok(run(self
            .program
            .command()
            .arg(format!("--config={}", self.config.display()))
            .args(["--stanza=main", "--log-level-console=info"])
            .args(words))?)
    }

    fn run(&self, words: &[&str]) -> Result<Outcome> {
        Ok(self.outcome(words)?.success()?)
    }
}

fn upgrade(program: &Program) -> TestResult {
    let old = Cluster::builder(15).create()?;
    let before = Stage::new(program, &old, &old)?;
    old.start()?;
    old.sql("create table kept as select generate_series(1, 1000) as id")?;
    before.run(&["stanza-create"])?;
    before.run(&["--type=full", "backup"])?;
    old.stop(StopMode::Fast)?;

    let new = Cluster::builder(17).own_system_id().create()?;
    let carried = pg_upgrade(&old, &new)?;
    let after = Stage::new(program, &new, &old)?;
    new.start()?;
    // Until the stanza knows the new cluster, nothing of it is taken in.
    after.outcome(&["--type=full", "backup"])?.expect_code(51)?;
    after.run(&["stanza-upgrade"])?;
    let again = after.run(&["stanza-upgrade"])?;
    if !again.stdout.contains("is already up to date") {
        return Err(again.stdout.into());
    }
    after.run(&["check"])?;
    after.run(&["--type=full", "backup"])?;
    if carried && new.sql("select count(*) from kept")? != "1000" {
        return Err("the upgraded cluster lost rows".into());
    }
    let info = after.run(&["--output=text", "info"])?.stdout;
    if !info.contains("db (prior)") || !info.contains("db (current)") {
        return Err(info.into());
    }
    after.run(&["--output=text", "verify"])?;

    // What was before: the old set onto the old version.
    let copy = old.scratch().make_dir("copy")?;
    let label = info
        .lines()
        .find_map(|line| line.trim().strip_prefix("full backup: "))
        .ok_or("no set is listed")?;
    before.run(&[
        &format!("--pg1-path={}", copy.display()),
        &format!("--set={label}"),
        "--type=immediate",
        "--target-action=promote",
        "restore",
    ])?;
    let restored = Cluster::at(15, &copy, false)?;
    restored.start()?;
    restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
    if restored.sql("select count(*) from kept")? != "1000" {
        return Err("the old set lost rows".into());
    }

    // Retention goes over both: the old cluster's WAL goes with its last set.
    after.run(&["--type=full", "--repo1-retention-full=1", "backup"])?;
    match old.scratch().join("repo/archive/main/15-1").exists() {
        true => Err("WAL of the old cluster is still there".into()),
        false => Ok(()),
    }
}

/// Carries the data over; `false` where the programs it needs are not together in one directory, and the new cluster stays empty.
fn pg_upgrade(old: &Cluster, new: &Cluster) -> Result<bool> {
    let (old_bin, new_bin) = (installed::server_bin(15)?, installed::server_bin(17)?);
    let needed = [
        "pg_upgrade",
        "pg_dump",
        "pg_dumpall",
        "pg_restore",
        "psql",
        "vacuumdb",
    ];
    if !needed.iter().all(|name| new_bin.join(name).exists()) {
        return Ok(false);
    }
    let place = new.scratch().make_dir("upgrade")?;
    run(new
        .account()
        .command(new_bin.join("pg_upgrade"))
        .current_dir(place)
        .arg(format!("--old-bindir={}", old_bin.display()))
        .arg(format!("--new-bindir={}", new_bin.display()))
        .arg(format!("--old-datadir={}", old.data_dir().display()))
        .arg(format!("--new-datadir={}", new.data_dir().display()))
        .arg(format!("--socketdir={}", new.socket_dir().display()))
        .arg("--username=postgres"))?
    .success()?;
    Ok(true)
}
