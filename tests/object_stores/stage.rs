//! A running cluster whose repository is in a bucket, and both programs at it.

use std::path::{Path, PathBuf};
use std::process::Command;

use pgkeep_testkit::cluster::{Cluster, StopMode};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::object_server::ObjectServer;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::suite::TestResult;

use crate::Result;
use crate::store::Store;

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// This project's, started as pgbackrest.
    Ours,
    /// The newest pgBackRest.
    Theirs,
}

pub(crate) const BOTH: [Who; 2] = [Who::Ours, Who::Theirs];

pub(crate) struct Stage<'a> {
    ours: &'a Program,
    theirs: PgBackRest,
    /// Ends with the stage.
    _server: ObjectServer,
    pub(crate) cluster: Cluster,
    before: Vec<Cluster>,
    config: PathBuf,
}

impl<'a> Stage<'a> {
    /// A cluster that archives through our program into a bucket of this store, with its stanza.
    pub(crate) fn new(ours: &'a Program, store: &Store, options: &[(&str, &str)]) -> Result<Self> {
        let theirs = PgBackRest::rolling()?;
        let server = ObjectServer::start(store.kind)?;
        let cluster = Cluster::builder(17)
            .setting("archive_mode", "on")
            .setting("archive_command", "false")
            .create()?;
        let made = Configuration::new(cluster.scratch())?
            .bucket(1, &server)
            .global("repo1-retention-full", 2)
            .global("compress-type", "zst")
            .cluster("main", &cluster);
        let made = options
            .iter()
            .fold(made, |made, (option, value)| made.global(option, value));
        let config = made.write(cluster.scratch(), "pgbackrest.conf")?;
        let stage = Self {
            ours,
            theirs,
            _server: server,
            cluster,
            before: Vec::new(),
            config,
        };
        stage.archive_with(Who::Ours)?;
        stage.cluster.start()?;
        stage.run(Who::Ours, &["stanza-create"])?;
        Ok(stage)
    }

    /// The cluster archives through this program after a start or reload.
    pub(crate) fn archive_with(&self, who: Who) -> TestResult {
        let program: &Path = match who {
            Who::Ours => self.ours.link(),
            Who::Theirs => self.theirs.path(),
        };
        let command = format!(
            "{} --config={} --stanza=main archive-push \"%p\"",
            program.display(),
            self.config.display()
        );
        Ok(self.cluster.append_setting("archive_command", &command)?)
    }

    /// A new cluster of another version is in the place of the one before.
    pub(crate) fn take_over(&mut self, major: u32) -> TestResult {
        self.cluster.stop(StopMode::Fast)?;
        let new = Cluster::builder(major)
            .setting("archive_mode", "on")
            .setting("archive_command", "false")
            .create()?;
        let text = std::fs::read_to_string(&self.config)?;
        let global = text.split("\n[main]").next().unwrap_or_default();
        let stanza = Configuration::default().cluster("main", &new).text();
        let stanza = stanza.trim_start_matches("[global]\n");
        self.config = new
            .scratch()
            .write("pgbackrest.conf", format!("{global}\n{stanza}"))?;
        // Locks and logs of the old one stay where they are.
        self.before.push(std::mem::replace(&mut self.cluster, new));
        self.archive_with(Who::Ours)?;
        Ok(self.cluster.start()?)
    }

    fn command(&self, who: Who) -> Command {
        match who {
            Who::Ours => self.ours.as_pgbackrest(),
            Who::Theirs => self.theirs.command(),
        }
    }

    /// Runs a command with the stage's configuration.
    pub(crate) fn outcome(&self, who: Who, arguments: &[&str]) -> Result<Outcome> {
        let config = format!("--config={}", self.config.display());
        Ok(run(self
            .command(who)
            .args([config.as_str(), "--stanza=main"])
            .args(arguments))?)
    }

    /// Runs a command that must succeed.
    pub(crate) fn run(&self, who: Who, arguments: &[&str]) -> Result<Outcome> {
        Ok(self.outcome(who, arguments)?.success()?)
    }

    /// Runs a command of this program under its own name.
    pub(crate) fn own(&self, arguments: &[&str]) -> Result<Outcome> {
        let config = format!("--config={}", self.config.display());
        Ok(run(self
            .ours
            .command()
            .args([config.as_str(), "--stanza=main"])
            .args(arguments))?)
    }

    /// Runs a command with some options of the configuration replaced.
    pub(crate) fn changed(
        &self,
        who: Who,
        changes: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<Outcome> {
        let mut text = std::fs::read_to_string(&self.config)?;
        for (option, value) in changes {
            text = text
                .lines()
                .filter(|line| !line.starts_with(&format!("{option}=")))
                .map(|line| format!("{line}\n"))
                .collect();
            text = text.replacen("[global]\n", &format!("[global]\n{option}={value}\n"), 1);
        }
        let config = self.cluster.scratch().write("changed.conf", text)?;
        let config = format!("--config={}", config.display());
        Ok(run(self
            .command(who)
            .args([config.as_str(), "--stanza=main"])
            .args(arguments))?)
    }

    /// Ends the present segment and waits until it is archived.
    pub(crate) fn archive_all(&self) -> TestResult {
        let segment = self
            .cluster
            .sql("select pg_walfile_name(pg_switch_wal())")?;
        let archived =
            format!("select coalesce(last_archived_wal, '') >= '{segment}' from pg_stat_archiver");
        Ok(self.cluster.wait_for_sql(&archived, "t")?)
    }

    /// Restores by our program, starts the copy, and hands back what table t has there, the directory too.
    pub(crate) fn restored(&self, name: &str, arguments: &[&str]) -> Result<(String, PathBuf)> {
        let copy = self.cluster.scratch().make_dir(name)?;
        Ok((self.restored_into(Who::Ours, &copy, arguments)?, copy))
    }

    pub(crate) fn restored_into(
        &self,
        who: Who,
        copy: &Path,
        arguments: &[&str],
    ) -> Result<String> {
        let path = format!("--pg1-path={}", copy.display());
        let mut all = vec![path.as_str()];
        all.extend(arguments);
        all.push("restore");
        self.run(who, &all)?;
        let restored = Cluster::at(self.cluster.major(), copy, false)?;
        restored.start()?;
        restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
        let rows = restored.sql("select string_agg(what, ',' order by id) from t")?;
        restored.stop(StopMode::Fast)?;
        Ok(rows)
    }

    /// Names of all objects of the repository and their sizes, as pgBackRest lists them.
    pub(crate) fn objects(&self) -> Result<Vec<String>> {
        let listed = self.run(Who::Theirs, &["--recurse", "--output=json", "repo-ls"])?;
        let found: serde_json::Value = serde_json::from_str(&listed.stdout)?;
        let entries = found.as_object().ok_or("repo-ls printed no object")?;
        Ok(entries
            .iter()
            .filter(|(_, entry)| entry["type"] == "file")
            .map(|(name, _)| name.clone())
            .collect())
    }

    /// Labels of the backups, oldest first, as pgBackRest knows them.
    pub(crate) fn labels(&self) -> Result<Vec<String>> {
        let info = self.run(Who::Theirs, &["--output=json", "info"])?;
        let found: serde_json::Value = serde_json::from_str(&info.stdout)?;
        let backups = found[0]["backup"].as_array().ok_or("info has no backups")?;
        let label = |backup: &serde_json::Value| backup["label"].as_str().map(str::to_owned);
        Ok(backups.iter().filter_map(label).collect())
    }

    /// Both programs find the repository whole and say the same of it.
    pub(crate) fn both_agree(&self) -> TestResult {
        for who in BOTH {
            let verified = self.run(who, &["--output=text", "--verbose", "verify"])?;
            must_have(&verified.stdout, "status: ok")?;
            if verified.stdout.contains("status: invalid") {
                return Err(format!("verify by {who:?}:\n{}", verified.stdout).into());
            }
        }
        self.both_say(&[&["info"], &["--output=json", "info"]])
    }

    /// Both programs print the same for each of these.
    pub(crate) fn both_say(&self, commands: &[&[&str]]) -> TestResult {
        for arguments in commands {
            let said = BOTH.map(|who| self.run(who, arguments).map(|outcome| outcome.stdout));
            let [ours, theirs] = said;
            let (ours, theirs) = (ours?, theirs?);
            if ours != theirs {
                return Err(format!("{arguments:?}:\n{ours}\npgBackRest:\n{theirs}").into());
            }
        }
        Ok(())
    }
}

/// Fails with the text when the two differ.
pub(crate) fn same(what: &str, expected: &str, found: &str) -> TestResult {
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?} but found {found:?}").into())
}

/// Fails with the text when it lacks some words.
pub(crate) fn must_have(text: &str, words: &str) -> TestResult {
    if text.contains(words) {
        return Ok(());
    }
    Err(format!("{words:?} is not in:\n{text}").into())
}
