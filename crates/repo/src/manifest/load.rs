//! Loads manifests: of a backup set (main or copy), or one file alone.

use pgkeep_storage::{Storage, StoragePath};
use secrecy::SecretString;

use super::Manifest;
use crate::backup_label::BackupLabel;
use crate::error::Result;
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
            Self::parse,
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
