//! The error of this crate: a class callers can match, the message in pgBackRest's words, and hints kept apart.
//!
//! Callers match [`ErrorKind`], never text; the command layer alone turns a kind into an exit code.

use std::fmt;

/// A result whose error is a PostgreSQL [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Classes of failure that callers may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Text or bytes that do not have the form they must have.
    Format,
    /// A checksum inside a file does not match its contents.
    Checksum,
    /// A PostgreSQL version that is not known.
    Version,
    /// A setting that cannot be used, alone or with the others.
    Config,
    /// No connection to the server could be made.
    Connect,
    /// The server refused a statement, answered it wrongly, or did not answer in time.
    Query,
    /// The cluster is not in the state, or on the timeline, that it must be in.
    Mismatch,
    /// A standby did not reach a position in time.
    ReplayTimeout,
    /// The run was asked to stop while a statement was running.
    Cancelled,
    /// The session is on another host, and the connection to that host failed.
    Host,
}

/// What went wrong, in one message, and what to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hints: Vec<String>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// Adds a line that is shown as `HINT: …`; the word itself is not part of it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message without hints; it may have several lines when it quotes a statement or the server.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The hints, each without the word `HINT:`.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    pub(crate) fn format(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Format, message)
    }

    /// Something says a version that no table knows.
    pub(crate) fn unknown_version(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Version, message)
            .hint("is this version of PostgreSQL supported?")
            .hint("is pgBackRest up to date on all hosts?")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
