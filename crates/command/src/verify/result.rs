//! What is known of an archive and of a backup while and after they are verified.

use std::collections::HashMap;

use pgkeep_repo::{ArchiveId, BackupLabel};

use super::file::{Fault, FileKey};

/// How many files are wrong in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Faults {
    pub missing: u64,
    pub checksum: u64,
    pub size: u64,
    pub other: u64,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        match fault {
            Fault::Missing => self.missing += 1,
            Fault::Checksum => self.checksum += 1,
            Fault::Size => self.size += 1,
            Fault::Other => self.other += 1,
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.missing + self.checksum + self.size + self.other
    }
}

/// One archive.
#[derive(Debug)]
pub(super) struct ArchiveResult {
    pub id: ArchiveId,
    /// Segments that were found, duplicates included.
    pub checked: u64,
    pub valid: u64,
    pub faults: Faults,
    /// Runs of segments without a gap: first and last.
    pub runs: Vec<(String, String)>,
    /// Bytes of a segment, from the first that tells.
    pub segment_size: Option<u32>,
}

impl ArchiveResult {
    pub(super) fn new(id: ArchiveId) -> Self {
        Self {
            id,
            checked: 0,
            valid: 0,
            faults: Faults::default(),
            runs: Vec::new(),
            segment_size: None,
        }
    }
}

/// Verdict on a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Valid,
    Invalid,
    ManifestMissing,
    InProgress,
}

impl Status {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::ManifestMissing => "manifest missing",
            Self::InProgress => "in-progress",
        }
    }
}

/// One backup.
#[derive(Debug)]
pub(super) struct BackupResult {
    pub label: BackupLabel,
    pub status: Status,
    /// All its files were given out, so that later backups need not look at them again.
    pub complete: bool,
    pub checked: u64,
    pub valid: u64,
    pub faults: Faults,
    /// Its own files that are not in order.
    pub faulty: HashMap<FileKey, Fault>,
}

impl BackupResult {
    pub(super) fn new(label: BackupLabel) -> Self {
        Self {
            label,
            status: Status::Valid,
            complete: false,
            checked: 0,
            valid: 0,
            faults: Faults::default(),
            faulty: HashMap::new(),
        }
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.status = Status::Invalid;
        self.faults.add(fault);
    }
}

/// All of a run.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub archives: Vec<ArchiveResult>,
    pub backups: Vec<BackupResult>,
}
