//! pgBackRest, in the versions that `scripts/setup test` unpacked.
//!
//! The version is read from the program, never assumed from where it was found.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;
use crate::error::{Error, Result};
use crate::installed;
use crate::run::{Outcome, run};

/// One version of pgBackRest, run as the server account.
#[derive(Debug, Clone)]
pub struct PgBackRest {
    program: PathBuf,
    version: String,
    account: Account,
}

impl PgBackRest {
    /// The release `X.YY`, for instance "2.55".
    pub fn find(release: &str) -> Result<Self> {
        let found = installed::pgbackrest_releases()
            .into_iter()
            .find(|(version, _)| version == release);
        match found {
            Some((_, program)) => Self::at(program),
            None => Err(Error::missing(format!("pgBackRest {release}"))),
        }
    }

    /// All versions there are, oldest first; an error if there is none.
    pub fn all() -> Result<Vec<Self>> {
        let all = installed::pgbackrest_releases()
            .into_iter()
            .map(|(_, program)| Self::at(program))
            .collect::<Result<Vec<_>>>()?;
        if all.is_empty() {
            Err(Error::missing("pgBackRest"))
        } else {
            Ok(all)
        }
    }

    /// The version from Debian 13, which must be there (2.55.x as of writing).
    pub fn mandatory() -> Result<Self> {
        Self::find("2.55")
    }

    /// The newest version, from Debian's rolling release; ignored with the setup's reason where that could not be unpacked.
    pub fn rolling() -> Result<Self> {
        match installed::pgbackrest_releases().pop() {
            Some((release, program)) if release != "2.55" && release != "2.45" => Self::at(program),
            _ => Err(installed::absent(
                "pgbackrest-sid",
                "pgBackRest from Debian sid",
            )),
        }
    }

    fn at(program: PathBuf) -> Result<Self> {
        let account = Account::server()?;
        let said = run(account.command(&program).arg("version"))?
            .success()?
            .stdout;
        let version = said
            .trim()
            .strip_prefix("pgBackRest ")
            .ok_or_else(|| Error::Failed(format!("{} version says {said:?}", program.display())))?
            .to_owned();
        Ok(Self {
            program,
            version,
            account,
        })
    }

    /// Version as the program itself gives it, for instance "2.55.1".
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Path of the program; contains "pgbackrest", so it may stand in `archive_command`.
    pub fn path(&self) -> &Path {
        &self.program
    }

    /// A command that starts it.
    pub fn command(&self) -> Command {
        self.account.command(&self.program)
    }

    /// Runs it with these arguments.
    pub fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Result<Outcome> {
        run(self.command().args(arguments))
    }
}
