//! A primary, a standby that streams from it, and the configuration of both.

use std::path::{Path, PathBuf};
use std::process::Command;

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::running::Running;
use pgkeep_testkit::suite::TestResult;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Which program does a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// This program under its own name.
    Keep,
    /// This program, started as pgbackrest.
    Ours,
    /// The newest pgBackRest.
    Theirs,
}

/// Both clusters with a stanza.
pub struct Stage<'a> {
    program: &'a Program,
    pub theirs: PgBackRest,
    pub primary: Cluster,
    /// `pg2`.
    pub standby: Cluster,
    pub config: PathBuf,
    made: Configuration,
}

impl<'a> Stage<'a> {
    /// Makes and starts both, and the stanza; `pg1` is the primary.
    pub fn new(program: &'a Program, major: u32, options: &[(&str, &str)]) -> Result<Self> {
        let primary = Cluster::builder(major)
            .setting("archive_mode", "on")
            .setting("archive_command", "false")
            .create()?;
        let config = primary.scratch().join("pgbackrest.conf");
        primary.append_setting("archive_command", &push(program, &config, &primary))?;
        let standby = primary.standby()?;
        standby.append_setting("archive_command", &push(program, &config, &standby))?;
        standby.reload()?;
        let made = options.iter().fold(
            Configuration::new(primary.scratch())?
                .global("repo1-retention-full", 9)
                .global("log-level-console", "detail")
                .cluster_at("main", 1, &primary)
                .cluster_at("main", 2, &standby),
            |made, (option, value)| made.global(option, value),
        );
        let stage = Self {
            program,
            theirs: PgBackRest::rolling()?,
            primary,
            standby,
            config,
            made,
        };
        stage.configure(&[])?;
        stage.primary.start()?;
        stage.run(Who::Ours, &["stanza-create"])?;
        Ok(stage)
    }

    /// Writes the configuration with more options of the stanza.
    pub fn configure(&self, more: &[(&str, &str)]) -> TestResult {
        let made = more
            .iter()
            .fold(self.made.clone(), |made, (option, value)| {
                made.stanza("main", option, value)
            });
        made.write(self.primary.scratch(), "pgbackrest.conf")?;
        Ok(())
    }

    /// Configures one more cluster.
    pub fn configure_cluster(&self, key: usize, cluster: &Cluster) -> TestResult {
        self.made
            .clone()
            .cluster_at("main", key, cluster)
            .write(self.primary.scratch(), "pgbackrest.conf")?;
        Ok(())
    }

    pub fn command(&self, who: Who) -> Command {
        let mut command = match who {
            Who::Keep => self.program.command(),
            Who::Ours => self.program.as_pgbackrest(),
            Who::Theirs => self.theirs.command(),
        };
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main");
        command
    }

    pub fn outcome(&self, who: Who, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(self.command(who).args(arguments))?)
    }

    /// Runs a command that must succeed.
    pub fn run(&self, who: Who, arguments: &[&str]) -> Result<Outcome> {
        Ok(self.outcome(who, arguments)?.success()?)
    }

    /// Starts a command and leaves it running.
    pub fn start(&self, who: Who, arguments: &[&str]) -> Result<Running> {
        let output = self.primary.scratch().join("running.log");
        Ok(Running::start(self.command(who).args(arguments), output)?)
    }

    /// What the primary archives with.
    pub fn archive_command(&self) -> String {
        push(self.program, &self.config, &self.primary)
    }

    /// Restores the newest backup into a new directory, recovers all WAL there is and compares it with `expected`, a dump.
    pub fn restores_to(&self, who: Who, name: &str, expected: &str) -> TestResult {
        self.restores_to_with(who, name, &[], expected)
    }

    /// The same with more options.
    pub fn restores_to_with(
        &self,
        who: Who,
        name: &str,
        options: &[&str],
        expected: &str,
    ) -> TestResult {
        let copy = self.primary.scratch().make_dir(name)?;
        let path = format!("--pg1-path={}", copy.display());
        self.run(who, &[&[path.as_str()], options, &["restore"]].concat())?;
        let restored = Cluster::at(self.primary.major(), &copy, false)?;
        restored.start()?;
        restored.wait_for_sql("select pg_is_in_recovery()", "f")?;
        if restored.dump()? != expected {
            return Err(format!("{name} differs from the cluster").into());
        }
        Ok(())
    }

    /// No server is in backup mode, and nobody holds a session.
    pub fn nobody_is_left(&self, servers: &[&Cluster]) -> TestResult {
        let left =
            "select count(*) from pg_stat_activity where application_name like 'pgBackRest%'";
        for server in servers {
            server.wait_for_sql(left, "0")?;
        }
        Ok(())
    }

    /// Both programs find every file of the repository whole.
    pub fn verified(&self) -> TestResult {
        for who in [Who::Ours, Who::Theirs] {
            let told = self.run(who, &["--output=text", "--verbose", "verify"])?;
            if !told.stdout.contains("status: ok") || told.stdout.contains("status: invalid") {
                return Err(format!("verify by {who:?}:\n{}", told.stdout).into());
            }
        }
        Ok(())
    }

    /// Backups that are listed.
    pub fn backups(&self) -> Result<usize> {
        let told = self.run(Who::Ours, &["info"])?.stdout;
        Ok(told.matches(" backup: ").count())
    }

    /// The data directory of the standby.
    pub fn standby_dir(&self) -> &Path {
        self.standby.data_dir()
    }
}

/// The `archive_command` of a cluster: whichever of the two is the primary, it pushes from its own directory.
fn push(program: &Program, config: &Path, cluster: &Cluster) -> String {
    format!(
        "{} --config={} --stanza=main --pg1-path={} archive-push \"%p\"",
        program.link().display(),
        config.display(),
        cluster.data_dir().display()
    )
}

/// Fails unless `text` has each of these pieces.
pub fn says(text: &str, pieces: &[&str]) -> TestResult {
    for piece in pieces {
        if !text.contains(piece) {
            return Err(format!("no word of '{piece}' in\n{text}").into());
        }
    }
    Ok(())
}

/// Fails if `text` has one of these pieces.
pub fn says_not(text: &str, pieces: &[&str]) -> TestResult {
    for piece in pieces {
        if text.contains(piece) {
            return Err(format!("'{piece}' should not be in\n{text}").into());
        }
    }
    Ok(())
}
