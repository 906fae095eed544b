//! The only error with an exit code, and the only place where lower errors become one.
//!
//! Lower layers say what failed ([`pgkeep_storage::Error`], …); this file decides which of pgBackRest's codes that
//! is. The message is one or more lines; hints are kept apart and shown as `HINT:` lines.

use std::fmt;

use pgkeep_storage::{ErrorKind, NoCredentials, Operation};

pub use crate::error_code::ErrorCode;

/// A result of a command step.
pub type Result<T> = std::result::Result<T, Error>;

/// What ends a command: code, message in pgBackRest's words, and what to do next.
#[derive(Debug, Clone)]
pub struct Error {
    pub code: ErrorCode,
    pub message: String,
    /// Lines for `HINT:`, without that word.
    pub hints: Vec<String>,
}

impl Error {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: without_numbers(message.into()),
            hints: Vec::new(),
        }
    }

    /// The error of work whose thread ended by a panic.
    #[must_use]
    pub fn panicked() -> Self {
        Self::new(ErrorCode::Assert, "a thread panicked, see the log")
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Puts a text in front of the message, as pgBackRest does for errors of one repository.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.message.insert_str(0, prefix);
        self
    }

    /// Whether the error says nothing about the file in hand: the next would meet it too.
    #[must_use]
    pub fn is_about_the_storage(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::Term | ErrorCode::HostConnect | ErrorCode::Protocol | ErrorCode::Service
        )
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

    /// `[FileMissingError] text`, the form inside collected messages.
    #[must_use]
    pub fn named_text(&self) -> String {
        format!("[{}] {}", self.code.name(), self.text())
    }
}

/// The words of the operating system as other programs say them: the standard library adds ` (os error 2)`.
#[must_use]
pub fn without_numbers(mut text: String) -> String {
    const BEFORE: &str = " (os error ";
    let mut from = 0;
    while let Some(found) = text[from..].find(BEFORE) {
        let at = from + found;
        let rest = &text[at + BEFORE.len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && rest[digits..].starts_with(')') {
            text.replace_range(at..at + BEFORE.len() + digits + 1, "");
            from = at;
        } else {
            from = at + BEFORE.len();
        }
    }
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for Error {}

/// pgBackRest's code for a failed storage operation.
#[must_use]
pub fn storage_code(error: &pgkeep_storage::Error) -> ErrorCode {
    if let Some(elsewhere) = &error.elsewhere {
        return ErrorCode::from_number(elsewhere.code).unwrap_or(ErrorCode::Unknown);
    }
    match error.refused {
        true => refusal_code(error.kind),
        false => storage_code_of(error.operation, error.kind),
    }
}

/// The code for what an object store answered: one for what it was asked for again and again, one for all else.
fn refusal_code(kind: ErrorKind) -> ErrorCode {
    match kind {
        ErrorKind::Busy => ErrorCode::Service,
        ErrorKind::Credentials(why) => credentials_code(why),
        _ => ErrorCode::Protocol,
    }
}

/// The code where there were no credentials to ask an object store with.
fn credentials_code(why: NoCredentials) -> ErrorCode {
    match why {
        NoCredentials::FileMissing => ErrorCode::FileMissing,
        NoCredentials::FileOpen => ErrorCode::FileOpen,
        NoCredentials::Format => ErrorCode::Format,
        NoCredentials::Json => ErrorCode::JsonFormat,
        NoCredentials::Execute => ErrorCode::Execute,
        // A program of pgBackRest's family ends with a code that means the same here.
        NoCredentials::Exit(code) => ErrorCode::from_number(code).unwrap_or(ErrorCode::Unknown),
    }
}

fn storage_code_of(operation: Operation, kind: ErrorKind) -> ErrorCode {
    match kind {
        ErrorKind::Connect => return ErrorCode::HostConnect,
        ErrorKind::Identity => return ErrorCode::Service,
        ErrorKind::Untrusted => return ErrorCode::Crypto,
        ErrorKind::Credentials(why) => return credentials_code(why),
        ErrorKind::Cancelled => return ErrorCode::Term,
        _ => {}
    }
    let missing = kind == ErrorKind::NotFound;
    match operation {
        Operation::Connect => ErrorCode::Service,
        Operation::Info => ErrorCode::FileOpen,
        Operation::List if missing => ErrorCode::PathMissing,
        Operation::List => ErrorCode::PathOpen,
        Operation::OpenRead | Operation::OpenWrite if missing => ErrorCode::FileMissing,
        Operation::OpenWrite if kind == ErrorKind::Exists => ErrorCode::FileExists,
        Operation::OpenRead | Operation::OpenWrite => ErrorCode::FileOpen,
        Operation::Read => ErrorCode::FileRead,
        Operation::Write => ErrorCode::FileWrite,
        Operation::Sync => ErrorCode::FileSync,
        Operation::Close => ErrorCode::FileClose,
        Operation::Rename => ErrorCode::FileMove,
        Operation::Remove => ErrorCode::FileRemove,
        Operation::RemovePath => ErrorCode::PathRemove,
        Operation::CreatePath => ErrorCode::PathCreate,
        Operation::SyncPath if missing => ErrorCode::PathMissing,
        Operation::SyncPath => ErrorCode::PathSync,
        Operation::Link => ErrorCode::FileOpen,
        Operation::SetOwner => ErrorCode::FileOwner,
        Operation::SetMode => ErrorCode::FileMode,
        Operation::SetTime => ErrorCode::FileInfo,
        Operation::HardLink => ErrorCode::FileWrite,
    }
}

impl From<pgkeep_storage::Error> for Error {
    fn from(error: pgkeep_storage::Error) -> Self {
        let mut lowered = Self::new(storage_code(&error), error.to_string());
        lowered.hints.extend(error.hints);
        lowered
    }
}

/// I/O errors of readers and writers carry the storage error inside.
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        if let Some(inner) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<pgkeep_storage::Error>())
        {
            return inner.clone().into();
        }
        if let Some(inner) = pgkeep_pipeline::Error::from_io(&error) {
            return inner.clone().into();
        }
        // A writer of this layer failed.
        if let Some(inner) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Self>())
        {
            return inner.clone();
        }
        Self::new(ErrorCode::FileRead, error.to_string())
    }
}

impl From<pgkeep_postgres::Error> for Error {
    fn from(error: pgkeep_postgres::Error) -> Self {
        use pgkeep_postgres::ErrorKind as Kind;
        let code = match error.kind() {
            Kind::Format => ErrorCode::Format,
            Kind::Checksum => ErrorCode::Checksum,
            Kind::Version => ErrorCode::VersionNotSupported,
            Kind::Config => ErrorCode::Config,
            Kind::Connect => ErrorCode::DbConnect,
            Kind::Query => ErrorCode::DbQuery,
            Kind::Mismatch => ErrorCode::DbMismatch,
            Kind::ReplayTimeout => ErrorCode::ArchiveTimeout,
            Kind::Cancelled => ErrorCode::Term,
            Kind::Host => ErrorCode::Protocol,
        };
        Self {
            code,
            message: error.message().to_owned(),
            hints: error.hints().to_vec(),
        }
    }
}

impl From<pgkeep_repo::Error> for Error {
    fn from(error: pgkeep_repo::Error) -> Self {
        use pgkeep_repo::ErrorType as Type;
        let behind = error.storage.as_deref();
        let elsewhere = behind.filter(|storage| storage.elsewhere.is_some());
        let elsewhere = elsewhere.map(storage_code);
        let code = match error.kind {
            Type::Assert => ErrorCode::Assert,
            Type::Checksum => ErrorCode::Checksum,
            Type::Format => ErrorCode::Format,
            Type::FileOpen => ErrorCode::FileOpen,
            Type::VersionNotSupported => ErrorCode::VersionNotSupported,
            Type::LinkExpected => ErrorCode::LinkExpected,
            Type::LinkDestination => ErrorCode::LinkDestination,
            Type::Crypto => ErrorCode::Crypto,
            Type::JsonFormat => ErrorCode::JsonFormat,
            Type::Clock => ErrorCode::Clock,
            Type::Storage(operation, kind) => {
                elsewhere.unwrap_or_else(|| storage_code_of(operation, kind))
            }
            Type::Refused(kind) => elsewhere.unwrap_or_else(|| refusal_code(kind)),
        };
        Self {
            code,
            message: error.message,
            hints: error.hints,
        }
    }
}

impl From<pgkeep_pipeline::Error> for Error {
    fn from(error: pgkeep_pipeline::Error) -> Self {
        use pgkeep_pipeline::ErrorKind as Kind;
        let code = match error.kind() {
            Kind::Format => ErrorCode::Format,
            Kind::Crypto => ErrorCode::Crypto,
            Kind::Internal => ErrorCode::Assert,
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_system_have_no_number_behind_them() {
        let gone = std::io::Error::from_raw_os_error(2);
        let error = Error::new(ErrorCode::FileOpen, format!("unable to open 'x': {gone}"));
        assert_eq!(
            error.message,
            "unable to open 'x': No such file or directory"
        );
        for kept in ["a (os error x)", "a (os error 2", "(os error ", "[2] a"] {
            assert_eq!(without_numbers(kept.to_owned()), kept);
        }
        let twice = "a (os error 2): b (os error 13)!".to_owned();
        assert_eq!(without_numbers(twice), "a: b!");
    }
}
