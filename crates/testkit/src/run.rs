//! Running a program to its end: as the server account, with its output captured.
//!
//! `Program` is the pgkeep binary that cargo built for the suite. Started through `as_pgbackrest` its first argument is a
//! link named `pgbackrest`, which is also what `archive_command` must contain for either program's `check`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::Account;
use crate::error::{During, Error, Result};
use crate::scratch::Scratch;

/// What a program left behind.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Exit code; 128 + n when signal n ended it.
    pub code: i32,
    /// Standard output, lossily decoded.
    pub stdout: String,
    /// Standard error, lossily decoded.
    pub stderr: String,
    /// The command line, for messages.
    pub command: String,
}

impl Outcome {
    /// The outcome itself if the exit code is 0, else an error with all output.
    pub fn success(self) -> Result<Self> {
        self.expect_code(0)
    }

    /// The outcome itself if the exit code is as expected, else an error with all output.
    pub fn expect_code(self, code: i32) -> Result<Self> {
        if self.code == code {
            return Ok(self);
        }
        Err(Error::Failed(format!(
            "exit code {} instead of {code}: {}\nstdout:\n{}\nstderr:\n{}",
            self.code, self.command, self.stdout, self.stderr
        )))
    }
}

/// Runs a command to its end and captures what it prints. Standard input is empty.
pub fn run(command: &mut Command) -> Result<Outcome> {
    use std::os::unix::process::ExitStatusExt;
    let line = describe(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .during(format!("run {line}"))?;
    let code = output
        .status
        .code()
        .or_else(|| output.status.signal().map(|signal| 128 + signal));
    Ok(Outcome {
        code: code.unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        command: line,
    })
}

fn describe(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    words.join(" ")
}

/// A program that can be run as the server account.
#[derive(Debug)]
pub struct Program {
    file: PathBuf,
    link: PathBuf,
    account: Account,
    _scratch: Scratch,
}

impl Program {
    /// The binary at `built` (`env!("CARGO_BIN_EXE_pgkeep")`); copied first when the server account cannot reach it.
    pub fn new(built: impl AsRef<Path>) -> Result<Self> {
        let scratch = Scratch::new()?;
        let account = scratch.account().clone();
        let built = built.as_ref();
        let file = if open_to_all(built) {
            built.to_owned()
        } else {
            let copy = scratch.join("pgkeep");
            fs::copy(built, &copy).during(format!("copy {}", built.display()))?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))
                .during("set the mode of the copy")?;
            copy
        };
        let link = scratch.join("pgbackrest");
        std::os::unix::fs::symlink(&file, &link).during("make the link named pgbackrest")?;
        Ok(Self {
            file,
            link,
            account,
            _scratch: scratch,
        })
    }

    /// The program under its own name.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// The link named `pgbackrest`, for `archive_command` and for running as pgBackRest.
    pub fn link(&self) -> &Path {
        &self.link
    }

    /// A command that starts it as pgkeep.
    pub fn command(&self) -> Command {
        self.account.command(&self.file)
    }

    /// A command that starts it as pgbackrest.
    pub fn as_pgbackrest(&self) -> Command {
        self.account.command(&self.link)
    }

    /// Runs it as pgkeep with these arguments.
    pub fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Result<Outcome> {
        run(self.command().args(arguments))
    }

    /// Runs it as pgbackrest with these arguments.
    pub fn run_as_pgbackrest<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(
        &self,
        arguments: I,
    ) -> Result<Outcome> {
        run(self.as_pgbackrest().args(arguments))
    }
}

/// True if any account may execute the file: every directory on the way can be passed by others.
fn open_to_all(file: &Path) -> bool {
    file.ancestors().all(|path| {
        path.metadata()
            .is_ok_and(|found| found.permissions().mode() & 0o001 != 0)
    })
}
