//! The set to restore, once it is chosen.

use pgkeep_repo::{ArchiveId, BackupInfo, BackupLabel};
use secrecy::SecretString;

use crate::hosts::Repository;

/// The set to restore and where it is.
#[derive(Debug)]
pub(super) struct Chosen {
    pub repository: Repository,
    pub label: BackupLabel,
    /// Pass-phrase of manifests; `None`: not encrypted.
    pub manifest_pass: Option<SecretString>,
    /// Stored size of all its files, bytes.
    pub repo_size: u64,
    /// Where the WAL is that makes it consistent; `None`: offline backup.
    pub archive_id: Option<ArchiveId>,
    /// Why this set, in words that follow its name.
    pub why: &'static str,
    /// What the repository knows of all sets.
    pub info: BackupInfo,
}
