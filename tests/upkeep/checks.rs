//! `check` on a running cluster with two repositories: what is wrong with one does not hide the other.

use std::sync::Arc;

use pgkeep_testkit::archiving;
use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::Result;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let settings = Arc::clone(program);
    let program = Arc::clone(program);
    suite
        .test("check_looks_at_every_repository", move || {
            two_repositories(&program)
        })
        .test(
            "a_running_cluster_that_is_not_ready_ends_a_run_with_its_code",
            move || not_ready(&settings),
        )
}

/// Codes 57, 58, 67, 68, 72, 82 and 87.
fn not_ready(program: &Program) -> TestResult {
    let cluster = Cluster::builder(17)
        .setting("archive_mode", "off")
        .create()?;
    let config = Configuration::new(cluster.scratch())?
        .global("archive-timeout", 1)
        .cluster("main", &cluster)
        .write(cluster.scratch(), "test.conf")?;
    let ask = |words: &[&str]| -> Result<Outcome> {
        Ok(run(program
            .command()
            .arg(format!("--config={}", config.display()))
            .args(["--stanza=main", "--log-level-console=info"])
            .args(words))?)
    };
    let again = |mode: &str, command: &str| -> TestResult {
        cluster.append_setting("archive_mode", mode)?;
        cluster.append_setting("archive_command", command)?;
        if cluster.is_running() {
            cluster.stop(StopMode::Fast)?;
        }
        Ok(cluster.start()?)
    };
    again("off", "")?;
    ask(&["stanza-create"])?.success()?;
    ask(&["check"])?.expect_code(87)?;
    again("always", "/bin/true # pgbackrest")?;
    ask(&["check"])?.expect_code(67)?;
    again("on", "/bin/true")?;
    ask(&["check"])?.expect_code(68)?;
    again("on", "/bin/true # pgbackrest")?;
    ask(&["check"])?.expect_code(82)?;
    cluster.sql("create role limited login in role pg_read_all_settings")?;
    ask(&["--pg1-user=limited", "--type=full", "backup"])?.expect_code(57)?;
    ask(&["--pg1-host=elsewhere", "archive-push", "x"])?.expect_code(72)?;
    let push = format!(
        "{} --config={} --stanza=main archive-push \"%p\"",
        program.link().display(),
        config.display()
    );
    again("on", &push)?;
    ask(&["--archive-timeout=300", "--type=full", "backup"])?.success()?;
    cluster.stop(StopMode::Fast)?;
    let elsewhere = format!(
        "--pg1-path={}",
        cluster.scratch().make_dir("copy")?.display()
    );
    ask(&[&elsewhere, "--target-timeline=none", "restore"])?.expect_code(58)?;
    Ok(())
}

fn two_repositories(program: &Program) -> TestResult {
    let (cluster, config) =
        archiving::start(Cluster::builder(17), program.link(), |made, cluster| {
            made.global("repo2-path", cluster.scratch().join("repo2").display())
                .global("archive-timeout", 300)
        })?;
    let ask = |words: &[&str]| -> Result<Outcome> {
        Ok(run(program
            .command()
            .arg(format!("--config={}", config.display()))
            .args(["--stanza=main", "--log-level-console=info"])
            .args(words))?)
    };
    ask(&["stanza-create"])?.success()?;
    ask(&["check"])?.success()?;
    for copy in ["", ".copy"] {
        let name = format!("repo/backup/main/backup.info{copy}");
        std::fs::remove_file(cluster.scratch().join(name))?;
    }
    let checked = ask(&["check"])?.expect_code(55)?;
    for text in [
        "ERROR: [055]: repo1: ",
        "successfully archived to",
        "on repo2",
        "1 of 2 repositories are not in order",
        "HINT: has a stanza-create been performed?",
    ] {
        if !checked.stdout.contains(text) {
            return Err(format!("'{text}' is not said:\n{}", checked.stdout).into());
        }
    }
    // Nor does one whose host nobody knows.
    let gone = ask(&["--repo1-host=gone.invalid", "check"])?;
    let said = [
        "repo1: ",
        "on repo2",
        "1 of 2 repositories are not in order",
    ];
    if gone.code == 0 || !said.iter().all(|text| gone.stdout.contains(text)) {
        return Err(format!("not told of both: {gone:?}").into());
    }
    Ok(())
}
