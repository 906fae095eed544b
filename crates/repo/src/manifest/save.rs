//! Saves manifests, in the order that makes a backup exist only when all of it does.

use std::io::{BufWriter, Write as _};

use pgkeep_pipeline::{CompressType, Pipeline, RunningReader, Stage};
use pgkeep_storage::{ReadOptions, Storage, StoragePath, WriteOptions};
use secrecy::SecretString;

use super::Manifest;
use crate::backup_label::BackupLabel;
use crate::error::Result;
use crate::info_file::{PROGRAM_VERSION, StoredWriter, plain_reader, save_copy_then_main};
use crate::layout;
use crate::stanza::Stanza;

/// Bytes gathered before the storage is asked to write.
const BUFFER: usize = 64 * 1024;
/// Level of the history: written once, kept for years.
const HISTORY_LEVEL: i32 = 9;

impl Manifest {
    /// Saves the manifest as `path` atomically and durably; `pass` is the manifest passphrase of `backup.info`.
    pub fn save_file(
        &self,
        storage: &dyn Storage,
        path: &StoragePath,
        pass: Option<&SecretString>,
    ) -> Result<()> {
        let write = storage.open_write(path, &WriteOptions::default())?;
        let mut stored = StoredWriter::new(BufWriter::with_capacity(BUFFER, write), pass);
        self.write(&mut stored, PROGRAM_VERSION)?;
        let write = stored
            .finish()?
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        write.finish()?.wait()?;
        Ok(())
    }

    /// Saves only `backup.manifest.copy`: the set is in progress, and can be resumed from here.
    pub fn save_copy(
        &self,
        storage: &dyn Storage,
        stanza: &Stanza,
        label: &BackupLabel,
        pass: Option<&SecretString>,
    ) -> Result<()> {
        self.save_file(storage, &layout::manifest_copy(stanza, label), pass)
    }

    /// Saves `backup.manifest.copy` and then, once that is durable, makes `backup.manifest` of it: from then on the
    /// backup exists.
    pub fn save(
        &self,
        storage: &dyn Storage,
        stanza: &Stanza,
        label: &BackupLabel,
        pass: Option<&SecretString>,
    ) -> Result<()> {
        self.save_copy(storage, stanza, label, pass)?;
        save_copy_then_main(storage, &layout::manifest(stanza, label))
    }
}

/// Writes the history file of a finished backup from its stored manifest: the same text, gz, encrypted alike.
pub fn save_history(
    storage: &dyn Storage,
    stanza: &Stanza,
    label: &BackupLabel,
    pass: Option<&SecretString>,
) -> Result<()> {
    let read = storage.open_read(&layout::manifest(stanza, label), &ReadOptions::default())?;
    let mut stages = vec![Stage::Compress {
        kind: CompressType::Gz,
        level: HISTORY_LEVEL,
        raw: false,
    }];
    stages.extend(pass.map(|pass| Stage::Encrypt {
        pass: pass.clone(),
        raw: false,
    }));
    let running = Pipeline::new(stages).start(BUFFER);
    let mut stored = RunningReader::new(plain_reader(read, pass), running, BUFFER);
    let mut write = storage.open_write(
        &layout::history_manifest(stanza, label),
        &WriteOptions::default(),
    )?;
    std::io::copy(&mut stored, &mut write)?;
    write.flush()?;
    write.finish()?.wait()?;
    Ok(())
}
