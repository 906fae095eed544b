//! The keys of the archive and of backup sets, which this host looks up itself: a client need not send what it was told.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pgkeep_repo::{ArchiveInfo, BackupInfo, BackupLabel, Manifest, Stanza};
use secrecy::SecretString;

use crate::error::Result;
use crate::hosts::Repository;
use crate::hosts::repository::measured::file::KeyOf;

/// The keys of one stanza that were looked up so far.
#[derive(Debug)]
pub(super) struct Keys {
    repository: Repository,
    stanza: Option<Stanza>,
    archive: Mutex<Option<Option<SecretString>>>,
    sets: Mutex<HashMap<BackupLabel, Option<SecretString>>>,
}

impl Keys {
    pub(super) fn new(repository: Repository, stanza: Option<Stanza>) -> Self {
        Self {
            repository,
            stanza,
            archive: Mutex::default(),
            sets: Mutex::default(),
        }
    }

    /// `None`: not encrypted.
    ///
    /// # Errors
    /// `archive.info`, `backup.info` or the manifest cannot be read.
    pub(super) fn get(&self, key: &KeyOf) -> Result<Option<SecretString>> {
        let (storage, pass) = (&*self.repository.storage, self.repository.pass.as_ref());
        let (Some(stanza), Some(_)) = (&self.stanza, pass) else {
            return Ok(None);
        };
        match key {
            // Held while it is read: whoever comes meanwhile waits for it.
            KeyOf::Archive => {
                let mut archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(known) = &*archive {
                    return Ok(known.clone());
                }
                let found = ArchiveInfo::load(storage, stanza, pass)?.cipher_pass;
                Ok(archive.insert(found).clone())
            }
            KeyOf::Set(label) => {
                let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(known) = sets.get(label) {
                    return Ok(known.clone());
                }
                let info = BackupInfo::load(storage, stanza, pass)?;
                let manifest = Manifest::load(storage, stanza, label, info.cipher_pass.as_ref())?;
                sets.insert(label.clone(), manifest.cipher_pass.clone());
                Ok(manifest.cipher_pass)
            }
        }
    }
}
