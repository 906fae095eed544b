//! `check` on a running cluster with two repositories: what is wrong with one does not hide the other.

use std::sync::Arc;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::Result;

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test("check_looks_at_every_repository", move || {
        two_repositories(&program)
    })
}

fn two_repositories(program: &Program) -> TestResult {
    let cluster = Cluster::builder(17)
        .setting("archive_mode", "on")
        .setting("archive_command", "false")
        .create()?;
    let config = Configuration::new(cluster.scratch())?
        .global("repo2-path", cluster.scratch().join("repo2").display())
        .global("archive-timeout", 20)
        .cluster("main", &cluster)
        .write(cluster.scratch(), "test.conf")?;
    let command = format!(
        "{} --config={} --stanza=main archive-push \"%p\"",
        program.link().display(),
        config.display()
    );
    cluster.append_setting("archive_command", &command)?;
    cluster.start()?;
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
    Ok(())
}
