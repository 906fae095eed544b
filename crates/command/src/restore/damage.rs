//! What fails while files are restored: the repository's fault or the target's, and which backups hold what is damaged.

use std::sync::{Mutex, PoisonError};

use pgkeep_repo::BackupLabel;
use pgkeep_storage::{Operation, StoragePath};

use crate::error::Error;

/// Why a file could not be restored.
#[derive(Debug)]
pub(super) enum Failed {
    /// What the repository gave, or that it gave nothing.
    Repository(Error),
    /// The same of blocks that are in another repository file than the map.
    Blocks(Error, StoragePath, BackupLabel),
    /// The file on this host could not be written.
    Target(Error),
}

impl Failed {
    /// Names the repository file of blocks.
    pub(super) fn in_blocks(self, path: &StoragePath, label: &BackupLabel) -> Self {
        match self {
            Self::Repository(error) => Self::Blocks(error, path.clone(), label.clone()),
            other => other,
        }
    }
}

impl From<pgkeep_storage::Error> for Failed {
    fn from(error: pgkeep_storage::Error) -> Self {
        match error.operation {
            // Of the target nothing is read while it is written.
            Operation::Connect | Operation::OpenRead | Operation::Read => {
                Self::Repository(error.into())
            }
            _ => Self::Target(error.into()),
        }
    }
}

impl From<pgkeep_pipeline::Error> for Failed {
    fn from(error: pgkeep_pipeline::Error) -> Self {
        Self::Repository(error.into())
    }
}

/// Of readers: writers of the target are told apart where they are called.
impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Repository(error.into())
    }
}

/// What was found while files were fetched: the message of each failure, and the backups that hold what is damaged.
#[derive(Debug, Default)]
pub(super) struct Damage(Mutex<Vec<(String, Vec<BackupLabel>)>>);

impl Damage {
    /// Remembers the message of a damaged file and the backups that hold it.
    pub(super) fn add(&self, message: &str, holders: Vec<BackupLabel>) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.push((message.to_owned(), holders));
    }

    /// The backups to blame for this error, if it is one of a damaged file.
    pub(super) fn holders(&self, error: &Error) -> Option<Vec<BackupLabel>> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A job that failed again has the later messages behind the first.
        found
            .iter()
            .find(|(message, _)| error.message.starts_with(message.as_str()))
            .map(|(_, holders)| holders.clone())
    }
}
