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
pub(crate) struct StanzaReport {
    pub(crate) name: String,
    pub(crate) repositories: Vec<RepositoryReport>,
    pub(crate) restore: Running,
}

/// One stanza in one repository.
#[derive(Debug)]
pub(crate) struct RepositoryReport {
    pub(crate) key: u32,
    pub(crate) cipher: &'static str,
    pub(crate) status: Status,
    pub(crate) backup_info: Option<BackupInfo>,
    /// WAL per history entry of `backup.info`, oldest first.
    pub(crate) archives: Vec<ArchiveReport>,
    pub(crate) backup: Running,
    /// Of the sets for which it was kept; as pgkeep only.
    pub(crate) durability: BTreeMap<BackupLabel, Durability>,
    /// Until when sets are locked, of those that are; as pgkeep only.
    pub(crate) locked: BTreeMap<BackupLabel, KeptUntil>,
    /// Manifest of the requested backup.
    pub(crate) manifest: Option<Manifest>,
    /// All WAL by name, where that is wanted and was possible.
    pub(crate) wal: Option<Vec<(ArchiveId, Wal)>>,
    /// Why it was not.
    pub(crate) wal_error: Option<String>,
}

/// WAL of one history entry.
#[derive(Debug, Clone)]
pub(crate) struct ArchiveReport {
    pub(crate) entry: PgHistoryEntry,
    pub(crate) id: ArchiveId,
    pub(crate) min: Option<String>,
    pub(crate) max: Option<String>,
    /// Whether it is the newest entry of the history.
    pub(crate) newest: bool,
}

impl RepositoryReport {
    pub(crate) fn new(key: u32, cipher: &'static str, status: Status) -> Self {
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
            wal: None,
            wal_error: None,
        }
    }

    /// The archives that are told: that of the cluster of today, and older ones that have WAL.
    pub(crate) fn shown_archives(&self) -> impl Iterator<Item = &ArchiveReport> {
        self.archives
            .iter()
            .filter(|archive| archive.newest || archive.min.is_some())
    }

    pub(crate) fn fail(&mut self, error: &Error) {
        *self = Self::new(self.key, self.cipher, Status::Other(error.named_text()));
    }
}

impl StanzaReport {
    /// The cluster of the first repository that knows one.
    pub(crate) fn current(&self) -> Option<&PgHistoryEntry> {
        self.repositories.iter().find_map(|report| {
            report
                .backup_info
                .as_ref()
                .map(|info| info.history.current())
        })
    }

    /// Who holds locks of backups, over all repositories.
    pub(crate) fn backup(&self) -> Running {
        let mut all = Running::default();
        for running in self.repositories.iter().map(|report| report.backup) {
            all.held |= running.held;
            if running.size > 0 {
                all.size += running.size;
                all.size_complete += running.size_complete;
            }
        }
        all
    }

    /// The status over all repositories.
    pub(crate) fn status(&self, full: bool) -> Status {
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
