//! Making a restored cluster durable.
//!
//! A few files are flushed one by one as they are closed. For many, that would cost more than all else: then each file
//! system is flushed once at the end, where the kernel reports all write errors to a descriptor that was opened before
//! the first write (Linux 5.8). Tablespaces, a linked WAL directory and mounts inside the data directory may each have a
//! file system of their own, so every path is asked for its own.

use std::collections::BTreeSet;
use std::path::Path;

use pgkeep_repo::Manifest;
use pgkeep_storage::posix::FileSystem;
use pgkeep_storage::{FileTree, StoragePath};

use super::places::Places;
use super::targets::Found;
use crate::error::Result;
use crate::hosts::this_host;

/// From so many files on, flushing file systems is the faster way.
const MANY_FILES: usize = 512;

/// How files of this restore become durable.
#[derive(Debug)]
pub(super) struct Durable {
    /// Flushed at the end; empty: every file is flushed by itself.
    systems: Vec<FileSystem>,
}

impl Durable {
    /// Decides. All paths are there already, and nothing has been written yet.
    pub(super) fn begin(manifest: &Manifest, places: &Places, found: &[Found]) -> Result<Self> {
        let one_by_one = Self {
            systems: Vec::new(),
        };
        if manifest.file_count() < MANY_FILES {
            return Ok(one_by_one);
        }
        let tree = this_host::directory(Path::new("/"));
        let mut systems: Vec<FileSystem> = Vec::new();
        for place in directories(manifest, places, found) {
            let Some(system) = tree.file_system(&place)? else {
                return Ok(one_by_one);
            };
            if systems
                .iter()
                .all(|known| known.device() != system.device())
            {
                systems.push(system);
            }
        }
        Ok(Self { systems })
    }

    /// Whether each file has to be flushed when it is closed.
    pub(super) fn sync_files(&self) -> bool {
        self.systems.is_empty()
    }

    /// Flushes all that was restored, files first: then no directory names a file that is not there.
    pub(super) fn finish(
        &self,
        tree: &dyn FileTree,
        manifest: &Manifest,
        places: &Places,
        found: &[Found],
    ) -> Result<()> {
        for system in &self.systems {
            system.sync()?;
        }
        // With whole file systems flushed this only says what has been done.
        for place in directories(manifest, places, found) {
            crate::detail!("sync path '{}'", tree.display(&place));
            if self.systems.is_empty() {
                tree.sync_paths(&[place])?;
            }
        }
        // Targets that were made hang in directories that are not of the cluster.
        let above: BTreeSet<StoragePath> = found
            .iter()
            .filter(|target| !target.exists)
            .map(|target| target.path.parent())
            .collect();
        tree.sync_paths(&above.into_iter().collect::<Vec<_>>())?;
        Ok(())
    }
}

/// All directories that got entries, each once: those of links to files, then those of the manifest.
fn directories(manifest: &Manifest, places: &Places, found: &[Found]) -> Vec<StoragePath> {
    let mut all: Vec<StoragePath> = Vec::new();
    for target in found.iter().filter(|target| target.is_file) {
        if !all.contains(&target.path) {
            all.push(target.path.clone());
        }
    }
    let paths = manifest
        .paths()
        .iter()
        .filter(|path| path.name != b"pg_tblspc");
    all.extend(paths.map(|path| places.path(&path.name)));
    all
}
