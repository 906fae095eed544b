//! The error of every conversation with another host: what happened, in words, and what the other side said of it.
//!
//! Callers match [`ErrorKind`], never text. The host's name is not known here: whoever made the connection puts it in front.

use std::fmt;
use std::io;

use crate::raised::Raised;

/// A result whose error is a protocol [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Classes of failure that callers may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// What answered is not this program, or not in its words.
    Greeting,
    /// No protocol version is known to both sides.
    Version,
    /// The other side broke a rule of the protocol.
    Violation,
    /// Nothing was heard of the other side for too long.
    Silent,
    /// The connection ended or failed under way.
    Lost,
    /// The run was asked to stop, or the other side gave the session up.
    Cancelled,
    /// The other side reports an error of its own, see [`Error::raised`].
    Raised,
    /// A value of this side cannot be sent.
    Unsendable,
}

/// What failed. `Display` gives the text; hints are kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    text: String,
    hints: Vec<String>,
    raised: Option<Box<Raised>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            hints: Vec::new(),
            raised: None,
        }
    }

    pub(crate) fn violation(text: impl fmt::Display) -> Self {
        Self::new(
            ErrorKind::Violation,
            format!("the other host broke the protocol: {text}"),
        )
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "the run was asked to stop")
    }

    /// An error that the other side has told of in a message.
    #[must_use]
    pub fn raised_there(raised: Raised) -> Self {
        Self {
            kind: ErrorKind::Raised,
            text: raised.text.clone(),
            hints: raised.hints.clone(),
            raised: Some(Box::new(raised)),
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Lines for `HINT:`, without that word.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// What the other side reported, if it did.
    #[must_use]
    pub fn raised(&self) -> Option<&Raised> {
        self.raised.as_deref()
    }

    /// Wraps this error so that it can pass through [`io::Read`] and [`io::Write`]; [`Error::from_stream`] gets it back.
    #[must_use]
    pub fn into_io(self) -> io::Error {
        let kind = match self.kind {
            ErrorKind::Silent => io::ErrorKind::TimedOut,
            ErrorKind::Lost => io::ErrorKind::ConnectionAborted,
            ErrorKind::Violation | ErrorKind::Greeting | ErrorKind::Version => {
                io::ErrorKind::InvalidData
            }
            ErrorKind::Cancelled | ErrorKind::Raised | ErrorKind::Unsendable => {
                io::ErrorKind::Other
            }
        };
        io::Error::new(kind, self)
    }

    /// Takes the protocol error out of an error of `read` or `write`. Another error is one of a stream and means that the
    /// connection is lost.
    #[must_use]
    pub fn from_stream(source: io::Error) -> Self {
        match source.downcast::<Self>() {
            Ok(error) => error,
            Err(source) => Self::new(
                ErrorKind::Lost,
                format!("the connection to the other host failed: {source}"),
            ),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
