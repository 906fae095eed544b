//! The exit codes: one per class of error, pgBackRest's numbers and names.
//!
//! The table is the same in pgBackRest 2.45 to 2.60. Scripts test these numbers, so none is ever changed.

macro_rules! codes {
    ($($variant:ident = $code:literal, $name:literal;)*) => {
        /// Class of an error; its number is the exit code of the program.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum ErrorCode {
            $($variant = $code,)*
        }

        impl ErrorCode {
            /// Every code, ascending.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Name as it appears inside messages: `FileMissingError`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The code with this number.
            #[must_use]
            pub fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    Assert = 25, "AssertError";
    Checksum = 26, "ChecksumError";
    Config = 27, "ConfigError";
    FileInvalid = 28, "FileInvalidError";
    Format = 29, "FormatError";
    CommandRequired = 30, "CommandRequiredError";
    OptionInvalid = 31, "OptionInvalidError";
    OptionInvalidValue = 32, "OptionInvalidValueError";
    OptionRequired = 37, "OptionRequiredError";
    PgRunning = 38, "PgRunningError";
    Protocol = 39, "ProtocolError";
    PathNotEmpty = 40, "PathNotEmptyError";
    FileOpen = 41, "FileOpenError";
    FileRead = 42, "FileReadError";
    ParamRequired = 43, "ParamRequiredError";
    ArchiveMismatch = 44, "ArchiveMismatchError";
    ArchiveDuplicate = 45, "ArchiveDuplicateError";
    VersionNotSupported = 46, "VersionNotSupportedError";
    PathCreate = 47, "PathCreateError";
    CommandInvalid = 48, "CommandInvalidError";
    HostConnect = 49, "HostConnectError";
    LockAcquire = 50, "LockAcquireError";
    BackupMismatch = 51, "BackupMismatchError";
    FileSync = 52, "FileSyncError";
    PathOpen = 53, "PathOpenError";
    PathSync = 54, "PathSyncError";
    FileMissing = 55, "FileMissingError";
    DbConnect = 56, "DbConnectError";
    DbQuery = 57, "DbQueryError";
    DbMismatch = 58, "DbMismatchError";
    FileRemove = 60, "FileRemoveError";
    PathRemove = 61, "PathRemoveError";
    Stop = 62, "StopError";
    Term = 63, "TermError";
    FileWrite = 64, "FileWriteError";
    FeatureNotSupported = 67, "FeatureNotSupportedError";
    ArchiveCommandInvalid = 68, "ArchiveCommandInvalidError";
    LinkExpected = 69, "LinkExpectedError";
    LinkDestination = 70, "LinkDestinationError";
    HostInvalid = 72, "HostInvalidError";
    PathMissing = 73, "PathMissingError";
    FileMove = 74, "FileMoveError";
    BackupSetInvalid = 75, "BackupSetInvalidError";
    TablespaceMap = 76, "TablespaceMapError";
    LinkMap = 78, "LinkMapError";
    FileClose = 79, "FileCloseError";
    DbMissing = 80, "DbMissingError";
    DbInvalid = 81, "DbInvalidError";
    ArchiveTimeout = 82, "ArchiveTimeoutError";
    FileMode = 83, "FileModeError";
    ArchiveDisabled = 87, "ArchiveDisabledError";
    FileOwner = 88, "FileOwnerError";
    UserMissing = 89, "UserMissingError";
    FileExists = 93, "FileExistsError";
    Memory = 94, "MemoryError";
    Crypto = 95, "CryptoError";
    ParamInvalid = 96, "ParamInvalidError";
    PathClose = 97, "PathCloseError";
    FileInfo = 98, "FileInfoError";
    JsonFormat = 99, "JsonFormatError";
    Kernel = 100, "KernelError";
    Service = 101, "ServiceError";
    Execute = 102, "ExecuteError";
    RepoInvalid = 103, "RepoInvalidError";
    Command = 104, "CommandError";
    Access = 105, "AccessError";
    Clock = 106, "ClockError";
    Runtime = 122, "RuntimeError";
    Unhandled = 124, "UnhandledError";
    Unknown = 125, "UnknownError";
}

impl ErrorCode {
    /// The exit status of the program.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The gravest of what was found in a repository. The order: something is missing, something is damaged, something is unusable,
    /// something is where it should not be; what is of neither kind comes last.
    #[must_use]
    pub fn gravest(codes: &[Self]) -> Option<Self> {
        const GRAVITY: [ErrorCode; 6] = [
            ErrorCode::FileMissing,
            ErrorCode::Checksum,
            ErrorCode::FileInvalid,
            ErrorCode::Format,
            ErrorCode::Crypto,
            ErrorCode::ArchiveDuplicate,
        ];
        let gravity = |code: &Self| {
            let at = GRAVITY.iter().position(|grave| grave == code);
            at.unwrap_or(GRAVITY.len())
        };
        codes.iter().copied().min_by_key(gravity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_name_themselves() {
        assert!(
            ErrorCode::ALL
                .windows(2)
                .all(|pair| pair[0].number() < pair[1].number())
        );
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number()), Some(*code));
            assert!(code.name().ends_with("Error"));
        }
    }
}
