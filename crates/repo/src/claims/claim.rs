//! What is claimed, by what it is judged, and what is said of a claim that is not believed.

use crate::backup_info::BackupEntry;
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;

/// A set that is not listed and has a manifest.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Name of the directory.
    pub label: BackupLabel,
    /// What the manifest says. `None`: it cannot be read, and why.
    pub said: Result<Said, String>,
    /// When the server stored the manifest.
    pub stored: i64,
}

/// What a manifest says.
#[derive(Debug, Clone)]
pub struct Said {
    pub entry: BackupEntry,
    pub system_id: u64,
    pub version: String,
    /// A file of the set, or WAL that it needs, that is not there or has another size.
    pub missing: Option<String>,
}

/// What retention asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Full backups that are kept, where that is a number and not a time.
    pub full: Option<u32>,
    /// Which backups count for WAL, and the WAL of how many is kept.
    pub archive: Option<(BackupType, u32)>,
}

/// A claim that is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub label: BackupLabel,
    pub reason: String,
    /// A listed backup with which it cannot be reconciled. Which of the two is false cannot be told from here.
    pub against: Option<BackupLabel>,
}

impl Refusal {
    pub(super) fn of(claim: &Claim, reason: String) -> Self {
        Self {
            label: claim.label.clone(),
            reason,
            against: None,
        }
    }
}

pub(super) fn seconds(timestamp: u64) -> i64 {
    i64::try_from(timestamp).unwrap_or(i64::MAX)
}
