//! The error of this crate: a class that the command layer turns into an exit code, a message, hints.
//!
//! Classes are pgBackRest's error types (`docs/guide/exit-codes.md`). Two attempts to load a file are compared by class name
//! ([`ErrorType::name`]), as pgBackRest does. Nothing here knows exit codes.

use std::fmt;

use pgkeep_storage::{ErrorKind, NoCredentials, Operation};

/// A result whose error is a repository [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Class of a failure; the name in comments is pgBackRest's error type and code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    /// `AssertError` [25].
    Assert,
    /// `ChecksumError` [26].
    Checksum,
    /// `FormatError` [29].
    Format,
    /// `FileOpenError` [41]: main and copy failed for two different reasons.
    FileOpen,
    /// `VersionNotSupportedError` [46].
    VersionNotSupported,
    /// `LinkExpectedError` [69].
    LinkExpected,
    /// `LinkDestinationError` [70].
    LinkDestination,
    /// `CryptoError` [95].
    Crypto,
    /// `JsonFormatError` [99].
    JsonFormat,
    /// `ClockError` [106].
    Clock,
    /// A storage failed; [`Error::storage`] says how.
    Storage(Operation, ErrorKind),
    /// `ProtocolError` [39], or `ServiceError` [101]: an object store refused; [`Error::storage`] says what.
    Refused(ErrorKind),
}

impl ErrorType {
    /// Nothing can be said about the file: where it is kept could not be reached, or did not prove what it is.
    pub fn is_unreachable(self) -> bool {
        use pgkeep_storage::ErrorKind::{Busy, Connect, Credentials, Identity, Untrusted};
        matches!(
            self,
            Self::Storage(_, Connect | Credentials(_) | Identity | Untrusted)
                | Self::Refused(Busy | Credentials(_) | Identity)
        )
    }

    /// Name of the class inside messages: `FileMissingError`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Assert => "AssertError",
            Self::Checksum => "ChecksumError",
            Self::Format => "FormatError",
            Self::FileOpen => "FileOpenError",
            Self::VersionNotSupported => "VersionNotSupportedError",
            Self::LinkExpected => "LinkExpectedError",
            Self::LinkDestination => "LinkDestinationError",
            Self::Crypto => "CryptoError",
            Self::JsonFormat => "JsonFormatError",
            Self::Clock => "ClockError",
            Self::Storage(operation, kind) => storage_name(operation, kind),
            Self::Refused(ErrorKind::Busy) => "ServiceError",
            Self::Refused(ErrorKind::Credentials(why)) => credentials_name(why),
            Self::Refused(_) => "ProtocolError",
        }
    }
}

/// The class where there were no credentials to ask an object store with.
fn credentials_name(why: NoCredentials) -> &'static str {
    match why {
        NoCredentials::FileMissing => "FileMissingError",
        NoCredentials::FileOpen => "FileOpenError",
        NoCredentials::Format => "FormatError",
        NoCredentials::Json => "JsonFormatError",
        NoCredentials::Execute => "ExecuteError",
        NoCredentials::Exit(_) => "UnknownError",
    }
}

/// pgBackRest's class of a failed storage operation (the same table as the command layer's exit codes).
fn storage_name(operation: Operation, kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Connect => return "HostConnectError",
        ErrorKind::Identity => return "ServiceError",
        ErrorKind::Untrusted => return "CryptoError",
        ErrorKind::Credentials(why) => return credentials_name(why),
        ErrorKind::Cancelled => return "TermError",
        _ => {}
    }
    let missing = kind == ErrorKind::NotFound;
    match operation {
        Operation::Connect => "ServiceError",
        Operation::List | Operation::SyncPath if missing => "PathMissingError",
        Operation::List => "PathOpenError",
        Operation::OpenRead | Operation::OpenWrite if missing => "FileMissingError",
        Operation::OpenWrite if kind == ErrorKind::Exists => "FileExistsError",
        Operation::Info | Operation::OpenRead | Operation::OpenWrite | Operation::Link => {
            "FileOpenError"
        }
        Operation::Read => "FileReadError",
        Operation::Write | Operation::HardLink => "FileWriteError",
        Operation::Sync => "FileSyncError",
        Operation::Close => "FileCloseError",
        Operation::Rename => "FileMoveError",
        Operation::Remove => "FileRemoveError",
        Operation::RemovePath => "PathRemoveError",
        Operation::CreatePath => "PathCreateError",
        Operation::SyncPath => "PathSyncError",
        Operation::SetOwner => "FileOwnerError",
        Operation::SetMode => "FileModeError",
        Operation::SetTime => "FileInfoError",
    }
}

/// What failed, in pgBackRest's words, with hints kept apart.
#[derive(Debug, Clone)]
pub struct Error {
    pub kind: ErrorType,
    /// One or more lines. A message composed of two attempts holds the hints of the attempts inside.
    pub message: String,
    /// Lines for `HINT:`, without that word.
    pub hints: Vec<String>,
    /// The storage error behind [`ErrorType::Storage`].
    pub storage: Option<Box<pgkeep_storage::Error>>,
}

impl Error {
    pub fn new(kind: ErrorType, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hints: Vec::new(),
            storage: None,
        }
    }

    /// The file breaks the format of info files [29].
    pub fn format(message: impl Into<String>) -> Self {
        Self::new(ErrorType::Format, message)
    }

    /// A value is not the JSON that was expected [99].
    pub fn json(message: impl Into<String>) -> Self {
        Self::new(ErrorType::JsonFormat, message)
    }

    /// The same failure with words before its message.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.message.insert_str(0, prefix);
        self
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The file or path is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.kind, ErrorType::Storage(_, ErrorKind::NotFound))
    }

    /// Message and hints as printed: hints on lines of their own.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        for hint in &self.hints {
            text.push_str("\nHINT: ");
            text.push_str(hint);
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for Error {}

impl From<pgkeep_storage::Error> for Error {
    fn from(error: pgkeep_storage::Error) -> Self {
        Self {
            kind: match error.refused {
                true => ErrorType::Refused(error.kind),
                false => ErrorType::Storage(error.operation, error.kind),
            },
            message: error.to_string(),
            hints: error.hints.clone(),
            storage: Some(Box::new(error)),
        }
    }
}

impl From<pgkeep_pipeline::Error> for Error {
    fn from(error: pgkeep_pipeline::Error) -> Self {
        let kind = match error.kind() {
            pgkeep_pipeline::ErrorKind::Crypto => ErrorType::Crypto,
            pgkeep_pipeline::ErrorKind::Format => ErrorType::Format,
            pgkeep_pipeline::ErrorKind::Internal => ErrorType::Assert,
        };
        Self::new(kind, error.to_string())
    }
}

/// Readers and writers carry the error of their layer inside the I/O error.
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(storage) = inner.and_then(|inner| inner.downcast_ref::<pgkeep_storage::Error>())
        {
            return storage.clone().into();
        }
        if let Some(stage) = pgkeep_pipeline::Error::from_io(&error) {
            return stage.clone().into();
        }
        if let Some(repo) = inner.and_then(|inner| inner.downcast_ref::<Self>()) {
            return repo.clone();
        }
        Self::new(
            ErrorType::Storage(Operation::Read, ErrorKind::Broken),
            error.to_string(),
        )
    }
}
