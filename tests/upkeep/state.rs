//! A made-up cluster and its repositories, and both programs on them.

use std::path::PathBuf;

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A stanza `main` of a stopped cluster of version 15.
pub struct State {
    pub scratch: Scratch,
    pub pgbackrest: PgBackRest,
    pub configuration: Configuration,
    pub config: PathBuf,
}

impl State {
    /// Configuration and data directory; nothing in the repositories.
    pub fn new(options: &[(&str, &str)]) -> Result<Self> {
        let scratch = Scratch::new()?;
        let mut configuration = Configuration::new(&scratch)?
            .global("repo1-retention-full", 9)
            .global("log-level-file", "off")
            .stanza("main", "pg1-path", scratch.join("data").display());
        for (option, value) in options {
            let value = value.replace("SCRATCH", &scratch.path().display().to_string());
            configuration = configuration.global(option, value);
        }
        let config = configuration.write(&scratch, "test.conf")?;
        let state = Self {
            scratch,
            pgbackrest: PgBackRest::rolling()?,
            configuration,
            config,
        };
        state.cluster(&DataDirBuilder::new("15")?)?;
        Ok(state)
    }

    /// As [`State::new`] with a stanza and a full backup.
    pub fn with_backup(options: &[(&str, &str)]) -> Result<Self> {
        let state = Self::new(options)?;
        state.make(&["stanza-create"])?;
        state.make(&["--type=full", "backup"])?;
        Ok(state)
    }

    /// Puts another cluster into the data directory.
    pub fn cluster(&self, builder: &DataDirBuilder) -> Result<()> {
        let path = self.scratch.join("data");
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        builder
            .clone()
            .relation("base/1/16384", 4)
            .relation("global/1262", 1)
            .build(&path)?;
        self.scratch.account().own_tree(&path)?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(())
    }

    /// Runs a command of pgBackRest on the stopped cluster; it must succeed.
    pub fn make(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut all = vec!["--no-online"];
        all.extend(arguments);
        Ok(self.theirs(&self.with_stanza(&all))?.success()?)
    }

    /// pgBackRest with exactly these arguments beside the configuration.
    pub fn theirs<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Result<Outcome> {
        let config = format!("--config={}", self.config.display());
        Ok(run(self.pgbackrest.command().arg(config).args(arguments))?)
    }

    /// This program, started as pgBackRest.
    pub fn ours<S: AsRef<std::ffi::OsStr>>(
        &self,
        program: &Program,
        arguments: &[S],
    ) -> Result<Outcome> {
        let config = format!("--config={}", self.config.display());
        Ok(run(program.as_pgbackrest().arg(config).args(arguments))?)
    }

    /// This program under its own name, for the stanza.
    pub fn as_pgkeep(&self, program: &Program, arguments: &[&str]) -> Result<Outcome> {
        let config = format!("--config={}", self.config.display());
        Ok(run(program
            .command()
            .arg(config)
            .args(self.with_stanza(arguments)))?)
    }

    pub fn with_stanza(&self, arguments: &[&str]) -> Vec<String> {
        let mut all = vec!["--stanza=main".to_owned()];
        all.extend(arguments.iter().map(ToString::to_string));
        all
    }

    /// A file of repository 1.
    pub fn in_repo(&self, name: &str) -> PathBuf {
        self.scratch.join("repo").join(name)
    }

    /// Labels of the backups in repository 1, ascending.
    pub fn labels(&self) -> Result<Vec<String>> {
        let mut labels = Vec::new();
        for entry in std::fs::read_dir(self.in_repo("backup/main"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with("20") {
                labels.push(name);
            }
        }
        labels.sort();
        Ok(labels)
    }

    /// Archives the n-th segment of the cluster.
    pub fn push(&self, number: u32) -> Result<()> {
        let segment = self.scratch.write(
            format!("data/pg_wal/0000000100000000{number:08X}"),
            DataDirBuilder::new("15")?.wal_segment(1),
        )?;
        let path = segment.display().to_string();
        self.theirs(&self.with_stanza(&["archive-push", &path]))?
            .success()?;
        Ok(())
    }
}
