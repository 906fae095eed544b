//! What is known of an archive and of a backup while and after they are verified.

use std::collections::HashMap;

use pgkeep_repo::{ArchiveId, BackupLabel};

use super::file::{Fault, FileKey};
use crate::error::Error;
use crate::wal::window::{Point, Restorable, Wal};

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
    /// Segments that are stored more than once.
    pub duplicates: Vec<String>,
    /// What is sound of it.
    pub wal: Wal,
    /// Directories that were verified before, as a whole or in part: name, when, and how many segments.
    pub skipped: Vec<(String, i64, u64)>,
}

impl ArchiveResult {
    pub(super) fn new(id: ArchiveId) -> Self {
        Self {
            id,
            checked: 0,
            valid: 0,
            faults: Faults::default(),
            runs: Vec::new(),
            duplicates: Vec::new(),
            wal: Wal::default(),
            skipped: Vec::new(),
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
    /// Aborted, in a repository to which an account adds that may remove nothing.
    NotFinished,
}

impl Status {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::ManifestMissing => "manifest missing",
            Self::InProgress => "in-progress",
            Self::NotFinished => "not finished",
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
    /// When its own files were verified, if they were not read now, and how many they are.
    pub verified: Option<i64>,
    /// When the first so many of its files were read by a run that did not come to its end.
    pub part: Option<(i64, u64)>,
    pub skipped: u64,
    /// Its own files that are not in order.
    pub faulty: HashMap<FileKey, Fault>,
    /// What its manifest says it needs; `None` without a usable manifest.
    pub point: Option<Point>,
    /// What it can be restored to, once all WAL is verified; `None`: nobody can tell.
    pub restorable: Option<Restorable>,
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
            verified: None,
            part: None,
            skipped: 0,
            faulty: HashMap::new(),
            point: None,
            restorable: None,
        }
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.status = Status::Invalid;
        self.faults.add(fault);
    }
}

/// A file that is not in order.
#[derive(Debug)]
pub(super) struct Problem {
    /// Below the stanza's directory.
    pub path: String,
    pub fault: Fault,
    /// Why it could not be read, if that is what is wrong.
    pub error: Option<Error>,
}

/// All of a run.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub archives: Vec<ArchiveResult>,
    pub backups: Vec<BackupResult>,
    pub problems: Vec<Problem>,
    /// Why the run ended before everything was read. Then only what is not in order is here.
    pub ended: Option<Error>,
}

/// What a run came to.
pub(super) enum Outcome {
    /// Why nothing was verified: lines, each with a line feed in front.
    Note(String),
    Results(Results),
}
