//! The error of every storage: what was tried, on which file, and why it failed.
//!
//! Callers match [`ErrorKind`] and [`Operation`], never text. The command layer alone turns an error into an exit
//! code (`command/error_code`).

use std::fmt;

/// A result whose error is a storage [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Classes of failure that callers may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The file or the path is not there.
    NotFound,
    /// The storage refused for want of rights.
    Denied,
    /// Something exists that must not (exclusive create, directory not empty).
    Exists,
    /// The storage is there but cannot serve now; trying again later may help.
    Busy,
    /// The connection could not be made or was lost.
    Connect,
    /// The server's or the user's identity could not be proven.
    Identity,
    /// There are no credentials to ask the server with.
    Credentials(NoCredentials),
    /// The server's certificate was not accepted, or there is nothing to check it with.
    Untrusted,
    /// The storage has no room.
    NoSpace,
    /// The storage answered with something that makes no sense, or an I/O error.
    Broken,
    /// The storage cannot do this at all.
    Unsupported,
    /// The run was asked to stop (signal).
    Cancelled,
}

/// Why there are no credentials, where they are asked for when they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCredentials {
    /// The file with the token for them is not there.
    FileMissing,
    /// The file with the token cannot be read.
    FileOpen,
    /// Who gives them answered with something else.
    Format,
    /// Who gives them in JSON answered with something that is none.
    Json,
    /// The program that prints them could not be run, or was killed.
    Execute,
    /// The program that prints them failed with this code.
    Exit(u8),
}

/// What was being done. Chooses the wording and the exit code together with the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Connect,
    Info,
    List,
    OpenRead,
    Read,
    OpenWrite,
    Write,
    Sync,
    Close,
    Rename,
    Remove,
    RemovePath,
    CreatePath,
    SyncPath,
    Link,
    SetOwner,
    SetMode,
    /// Sets a modification time.
    SetTime,
    HardLink,
}

/// An operation that failed, the object it was tried on, and the reason.
///
/// `Display` gives one line in pgBackRest's words, for example
/// ``unable to open missing file '/repo/x' for read``; hints are kept apart in [`Error::hints`].
#[derive(Debug, Clone)]
pub struct Error {
    pub kind: ErrorKind,
    pub operation: Operation,
    /// Absolute name as a user would look for it (backend prefix included).
    pub object: String,
    /// The reason: `[13] Permission denied`, an SFTP status, …; empty where the wording says it all.
    pub reason: String,
    /// Lines for `HINT:`, without that word.
    pub hints: Vec<String>,
    /// An object store answered, and not with what was asked for. pgBackRest has one class for all such answers.
    pub refused: bool,
    /// The storage is behind another host, which has said this, or could not be asked.
    pub elsewhere: Option<Box<Elsewhere>>,
}

/// What is told of an error that comes from another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// Exit code of the error; what it means is not known here.
    pub code: u8,
    /// The whole text, the name of that host included.
    pub text: String,
}

impl Error {
    pub fn new(
        kind: ErrorKind,
        operation: Operation,
        object: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            operation,
            object: object.into(),
            reason: reason.into(),
            hints: Vec::new(),
            refused: false,
            elsewhere: None,
        }
    }

    /// The same as an error that comes from another host.
    #[must_use]
    pub fn elsewhere(mut self, code: u8, text: impl Into<String>) -> Self {
        let text = text.into();
        self.elsewhere = Some(Box::new(Elsewhere { code, text }));
        self
    }

    /// Builds the error from an operating system error, keeping its number.
    pub fn from_io(
        operation: Operation,
        object: impl Into<String>,
        source: &std::io::Error,
    ) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match source.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::Denied,
            Io::AlreadyExists | Io::DirectoryNotEmpty => ErrorKind::Exists,
            Io::StorageFull | Io::QuotaExceeded => ErrorKind::NoSpace,
            _ => ErrorKind::Broken,
        };
        let reason = match source.raw_os_error() {
            Some(code) => {
                let text = source.to_string();
                let text = text
                    .strip_suffix(&format!(" (os error {code})"))
                    .unwrap_or(&text)
                    .to_owned();
                format!("[{code}] {text}")
            }
            None => source.to_string(),
        };
        Self::new(kind, operation, object, reason)
    }

    /// Wraps this error so that it can pass through [`std::io::Read`] and [`std::io::Write`]; [`Error::from_stream`] gets it back.
    #[must_use]
    pub fn into_io(self) -> std::io::Error {
        use std::io::ErrorKind as Io;
        let kind = match self.kind {
            ErrorKind::NotFound => Io::NotFound,
            ErrorKind::Denied
            | ErrorKind::Identity
            | ErrorKind::Credentials(_)
            | ErrorKind::Untrusted => Io::PermissionDenied,
            ErrorKind::Exists => Io::AlreadyExists,
            ErrorKind::NoSpace => Io::StorageFull,
            ErrorKind::Unsupported => Io::Unsupported,
            ErrorKind::Connect => Io::ConnectionAborted,
            ErrorKind::Busy | ErrorKind::Broken | ErrorKind::Cancelled => Io::Other,
        };
        std::io::Error::new(kind, self)
    }

    /// Takes the storage error out of an error of `read` or `write`; another error is described with `operation` and
    /// `object`.
    #[must_use]
    pub fn from_stream(
        operation: Operation,
        object: impl Into<String>,
        source: std::io::Error,
    ) -> Self {
        match source.downcast::<Self>() {
            Ok(error) => error,
            Err(source) => Self::from_io(operation, object, &source),
        }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(elsewhere) = &self.elsewhere {
            return f.write_str(&elsewhere.text);
        }
        let o = &self.object;
        let missing = self.kind == ErrorKind::NotFound;
        match self.operation {
            Operation::Connect => write!(f, "unable to connect to '{o}'")?,
            Operation::Info if missing => {
                return write!(f, "unable to get info for missing path/file '{o}'");
            }
            Operation::Info => write!(f, "unable to get info for path/file '{o}'")?,
            Operation::List if missing => {
                return write!(f, "unable to list file info for missing path '{o}'");
            }
            Operation::List => write!(f, "unable to list file info for path '{o}'")?,
            Operation::OpenRead if missing => {
                return write!(f, "unable to open missing file '{o}' for read");
            }
            Operation::OpenRead => write!(f, "unable to open file '{o}' for read")?,
            Operation::Read => write!(f, "unable to read '{o}'")?,
            Operation::OpenWrite if missing => {
                return write!(f, "unable to open file '{o}' for write in missing path");
            }
            Operation::OpenWrite => write!(f, "unable to open file '{o}' for write")?,
            Operation::Write => write!(f, "unable to write '{o}'")?,
            Operation::Sync => write!(f, "unable to sync file '{o}' after write")?,
            Operation::Close => write!(f, "unable to close file '{o}' after write")?,
            Operation::Rename => write!(f, "unable to move '{o}'")?,
            Operation::Remove => write!(f, "unable to remove file '{o}'")?,
            Operation::RemovePath if missing => {
                return write!(f, "unable to remove missing path '{o}'");
            }
            Operation::RemovePath => write!(f, "unable to remove path '{o}'")?,
            Operation::CreatePath => write!(f, "unable to create path '{o}'")?,
            Operation::SyncPath if missing => {
                return write!(f, "unable to sync missing path '{o}'");
            }
            Operation::SyncPath => write!(f, "unable to sync path '{o}'")?,
            Operation::Link => write!(f, "unable to create symlink '{o}'")?,
            Operation::SetOwner => write!(f, "unable to set ownership for '{o}'")?,
            Operation::SetMode => write!(f, "unable to set mode for '{o}'")?,
            Operation::SetTime => write!(f, "unable to set time for '{o}'")?,
            Operation::HardLink => write!(f, "unable to create hardlink '{o}'")?,
        }
        if self.reason.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.reason)
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_through_a_stream() {
        let error = Error::new(
            ErrorKind::NoSpace,
            Operation::Write,
            "/repo/x",
            "[28] No space left on device",
        );
        let text = error.to_string();
        let back = Error::from_stream(Operation::Read, "unused", error.into_io());
        assert_eq!(
            (back.kind(), back.operation, back.to_string()),
            (ErrorKind::NoSpace, Operation::Write, text)
        );
        let other = Error::from_stream(
            Operation::Read,
            "/repo/y",
            std::io::Error::from_raw_os_error(5),
        );
        assert_eq!(
            other.to_string(),
            "unable to read '/repo/y': [5] Input/output error"
        );
    }
}
