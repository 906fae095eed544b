//! What is known of a stanza: its status, backups and WAL in each repository, and who holds its locks.

use std::collections::BTreeMap;

use pgkeep_repo::manifest::Manifest;
use pgkeep_repo::pg_history::PgHistoryEntry;
use pgkeep_repo::{ArchiveId, BackupInfo, BackupLabel};
use pgkeep_storage::Durability;
use pgkeep_storage::protection::KeptUntil;

use super::status::{Running, Status};
use crate::error::Error;
use crate::wal::window::Wal;

/// One stanza over all repositories.
#[derive(Debug)]
pub(super) struct StanzaReport {
    pub(super) name: String,
    pub(super) repositories: Vec<RepositoryReport>,
    pub(super) restore: Running,
}

/// One stanza in one repository.
#[derive(Debug)]
pub(super) struct RepositoryReport {
    pub(super) key: u32,
    pub(super) cipher: &'static str,
    pub(super) status: Status,
    pub(super) backup_info: Option<BackupInfo>,
    /// WAL per history entry of `backup.info`, oldest first.
    pub(super) archives: Vec<ArchiveReport>,
    pub(super) backup: Running,
    /// Of the sets for which it was kept; as pgkeep only.
    pub(super) durability: BTreeMap<BackupLabel, Durability>,
    /// Until when sets are locked, of those that are; as pgkeep only.
    pub(super) locked: BTreeMap<BackupLabel, KeptUntil>,
    /// Manifest of the requested backup.
    pub(super) manifest: Option<Manifest>,
    /// All WAL by name; only for the table.
    pub(super) wal: Vec<(ArchiveId, Wal)>,
}

/// WAL of one history entry.
#[derive(Debug, Clone)]
pub(super) struct ArchiveReport {
    pub(super) entry: PgHistoryEntry,
    pub(super) id: ArchiveId,
    pub(super) min: Option<String>,
    pub(super) max: Option<String>,
    /// Whether it is the newest entry of the history.
    pub(super) newest: bool,
}

impl RepositoryReport {
    pub(super) fn new(key: u32, cipher: &'static str, status: Status) -> Self {
        Self {
            key,
            cipher,
            status,
            backup_info: None,
            archives: Vec::new(),
            backup: Running::default(),
            durability: BTreeMap::new(),
            locked: BTreeMap::new(),
            manifest: None,
            wal: Vec::new(),
        }
    }

    pub(super) fn fail(&mut self, error: &Error) {
        *self = Self::new(self.key, self.cipher, Status::Other(error.named_text()));
    }
}

impl StanzaReport {
    /// The cluster of the first repository that knows one.
    pub(super) fn current(&self) -> Option<&PgHistoryEntry> {
        self.repositories.iter().find_map(|report| {
            report
                .backup_info
                .as_ref()
                .map(|info| info.history.current())
        })
    }

    /// The status over all repositories.
    pub(super) fn status(&self, full: bool) -> Status {
        if full && let Some(current) = self.current() {
            let same = |report: &RepositoryReport| match &report.backup_info {
                Some(info) => {
                    let other = info.history.current();
                    other.system_id == current.system_id && other.version == current.version
                }
                None => true,
            };
            if !self.repositories.iter().all(same) {
                return Status::PgMismatch;
            }
        }
        Status::over_all(self.repositories.iter().map(|report| &report.status))
    }
}
