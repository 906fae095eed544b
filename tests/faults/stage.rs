//! A repository in a saved state, both programs on it, and what must hold after a fault.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pgkeep_testkit::compare::{Ignore, Snapshot};
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::sftp_server::SftpServer;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Where the repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Local,
    /// On an SFTP server, for both programs.
    Sftp,
}

impl Place {
    /// Appended to the name of a test.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Local => "",
            Self::Sftp => "_on_sftp",
        }
    }

    /// Of the usual number of points, one in so many: SFTP costs a login for each command.
    pub fn share(self) -> u64 {
        match self {
            Self::Local => 1,
            Self::Sftp => 2,
        }
    }

    /// A repository there: the configuration with it, its directory as seen here, and the server to keep.
    pub fn repository(
        self,
        scratch: &Scratch,
        made: Configuration,
    ) -> Result<(Configuration, PathBuf, Option<SftpServer>)> {
        if self == Self::Local {
            return Ok((made, scratch.join("repo"), None));
        }
        let server = SftpServer::builder().start_chrooted_if_possible()?;
        let files = server.files().to_owned();
        Ok((made.sftp(&server), files, Some(server)))
    }
}

/// What the saved state was like.
pub struct Saved(Snapshot);

/// What is shared by all points of one test.
pub struct Stage<'a> {
    pub program: &'a Program,
    pub pgbackrest: PgBackRest,
    pub scratch: &'a Scratch,
    pub config: PathBuf,
    /// The repository as seen here.
    pub repository: PathBuf,
    /// Where it is on one, which lives as long as this.
    #[allow(dead_code)] // kept, not asked
    pub server: Option<SftpServer>,
}

impl Stage<'_> {
    /// This program under its own name, where `verify` tells by the exit code what it found.
    pub fn ours(&self, arguments: &[&str]) -> Result<Outcome> {
        self.ours_with_fault("", arguments)
    }

    /// This program with a fault planned; none if empty.
    pub fn ours_with_fault(&self, fault: &str, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.program.command();
        if !fault.is_empty() {
            command.env("PGKEEP_TEST_FAULT", fault);
        }
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main");
        Ok(run(command.args(arguments))?)
    }

    pub fn theirs(&self, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.pgbackrest.command();
        command
            .arg(format!("--config={}", self.config.display()))
            .arg("--stanza=main");
        Ok(run(command.args(arguments))?)
    }

    /// How many operations on the repository a command needs; the command is done.
    pub fn count(&self, arguments: &[&str]) -> Result<u64> {
        let outcome = self.ours_with_fault("kill:0", arguments)?.success()?;
        let told = outcome
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("operations: "));
        Ok(told
            .ok_or("the program was built without the feature faulty")?
            .parse()?)
    }

    /// Keeps the repository as the state that [`Self::reset`] goes back to.
    pub fn save(&self) -> Result<Saved> {
        let saved = self.scratch.join("saved");
        copy(&self.repository, &saved, "-a")?;
        Ok(Saved(Snapshot::of(&saved, &Ignore::nothing())?))
    }

    /// Goes back to the saved state. Files become links, which is far quicker than copies: no program may write into a file
    /// that has its name already ([`Self::saved_is_untouched`]).
    pub fn reset(&self) -> Result<()> {
        copy(&self.scratch.join("saved"), &self.repository, "-al")
    }

    /// No program wrote into a file of the saved state.
    pub fn saved_is_untouched(&self, saved: &Saved) -> Result<()> {
        let now = Snapshot::of(&self.scratch.join("saved"), &Ignore::nothing())?;
        Ok(saved.0.must_equal(&now)?)
    }

    /// Both programs read the repository and find all that is finished whole.
    pub fn is_valid(&self) -> Result<()> {
        self.verified()?.success()?;
        Ok(())
    }

    /// The same right after a fault: an expire that died between the manifests and the list leaves backups listed that have
    /// no manifest any more, and between a manifest and its copy one that has the copy only. This program's verify must say so, and the
    /// next run must take them off the list.
    pub fn is_valid_but_for_the_list(&self) -> Result<()> {
        let verified = self.verified()?;
        let left_over = verified.code == 55
            && verified.stdout.contains("status: error")
            && verified.stdout.contains("status: manifest missing")
            && !verified.stdout.contains("status: invalid");
        let said =
            "/backup.manifest cannot be used, the other of the two is: unable to open missing file";
        let copy_only = verified.code == 28
            && verified.stdout.matches("cannot be used").count() == 1
            && verified.stdout.contains(said)
            && !verified.stdout.contains("status: invalid");
        if !left_over && !copy_only {
            verified.success()?;
        }
        Ok(())
    }

    /// Both programs read the repository; what this one's verify said.
    fn verified(&self) -> Result<Outcome> {
        self.theirs(&["info"])?.success()?;
        let theirs = self
            .theirs(&["--output=text", "--verbose", "verify"])?
            .success()?;
        if !theirs.stdout.contains("status: ok") || theirs.stdout.contains("status: invalid") {
            return Err(format!("pgBackRest's verify:\n{}", theirs.stdout).into());
        }
        self.ours(&["info"])?.success()?;
        self.ours(&["--output=text", "verify"])
    }

    /// A restore of the last backup gives this tree.
    pub fn restores(&self, by_pgbackrest: bool, expected: &Snapshot) -> Result<()> {
        let copy = self.scratch.join("copy");
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        self.scratch.make_dir("copy")?;
        let path = format!("--pg1-path={}", copy.display());
        let arguments = [path.as_str(), "--type=none", "restore"];
        if by_pgbackrest {
            self.theirs(&arguments)?
        } else {
            self.ours(&arguments)?
        }
        .success()?;
        Ok(expected.must_equal(&Snapshot::of(&copy, &Ignore::of_restore())?)?)
    }

    /// The run with the fault must have died by it.
    pub fn was_killed(outcome: &Outcome) -> Result<()> {
        match outcome.code {
            137 => Ok(()),
            code => Err(format!(
                "exit code {code} instead of a kill\n{}{}",
                outcome.stdout, outcome.stderr
            )
            .into()),
        }
    }

    /// The run with the fault must have ended with an error that names it (`None`). It may have done its work in spite of it
    /// only where nothing was to be changed, as when a copy stood in for a file that could not be read: then this says what
    /// failed.
    pub fn ended_with_error(outcome: &Outcome) -> Result<Option<String>> {
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        let named = all.contains("fault injected at operation") && all.contains("ERROR: [");
        let struck = all
            .lines()
            .find_map(|line| line.strip_prefix("struck: "))
            .unwrap_or("nothing")
            .to_owned();
        let reads = ["Info ", "List ", "OpenRead ", "Read "]
            .iter()
            .any(|operation| struck.starts_with(operation));
        let fine = if outcome.code == 0 { reads } else { named };
        if all.contains("panicked") || outcome.code > 127 || !fine {
            return Err(format!("exit code {}\n{all}", outcome.code).into());
        }
        Ok((outcome.code == 0).then_some(struck))
    }

    /// No set that is finished holds a file that is not finished.
    pub fn has_no_stray_file(&self) -> Result<()> {
        for entry in fs::read_dir(self.repository.join("backup/main"))? {
            let set = entry?.path();
            if set.join("backup.manifest").exists() {
                no_temporary_file(&set)?;
            }
        }
        Ok(())
    }
}

/// Replaces a tree by another with its owners: the account of a server may be another than ours.
fn copy(from: &Path, to: &Path, how: &str) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    run(Command::new("cp").arg(how).arg(from).arg(to))?.success()?;
    Ok(())
}

fn no_temporary_file(top: &Path) -> Result<()> {
    for entry in fs::read_dir(top)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            no_temporary_file(&path)?;
        } else if path.to_string_lossy().ends_with(".tmp") {
            return Err(format!("{} was left in a finished set", path.display()).into());
        }
    }
    Ok(())
}
