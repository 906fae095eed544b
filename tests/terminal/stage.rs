//! A made-up cluster that does not run, a repository, and the program at a terminal.

use std::path::PathBuf;

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Outcome, Program};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::terminal::{Seen, Terminal};

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A stanza `main` of a stopped cluster of version 15.
pub struct Stage<'a> {
    pub scratch: Scratch,
    pub program: &'a Program,
    config: PathBuf,
}

impl<'a> Stage<'a> {
    /// Configuration and data directory; nothing in the repository.
    pub fn new(program: &'a Program, options: &[(&str, &str)]) -> Result<Self> {
        let scratch = Scratch::new()?;
        let mut configuration = Configuration::new(&scratch)?
            .global("repo1-retention-full", 9)
            .global("log-level-file", "off")
            .stanza("main", "pg1-path", scratch.join("data").display());
        for (option, value) in options {
            configuration = configuration.global(option, value);
        }
        let config = configuration.write(&scratch, "test.conf")?;
        let data = scratch.join("data");
        DataDirBuilder::new("15")?
            .relation("base/1/16384", 4)
            .relation("global/1262", 1)
            .build(&data)?;
        scratch.account().own_tree(&data)?;
        std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(Self {
            scratch,
            program,
            config,
        })
    }

    /// Makes a relation of so many bytes that takes no room on disk.
    pub fn large(&self, name: &str, bytes: u64) -> Result<()> {
        let path = self.scratch.join("data").join(name);
        std::fs::File::create(&path)?.set_len(bytes)?;
        Ok(self.scratch.account().own(&path)?)
    }

    /// A segment of WAL in the cluster.
    pub fn segment(&self, number: u32) -> Result<String> {
        let path = self.scratch.write(
            format!("data/pg_wal/0000000100000000{number:08X}"),
            DataDirBuilder::new("15")?.wal_segment(1),
        )?;
        Ok(path.display().to_string())
    }

    pub fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let mut all = vec![
            format!("--config={}", self.config.display()),
            "--stanza=main".to_owned(),
        ];
        all.extend(arguments.iter().map(ToString::to_string));
        all
    }

    /// Started at a terminal as pgkeep.
    pub fn start(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Terminal> {
        Ok(Terminal::start(
            self.scratch.account(),
            self.program.path(),
            &self.arguments(arguments),
            environment,
        )?)
    }

    /// Run at a terminal as pgkeep.
    pub fn at_terminal(&self, arguments: &[&str]) -> Result<Seen> {
        Ok(self.start(arguments, &[])?.end()?)
    }

    /// Run at a terminal as pgbackrest.
    pub fn as_pgbackrest(&self, arguments: &[&str]) -> Result<Seen> {
        Ok(Terminal::run(
            self.scratch.account(),
            self.program.link(),
            &self.arguments(arguments),
        )?)
    }

    /// Run as pgkeep with its output read by a program; it must succeed.
    pub fn piped(&self, arguments: &[&str]) -> Result<Outcome> {
        Ok(self.program.run(self.arguments(arguments))?.success()?)
    }

    /// Labels of the backups, ascending.
    pub fn labels(&self) -> Result<Vec<String>> {
        let mut labels = Vec::new();
        for entry in std::fs::read_dir(self.scratch.join("repo/backup/main"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with("20") {
                labels.push(name);
            }
        }
        labels.sort();
        Ok(labels)
    }
}

/// An error with all that was seen unless the text matches.
pub fn matches(what: &str, pattern: &str, seen: &str) -> Result<()> {
    let pattern = format!("^(?:{pattern})$");
    if regex::Regex::new(&pattern)?.is_match(seen) {
        return Ok(());
    }
    Err(format!("{what}: '{seen}' does not match {pattern}").into())
}
