//! A file tree with a fault: one operation for each call.

use super::Faulty;
use crate::error::{Operation, Result};
use crate::path::StoragePath;
use crate::storage::FileTree;

impl Faulty {
    fn tree(&self, operation: Operation, path: &StoragePath) -> Result<&dyn FileTree> {
        self.pass(operation, path)?;
        Ok(self
            .inner
            .as_file_tree()
            .expect("as_file_tree gives this away only when the inner storage is one"))
    }
}

impl FileTree for Faulty {
    fn rename(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        self.tree(Operation::Rename, from)?.rename(from, to)
    }

    fn set_owner(&self, path: &StoragePath, uid: u32, gid: u32) -> Result<()> {
        self.tree(Operation::SetOwner, path)?
            .set_owner(path, uid, gid)
    }

    fn set_mode(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.tree(Operation::SetMode, path)?.set_mode(path, mode)
    }

    fn set_mode_durably(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.tree(Operation::SetMode, path)?
            .set_mode_durably(path, mode)
    }

    fn set_modified(&self, path: &StoragePath, modified: i64) -> Result<()> {
        self.tree(Operation::SetTime, path)?
            .set_modified(path, modified)
    }

    fn open_update(&self, path: &StoragePath, file_mode: u32) -> Result<std::fs::File> {
        self.tree(Operation::OpenWrite, path)?
            .open_update(path, file_mode)
    }

    fn sync_file_system(&self, path: &StoragePath) -> Result<bool> {
        self.tree(Operation::SyncPath, path)?.sync_file_system(path)
    }
}
