//! Loads manifests: of a backup set (main or copy), or one file alone.

use pgkeep_storage::{Storage, StoragePath};
use secrecy::SecretString;

use super::Manifest;
use crate::backup_label::BackupLabel;
use crate::error::{Error, Result};
use crate::info_file::{self, LoadKind};
use crate::layout;
use crate::stanza::Stanza;

impl Manifest {
    /// Loads the manifest of a set or its copy; `pass` is the manifest passphrase of `backup.info`.
    pub fn load(
        storage: &dyn Storage,
        stanza: &Stanza,
        label: &BackupLabel,
        pass: Option<&SecretString>,
    ) -> Result<Self> {
        info_file::load(
            storage,
            &layout::manifest(stanza, label),
            pass,
            LoadKind::Manifest,
            |bytes| {
                let manifest = Self::parse(bytes)?;
                // The copy of a set through which files can only be added is what the set began with. It must not stand in for a
                // manifest that is damaged.
                match manifest.backup.timestamp_stop {
                    0 if storage.only_adds() => {
                        Err(Error::format("it is of a backup that was not finished"))
                    }
                    _ => Ok(manifest),
                }
            },
        )
    }

    /// Loads exactly this file (a `.copy`, a manifest that restore kept).
    pub fn load_file(
        storage: &dyn Storage,
        path: &StoragePath,
        pass: Option<&SecretString>,
    ) -> Result<Self> {
        info_file::load_one(storage, path, pass, Self::parse)
    }
}
