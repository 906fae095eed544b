//! The list of backups in the target as it is now. Locks keep away only what runs on this host: others may add backups and expire
//! them while a copy runs, so the list is read again whenever something depends on it.

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::sets::list_sets;
use pgkeep_repo::{BackupInfo, BackupLabel, Stanza};
use pgkeep_storage::in_parallel;

use crate::error::{Error, Result};
use crate::hosts::Repository;

/// The list, and what it was made from.
#[derive(Debug)]
pub(super) struct Listed {
    /// Reconciled with the sets.
    pub info: BackupInfo,
    /// Directories of sets, ascending, whole or not.
    pub sets: Vec<BackupLabel>,
}

impl Listed {
    /// Reads it; nothing is changed.
    ///
    /// # Errors
    /// Those of loading.
    pub(super) fn read(to: &Repository, stanza: &Stanza) -> Result<Self> {
        Self::read_with(to, stanza, None)
    }

    fn read_with(to: &Repository, stanza: &Stanza, entry: Option<BackupEntry>) -> Result<Self> {
        let storage = &*to.storage;
        let (mut info, sets) = in_parallel(
            storage,
            || Ok::<_, Error>(BackupInfo::load(storage, stanza, to.pass.as_ref())?),
            || Ok(list_sets(storage, stanza)?),
        )?;
        if let Some(entry) = entry {
            info.add(entry);
        }
        for warning in info.reconstruct(storage, stanza, &sets)?.warnings {
            log::warn!("{}: {warning}", to.name());
        }
        Ok(Self { info, sets })
    }

    /// Reads it and saves it if it was not as the sets say: it must not name a backup whose files are about to be written.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn renew(to: &Repository, stanza: &Stanza) -> Result<Self> {
        let mut listed = Self::read(to, stanza)?;
        if listed.info.is_updated() {
            listed.info.save(&*to.storage, stanza, to.pass.as_ref())?;
        }
        Ok(listed)
    }

    /// Lists a backup whose manifest was published a moment ago.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn add(to: &Repository, stanza: &Stanza, entry: BackupEntry) -> Result<Self> {
        let mut listed = Self::read_with(to, stanza, Some(entry))?;
        listed.info.save(&*to.storage, stanza, to.pass.as_ref())?;
        Ok(listed)
    }
}
