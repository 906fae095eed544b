//! A made-up cluster with a chain of backups in repository 1, and an empty repository 2.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pgkeep_testkit::compare::{self, Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::sftp_server::SftpServer;

use crate::source::{Made, Source, change, cluster, with};

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub struct Stage<'a> {
    pub program: &'a Program,
    pub scratch: Scratch,
    pub pgbackrest: PgBackRest,
    /// Both repositories.
    pub both: PathBuf,
    /// The source alone.
    pub one: PathBuf,
    /// The target alone, as repository 1.
    pub two: PathBuf,
    /// The target as seen here.
    pub target: PathBuf,
    /// Labels, ascending, each with what the cluster was like.
    pub labels: Vec<String>,
    _server: Option<SftpServer>,
}

impl<'a> Stage<'a> {
    pub fn new(program: &'a Program, made: &Made<'_>) -> Result<Self> {
        let scratch = Scratch::new()?;
        let server = match made.sftp {
            true => Some(SftpServer::builder().start()?),
            false => None,
        };
        let base = Configuration::new(&scratch)?
            .global("log-level-file", "off")
            .global("log-level-console", "info")
            .global("compress-type", made.compress)
            .global("process-max", 2)
            .stanza("main", "pg1-path", scratch.join("data").display());
        let one = with(base.clone(), 1, made.source).global("repo1-retention-full", 9);
        let target = match &server {
            Some(server) => server.files().to_owned(),
            None => scratch.make_dir("target")?,
        };
        let mut both = with(one.clone(), 2, made.target)
            .global("repo2-retention-full", 9)
            .global("repo2-path", target.display());
        if let Some(server) = &server {
            both = both.sftp_behind(2, server, server.address())?;
        }
        let two = with(base, 1, made.target)
            .global("repo1-retention-full", 9)
            .global("repo1-path", target.display());
        let mut stage = Self {
            program,
            both: both.write(&scratch, "both.conf")?,
            one: one.write(&scratch, "one.conf")?,
            two: two.write(&scratch, "two.conf")?,
            target,
            pgbackrest: PgBackRest::rolling()?,
            labels: Vec::new(),
            scratch,
            _server: server,
        };
        for config in [&stage.both, &stage.one, &stage.two] {
            stage.scratch.account().own_tree(config)?;
        }
        stage.labels = Source::of(program, made)?.put_into(&stage.scratch)?;
        Ok(stage)
    }

    /// Changes the cluster after the last backup.
    pub fn go_on(&self, state: u64) -> Result<()> {
        change(&self.scratch, state)
    }

    /// What the cluster was like for the backup at this place.
    pub fn state(&self, at: usize) -> PathBuf {
        self.scratch.join(format!("state{at}"))
    }

    fn with(&self, mut command: Command, config: &Path, arguments: &[&str]) -> Result<Outcome> {
        command
            .arg(format!("--config={}", config.display()))
            .arg("--stanza=main");
        Ok(run(command.args(arguments))?)
    }

    pub fn ours(&self, config: &Path, arguments: &[&str]) -> Result<Outcome> {
        self.with(self.program.command(), config, arguments)
    }

    pub fn theirs(&self, config: &Path, arguments: &[&str]) -> Result<Outcome> {
        self.with(self.pgbackrest.command(), config, arguments)
    }

    pub fn copy(&self, arguments: &[&str]) -> Result<Outcome> {
        self.copy_with_fault("", arguments)
    }

    pub fn copy_with_fault(&self, fault: &str, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.program.command();
        if !fault.is_empty() {
            command.env("PGKEEP_TEST_FAULT", fault);
        }
        let mut all = vec!["--repo=1", "--repo-to=2"];
        all.extend(arguments);
        all.push("repo-copy");
        self.with(command, &self.both, &all)
    }

    /// Both programs find nothing wrong in the target.
    pub fn target_is_sound(&self) -> Result<()> {
        self.ours(&self.two, &["verify"])?.success()?;
        let theirs = self.theirs(&self.two, &["verify", "--output=text"])?;
        let theirs = theirs.success()?;
        if theirs.stdout.contains("status: error") {
            return Err(theirs.stdout.into());
        }
        Ok(())
    }

    /// Which of the backups pgBackRest lists in the target.
    pub fn listed(&self) -> Result<Vec<usize>> {
        let info = self
            .theirs(&self.two, &["--output=json", "info"])?
            .success()?;
        let info: serde_json::Value = serde_json::from_str(&info.stdout)?;
        let listed = info[0]["backup"].as_array().into_iter().flatten();
        listed
            .map(|backup| {
                let label = backup["label"].as_str().unwrap_or_default();
                let at = self.labels.iter().position(|known| known == label);
                at.ok_or_else(|| format!("'{label}' was never made").into())
            })
            .collect()
    }

    /// pgBackRest restores each of these backups as the cluster was.
    pub fn restores(&self, at: &[usize]) -> Result<()> {
        for at in at {
            let to = self.scratch.join("restored");
            let _ = fs::remove_dir_all(&to);
            self.scratch.make_dir("restored")?;
            fs::set_permissions(&to, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
            let path = format!("--pg1-path={}", to.display());
            let set = format!("--set={}", self.labels[*at]);
            self.theirs(&self.two, &[&path, &set, "--type=none", "restore"])?
                .success()?;
            compare::trees(&self.state(*at), &to, &Ignore::of_restore())?;
        }
        Ok(())
    }

    /// pgBackRest lists exactly these backups, restores each, and fetches these segments.
    pub fn target_holds(&self, at: &[usize], segments: &[u64]) -> Result<()> {
        let listed = self.listed()?;
        if listed != at {
            return Err(format!("{listed:?} in place of {at:?}").into());
        }
        self.restores(at)?;
        for number in 1..=8 {
            let name = segment(number);
            let to = self.scratch.join("data/pg_wal/got");
            let to = to.display().to_string();
            let got = self.theirs(&self.two, &["archive-get", &name, &to])?;
            let expected = if segments.contains(&number) { 0 } else { 1 };
            got.expect_code(expected)?;
            if expected == 0 {
                let bytes = fs::read(&to)?;
                if bytes != cluster()?.wal_segment(number as u8) {
                    return Err(format!("segment {number} is another one").into());
                }
                fs::remove_file(&to)?;
            }
        }
        Ok(())
    }

    pub fn snapshot(&self, path: &Path) -> Result<Snapshot> {
        Ok(Snapshot::of(path, &Ignore::nothing())?)
    }

    pub fn source(&self) -> PathBuf {
        self.scratch.join("repo")
    }
}

/// The name of the n-th segment.
pub fn segment(number: u64) -> String {
    format!("0000000100000000{number:08X}")
}

/// The text is in what was printed.
pub fn must_say(outcome: &Outcome, words: &str) -> Result<()> {
    if outcome.stdout.contains(words) || outcome.stderr.contains(words) {
        return Ok(());
    }
    Err(format!("nothing says '{words}': {outcome:?}").into())
}
