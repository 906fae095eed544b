//! A file of a repository that is to be measured, and what that comes to: plain values.

use pgkeep_pipeline::{CompressType, Sha1Digest, Stage};
use pgkeep_repo::BackupLabel;
use pgkeep_storage::{Range, StoragePath};
use secrecy::SecretString;

use crate::error::Result;

/// A file to measure, or a slice of a bundle.
#[derive(Debug, Clone)]
pub struct StoredFile {
    pub path: StoragePath,
    /// Only for a file in a bundle.
    pub slice: Option<Range>,
    /// Bytes to read, as far as they are known.
    pub stored: Option<u64>,
    /// What it holds is measured; `None`: its bytes as they are stored.
    pub unpack: Option<Unpack>,
}

/// How the content of a file comes out of its stored bytes.
#[derive(Debug, Clone)]
pub struct Unpack {
    pub key: KeyOf,
    pub compress: CompressType,
    /// The key, for a repository of this host. Another host is not sent it, for it has it.
    pub pass: Option<SecretString>,
}

impl Unpack {
    /// What the bytes go through.
    #[must_use]
    pub fn stages(&self) -> Vec<Stage> {
        let decrypt = self.pass.clone();
        let decrypt = decrypt.map(|pass| Stage::Decrypt { pass, raw: false });
        let kind = self.compress;
        let decompress =
            (kind != CompressType::None).then_some(Stage::Decompress { kind, raw: false });
        decrypt.into_iter().chain(decompress).collect()
    }
}

/// Which key a file is encrypted with, if its repository is encrypted at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOf {
    /// That of the archive.
    Archive,
    /// That of the backup set, which its manifest has.
    Set(BackupLabel),
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    pub size: u64,
    pub sha1: Sha1Digest,
}

/// What is told while files are measured, in their order.
#[derive(Debug)]
pub enum Told {
    /// So many more stored bytes of the file in hand were read.
    Read(u64),
    /// The file in hand is done; an error is its own, the next ones follow.
    Done(Result<Measured>),
}

/// Takes what is told; its error ends the measuring.
pub type Teller<'a> = &'a mut dyn FnMut(Told) -> Result<()>;
