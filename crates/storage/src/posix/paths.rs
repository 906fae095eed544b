//! Directories, their durability and links; how each is done stands in its file beside this one.

use super::storage::PosixStorage;
use super::{create, link, sync};
use crate::error::Result;
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks, SyncTogether};

impl Paths for PosixStorage {
    fn create_path(&self, path: &StoragePath, mode: u32) -> Result<()> {
        create::create_path(&self.absolute(path), mode).map(drop)
    }

    fn create_paths(&self, paths: &[StoragePath], mode: u32) -> Result<()> {
        paths
            .iter()
            .try_for_each(|path| self.create_path(path, mode))
    }
}

impl PathSync for PosixStorage {
    fn sync_paths(&self, paths: &[StoragePath]) -> Result<()> {
        paths
            .iter()
            .try_for_each(|path| sync::sync_path(&self.absolute(path)))
    }

    fn begin_together(&self, path: &StoragePath) -> Result<Option<Box<dyn SyncTogether>>> {
        let system = self.file_system(path)?;
        let system = system.filter(sync::FileSystem::is_local);
        Ok(system.map(|system| Box::new(system) as Box<dyn SyncTogether>))
    }
}

impl SymbolicLinks for PosixStorage {
    fn link(&self, path: &StoragePath, destination: &[u8]) -> Result<()> {
        link::symlink(&self.absolute(path), destination)
    }
}

impl HardLinks for PosixStorage {
    fn hard_link(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        link::hard_link(&self.absolute(from), &self.absolute(to))
    }
}
