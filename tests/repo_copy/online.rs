//! Backups of a running cluster: they come with the WAL that makes them consistent, and start after pgBackRest restored them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::stage::{Result, must_say};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let one = Arc::clone(program);
    suite.test(
        "a_copied_backup_starts_with_the_wal_that_came_along",
        move || online(&one),
    )
}

/// Names of segments in an archive, ascending.
fn segments(repo: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for directory in fs::read_dir(repo.join("archive/main/15-1"))? {
        let directory = directory?.path();
        if !directory.is_dir() {
            continue;
        }
        for entry in fs::read_dir(directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

fn online(program: &Program) -> TestResult {
    let cluster = Cluster::builder(15)
        .wal_segment_mib(1)
        .setting("archive_mode", "on")
        .setting("archive_command", "false")
        .create()?;
    let scratch = cluster.scratch();
    let target = scratch.make_dir("target")?;
    let made = Configuration::new(scratch)?
        .global("repo1-retention-full", 9)
        .global("repo1-bundle", "y")
        .global("repo1-block", "y")
        .global("log-level-file", "off")
        .global("log-level-console", "info")
        .global("compress-type", "zst")
        .cluster("main", &cluster);
    let one = made.write(scratch, "one.conf")?;
    let both = made
        .clone()
        .global("repo2-path", target.display())
        .global("repo2-retention-full", 9)
        .write(scratch, "both.conf")?;
    let two = made
        .global("repo1-path", target.display())
        .write(scratch, "two.conf")?;
    let pgbackrest = PgBackRest::rolling()?;
    let with = |mut command: std::process::Command,
                config: &PathBuf,
                arguments: &[&str]|
     -> Result<Outcome> {
        command
            .arg(format!("--config={}", config.display()))
            .arg("--stanza=main");
        Ok(run(command.args(arguments))?)
    };
    let ours = |config, arguments: &[&str]| with(program.command(), config, arguments);
    let theirs = |config, arguments: &[&str]| with(pgbackrest.command(), config, arguments);
    let archive = format!(
        "{} --config={} --stanza=main archive-push \"%p\"",
        program.link().display(),
        one.display()
    );
    cluster.append_setting("archive_command", &archive)?;
    cluster.start()?;
    ours(&one, &["stanza-create"])?.success()?;
    cluster.sql("create table t as select generate_series(1, 20000) as n")?;
    ours(&one, &["--type=full", "backup"])?.success()?;
    cluster.sql("update t set n = -n where n < 200; select pg_switch_wal(); checkpoint")?;
    // WAL that no backup needs.
    cluster.sql("insert into t select generate_series(20001, 60000)")?;
    ours(&one, &["--type=incr", "backup"])?.success()?;
    let copy = |arguments: &[&str]| {
        let mut all = vec!["--repo=1", "--repo-to=2"];
        all.extend(arguments);
        all.push("repo-copy");
        ours(&both, &all)
    };
    // A segment that the last backup needs is gone.
    let source = scratch.join("repo");
    let all = segments(&source)?;
    let last = all
        .iter()
        .rev()
        .find(|name| name.contains('-'))
        .ok_or("there is no WAL")?;
    let path = source
        .join("archive/main/15-1")
        .join(&last[..16])
        .join(last);
    let kept = fs::read(&path)?;
    let account = scratch.account();
    fs::remove_file(&path)?;
    let said = copy(&["--set=latest"])?.expect_code(55)?;
    must_say(&said, "not all WAL that makes it consistent is there")?;
    let neither = format!("WAL {} is neither in repo1 nor in repo2", &last[..24]);
    must_say(&said, &neither)?;
    ours(&two, &["verify"])?.success()?;
    fs::write(&path, kept)?;
    account.own_tree(&path)?;
    // Now it comes, with its WAL and no other.
    let said = copy(&["--set=latest"])?.success()?;
    must_say(&said, "1 backup with ")?;
    let copied = segments(&target)?;
    if copied.len() >= all.len() {
        return Err(format!("{copied:?} of {all:?}").into());
    }
    ours(&two, &["verify"])?.success()?;
    let checked = theirs(&two, &["verify", "--output=text"])?.success()?;
    if checked.stdout.contains("status: error") {
        return Err(checked.stdout.into());
    }
    let before = cluster.sql("select count(*), sum(n) from t")?;
    cluster.stop(pgkeep_testkit::cluster::StopMode::Fast)?;
    fs::remove_dir_all(cluster.data_dir())?;
    scratch
        .account()
        .command("mkdir")
        .arg("-m")
        .arg("700")
        .arg(cluster.data_dir())
        .status()?;
    theirs(
        &two,
        &["--type=immediate", "--target-action=promote", "restore"],
    )?
    .success()?;
    cluster.start()?;
    cluster.wait_for_sql("select pg_is_in_recovery()", "f")?;
    let after = cluster.sql("select count(*), sum(n) from t")?;
    if before != after {
        return Err(format!("{after} in place of {before}").into());
    }
    Ok(())
}
