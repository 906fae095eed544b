//! Makes the files of a backup durable, before a manifest names them.
//!
//! The workers make each file durable that they write, unless there are very many small ones: then the file system is flushed
//! once for all of them, where its errors are reported. The names of all files are in directories, which come last.

use pgkeep_repo::layout;
use pgkeep_repo::manifest::Manifest;
use pgkeep_storage::{InfoLevel, StoragePath};

use super::process::Process;
use crate::error::Result;

/// From so many small files on it is faster to make them durable together.
const MANY_SMALL: usize = 256;

impl Process<'_> {
    /// Decides whether small files are made durable together; then each of them is written without.
    pub(super) fn begin_together(&self, small: usize) -> Result<bool> {
        let sync = self.repository.storage.as_path_sync();
        if let Some(sync) = sync.filter(|_| small >= MANY_SMALL) {
            let begun = sync.begin_together(&layout::backup_path(&self.settings.stanza))?;
            return Ok(begun.is_some_and(|begun| self.together.set(begun).is_ok()));
        }
        Ok(false)
    }

    /// Makes the small files durable that are there until now.
    pub(super) fn sync_small(&self) -> Result<()> {
        Ok(self
            .together
            .get()
            .map_or(Ok(()), |together| together.sync())?)
    }

    /// Makes the names of all files durable: without their directories the files would be lost with the power.
    pub(super) fn sync_paths(&self, manifest: &Manifest) -> Result<()> {
        let storage = &*self.repository.storage;
        let Some(sync) = storage.as_path_sync() else {
            return Ok(());
        };
        let mut paths: Vec<StoragePath> = manifest
            .paths()
            .iter()
            .map(|path| self.set_path(&path.name))
            .collect();
        if !self.has_all_paths() {
            let found = storage.info_many(&paths, InfoLevel::Exists)?;
            let mut found = found.into_iter();
            paths.retain(|_| found.next().is_some_and(|info| info.is_some()));
        }
        // Not a path of the cluster, so the manifest does not list it.
        let bundles = layout::bundle_path(&self.settings.stanza, self.label);
        if self.settings.bundle.is_some() && storage.info(&bundles, InfoLevel::Exists)?.is_some() {
            paths.push(bundles);
        }
        paths.push(layout::set_path(&self.settings.stanza, self.label));
        paths.push(layout::backup_path(&self.settings.stanza));
        Ok(sync.sync_paths(&paths)?)
    }
}
