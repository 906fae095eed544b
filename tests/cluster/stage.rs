//! A running cluster with a stanza, archiving through this program.

use std::path::{Path, PathBuf};
use std::process::Command;

use pgkeep_testkit::archiving;
use pgkeep_testkit::cluster::{Cluster, ClusterBuilder};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::TestResult;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Cluster, configuration and program of a test.
pub struct Stage<'a> {
    pub program: &'a Program,
    pub cluster: Cluster,
    pub config: PathBuf,
}

impl<'a> Stage<'a> {
    /// Makes and starts the cluster, and its stanza.
    pub fn new(
        program: &'a Program,
        builder: ClusterBuilder,
        options: &[(&str, &str)],
    ) -> Result<Self> {
        Self::with(program, builder, |made| {
            options
                .iter()
                .fold(made, |made, (option, value)| made.global(option, value))
        })
    }

    /// The same with whatever `change` makes of the configuration.
    pub fn with(
        program: &'a Program,
        builder: ClusterBuilder,
        change: impl FnOnce(Configuration) -> Configuration,
    ) -> Result<Self> {
        let (cluster, config) = archiving::start(builder, program.link(), |made, _| {
            change(made.global("repo1-retention-full", 9))
        })?;
        let stage = Self {
            program,
            cluster,
            config,
        };
        stage.run(&["stanza-create"])?;
        Ok(stage)
    }

    pub fn command(&self) -> Command {
        let mut command = self.program.command();
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main");
        command
    }

    /// Runs a command that must succeed.
    pub fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        Ok(self.outcome(arguments)?.success()?)
    }

    pub fn outcome(&self, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(self.command().args(arguments))?)
    }

    /// Ends the present segment and waits until it is archived.
    pub fn archive_all(&self) -> TestResult {
        let segment = self
            .cluster
            .sql("select pg_walfile_name(pg_switch_wal())")?;
        let archived =
            format!("select coalesce(last_archived_wal, '') >= '{segment}' from pg_stat_archiver");
        Ok(self.cluster.wait_for_sql(&archived, "t")?)
    }

    /// Restores into a new directory.
    pub fn restore(&self, name: &str, arguments: &[&str]) -> Result<PathBuf> {
        let copy = self.cluster.scratch().make_dir(name)?;
        let path = format!("--pg1-path={}", copy.display());
        let mut all = vec![path.as_str()];
        all.extend(arguments);
        all.push("restore");
        self.run(&all)?;
        Ok(copy)
    }

    /// Starts a restored directory and waits until recovery has ended.
    pub fn start(&self, copy: &Path) -> Result<Cluster> {
        let restored = Cluster::at(self.cluster.major(), copy, false)?;
        restored.start()?;
        restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
        Ok(restored)
    }
}

/// Fails with the text when the two differ.
pub fn same(what: &str, expected: &str, found: &str) -> TestResult {
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?} but found {found:?}").into())
}
