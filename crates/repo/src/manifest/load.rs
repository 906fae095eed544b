//! Loads manifests: of a backup set (main or copy), or one file alone.

use std::io::{BufReader, Read};

use pgkeep_pipeline::{CompressType, Pipeline, RunningReader, Stage};
use pgkeep_storage::copy::read_all;
use pgkeep_storage::{Storage, StoragePath};
use secrecy::SecretString;

use super::Manifest;
use crate::backup_label::BackupLabel;
use crate::error::{Error, Result};
use crate::info_file::{self, LoadKind};
use crate::layout;
use crate::stanza::Stanza;

/// Bytes decompressed at once.
const BUFFER: usize = 64 * 1024;

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

    /// Loads what the history keeps of a set's manifest, `None` where there is none. `most`: bytes that it may have as it is stored
    /// and, a hundred times as many, as plain text; one of more is an error.
    pub fn load_history(
        storage: &dyn Storage,
        stanza: &Stanza,
        label: &BackupLabel,
        pass: Option<&SecretString>,
        most: u64,
    ) -> Result<Option<Self>> {
        let path = layout::history_manifest(stanza, label);
        let Some(stored) = read_all(storage, &path, most)? else {
            return Ok(None);
        };
        let decrypt = pass.map(|pass| Stage::Decrypt {
            pass: pass.clone(),
            raw: false,
        });
        let decompress = Stage::Decompress {
            kind: CompressType::Gz,
            raw: false,
        };
        let running = Pipeline::new(decrypt.into_iter().chain([decompress]).collect());
        let plain = RunningReader::new(&stored[..], running.start(BUFFER), BUFFER);
        let mut plain = BufReader::new(plain.take(most.saturating_mul(100)));
        Self::parse(&mut plain).map(Some)
    }
}
