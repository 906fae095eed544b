//! The error of every stage: what kind of thing was wrong, and the message of pgBackRest.
//!
//! A stage knows no file name, so none is in the text: the caller adds the object. The invariant: no message holds
//! a secret or bytes of the data.

use std::io;

/// Result of a pipeline operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Classes of failure, one per exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input is not what the stage reads: broken or cut compressed data, an impossible block map.
    Format,
    /// Wrong passphrase, or data that was not encrypted.
    Crypto,
    /// A codec refused for a reason that is not in the data (memory, wrong use).
    Internal,
}

/// What went wrong in a stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// An error of the given kind with the given text.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error {
            kind,
            message: message.into(),
        }
    }

    pub(crate) fn format(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Format, message)
    }

    pub(crate) fn crypto(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Crypto, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Internal, message)
    }

    /// Premature end, worded the same for every codec.
    pub(crate) fn unexpected_eof() -> Error {
        Error::format("unexpected eof in compressed data")
    }

    /// The class to act on.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Finds the stage error inside an error that came out of a [`Read`](io::Read) or [`Write`](io::Write), if it is one.
    pub fn from_io(error: &io::Error) -> Option<&Error> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match error.kind {
            ErrorKind::Format | ErrorKind::Crypto => io::ErrorKind::InvalidData,
            ErrorKind::Internal => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
