//! A file tree over the line: one round trip for each call.

use super::Latency;
use crate::error::Result;
use crate::path::StoragePath;
use crate::storage::FileTree;

impl Latency {
    fn tree(&self) -> &dyn FileTree {
        self.line.serial(1);
        self.inner
            .as_file_tree()
            .expect("as_file_tree gives this away only when the inner storage is one")
    }
}

impl FileTree for Latency {
    fn rename(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        self.tree().rename(from, to)
    }

    fn set_owner(&self, path: &StoragePath, uid: u32, gid: u32) -> Result<()> {
        self.tree().set_owner(path, uid, gid)
    }

    fn set_mode(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.tree().set_mode(path, mode)
    }

    fn set_mode_durably(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.tree().set_mode_durably(path, mode)
    }

    fn set_modified(&self, path: &StoragePath, modified: i64) -> Result<()> {
        self.tree().set_modified(path, modified)
    }

    fn open_update(&self, path: &StoragePath, file_mode: u32) -> Result<std::fs::File> {
        self.tree().open_update(path, file_mode)
    }

    fn sync_file_system(&self, path: &StoragePath) -> Result<bool> {
        self.tree().sync_file_system(path)
    }
}
