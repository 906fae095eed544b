//! What is copied: a file of the repository, and the pieces in it that have a checksum of their own.

use pgkeep_pipeline::{Sha1Digest, Stage};
use pgkeep_storage::StoragePath;
use secrecy::SecretString;

use crate::error::{Error, ErrorCode};

/// Bytes that are read at once at most.
pub(super) const READ_MOST: usize = 256 * 1024;

/// A file that has the same path on both sides.
#[derive(Debug, Clone)]
pub(super) struct CopyFile {
    pub path: StoragePath,
    /// Bytes as stored in the source, as far as is known.
    pub size: u64,
    /// In order. What lies between them is copied and not checked: nothing refers to it.
    pub pieces: Vec<Piece>,
    /// The source's key and the target's; `None`: the bytes stay as they are.
    pub recode: Option<Recode>,
}

/// A part of a file, or all of it.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// Of the file in the manifest; 0 for WAL.
    pub position: u32,
    pub offset: u64,
    /// `None`: to the end of the file.
    pub size: Option<u64>,
    pub check: Check,
}

/// How it is known that a piece is sound.
#[derive(Debug, Clone)]
pub(super) enum Check {
    /// By the checksum of its stored bytes.
    Stored(Sha1Digest),
    /// By that of what comes out of these stages, and its size, where that is known.
    Content {
        stages: Vec<Stage>,
        sha1: Sha1Digest,
        size: Option<u64>,
    },
    /// There is no checksum of it, by design.
    None,
    /// There is none, and should be.
    Unknown,
}

/// Other keys for the same content. Each is `None` where that side is not encrypted.
#[derive(Debug, Clone)]
pub(super) struct Recode {
    pub decrypt: Option<SecretString>,
    pub encrypt: Option<SecretString>,
}

/// Why a file was not copied.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    Missing,
    Checksum,
    Size,
    /// It cannot be read or decoded.
    Other(Error),
}

impl Fault {
    /// What is wrong, in the words of `verify`.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Missing => "file missing".to_owned(),
            Self::Checksum => "invalid checksum".to_owned(),
            Self::Size => "invalid size".to_owned(),
            Self::Other(error) => error.text(),
        }
    }

    /// The same for programs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Checksum => "checksum-invalid",
            Self::Size => "size-invalid",
            Self::Other(_) => "other",
        }
    }

    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::Missing => ErrorCode::FileMissing,
            Self::Checksum => ErrorCode::Checksum,
            Self::Size => ErrorCode::FileInvalid,
            Self::Other(error) => error.code,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error.code {
            ErrorCode::FileMissing => Self::Missing,
            _ => Self::Other(error),
        }
    }
}
