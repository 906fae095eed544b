//! Everything a command gets from outside: configuration, clock, cancel flag, output, user and environment.
//!
//! A command reads nothing by itself; tests build a context of their own.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use pgkeep_config::Config;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::links::Links;
use crate::hosts::shared_limits::SharedLimits;
use crate::hosts::storages::Storages;
use crate::hosts::unanswered::Unanswered;
use crate::locks::{Lock, LockType};
use crate::run::cancel::Cancel;
use crate::run::clock::Clock;
use crate::run::progress::Progress;
use crate::run::prompt::Prompt;
use crate::run::summary::Summary;

/// Who runs the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
    /// Name from the user database, or the number where there is none.
    pub name: String,
    /// Name from the group database, or the number where there is none.
    pub group: String,
    pub home: Option<PathBuf>,
}

/// How the output of a command may look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    pub colours: bool,
    /// More than ASCII can be shown.
    pub utf8: bool,
    /// It is a terminal, which programs that the command starts may share.
    pub live: bool,
}

/// Where the output of a command goes: what `info`, `help`, `version`, … print, not log lines.
#[derive(Clone)]
pub struct Output {
    target: Arc<Mutex<Target>>,
    style: Style,
}

struct Target {
    write: Box<dyn Write + Send>,
    /// The last byte was no line feed.
    open_line: bool,
}

impl Output {
    #[must_use]
    pub fn new(write: impl Write + Send + 'static) -> Self {
        Self {
            target: Arc::new(Mutex::new(Target {
                write: Box::new(write),
                open_line: false,
            })),
            style: Style::default(),
        }
    }

    /// The same, and it may look like this; without it plain text is all.
    #[must_use]
    pub fn with_style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    #[must_use]
    pub fn style(&self) -> Style {
        self.style
    }

    /// Prints bytes as they are.
    ///
    /// # Errors
    /// [`ErrorCode::FileWrite`]; a closed pipe is no error (`info | head` is fine).
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        let mut out = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = bytes.last() {
            out.open_line = *last != b'\n';
        }
        match out.write.write_all(bytes).and_then(|()| out.write.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::new(
                ErrorCode::FileWrite,
                format!("unable to write to stdout: {error}"),
            )),
            _ => Ok(()),
        }
    }

    /// Whether the last line that was printed has no end yet.
    #[must_use]
    pub fn in_line(&self) -> bool {
        self.target
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .open_line
    }

    /// Prints a text as it is.
    ///
    /// # Errors
    /// As [`Output::write`].
    pub fn text(&self, text: &str) -> Result<()> {
        self.write(text.as_bytes())
    }
}

/// The surroundings of one run.
#[derive(Clone)]
pub struct Context {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub cancel: Cancel,
    pub progress: Arc<dyn Progress>,
    /// What the run came to, for the last line at a terminal.
    pub summary: Summary,
    pub output: Output,
    /// Who may be asked when trust is in question.
    pub prompt: Arc<dyn Prompt>,
    pub user: User,
    /// Environment variables that libpq or the SSH agent would read: `PG*`, `SSH_AUTH_SOCK`, `HOME`.
    pub environment: BTreeMap<String, String>,
    /// Absolute path of the running program, as it was started.
    pub program_path: PathBuf,
    /// Directory the program was started in.
    pub working_directory: PathBuf,
    /// Locks taken for this run, released when the last handle goes.
    pub locks: Arc<Mutex<Vec<Lock>>>,
    /// Repositories that are open.
    pub storages: Storages,
    /// Repositories that are not asked again.
    pub unanswered: Unanswered,
    /// Connections with other hosts.
    pub links: Links,
    /// How fast files may be read and written.
    pub rate_limits: SharedLimits,
}

impl Context {
    /// This context with another configuration (commands that walk over all stanzas).
    #[must_use]
    pub fn with_config(&self, config: Config) -> Self {
        Self {
            config: Arc::new(config),
            ..self.clone()
        }
    }

    /// Notes progress in the lock file of a repository.
    ///
    /// # Errors
    /// [`ErrorCode::FileWrite`].
    pub fn note_progress(
        &self,
        lock_type: LockType,
        repo_key: u32,
        size: u64,
        done: u64,
    ) -> Result<()> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        match locks
            .iter_mut()
            .find(|lock| lock.lock_type() == lock_type && lock.repo_key() == repo_key)
        {
            Some(lock) => lock.note_progress(size, done),
            None => Ok(()),
        }
    }

    /// Takes the progress out of the lock files of this type: what it was of has ended, and something else goes on.
    ///
    /// # Errors
    /// [`ErrorCode::FileWrite`].
    pub fn clear_progress(&self, lock_type: LockType) -> Result<()> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks
            .iter_mut()
            .filter(|lock| lock.lock_type() == lock_type)
            .try_for_each(Lock::clear_progress)
    }

    /// The stanza of this run.
    ///
    /// # Errors
    /// [`ErrorCode::OptionRequired`] when none was given.
    pub fn stanza(&self) -> Result<&str> {
        self.config.stanza().ok_or_else(|| {
            let mut error = Error::new(
                ErrorCode::OptionRequired,
                format!(
                    "{} command requires option: stanza",
                    self.config.command().name()
                ),
            );
            error.hints = self.config.stanza_hints();
            error
        })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("command", &self.config.command())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Output")
    }
}
