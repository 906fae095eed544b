//! A file tree with a fault: one operation for each call.

use super::Faulty;
use crate::error::{Operation, Result};
use crate::file_tree::FileTree;
use crate::path::StoragePath;

impl<S: FileTree + ?Sized> FileTree for Faulty<S> {
    fn rename(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        self.pass(Operation::Rename, from)?;
        self.inner.rename(from, to)
    }

    fn set_owner(&self, path: &StoragePath, uid: u32, gid: u32) -> Result<()> {
        self.pass(Operation::SetOwner, path)?;
        self.inner.set_owner(path, uid, gid)
    }

    fn set_mode(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.pass(Operation::SetMode, path)?;
        self.inner.set_mode(path, mode)
    }

    fn set_mode_durably(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.pass(Operation::SetMode, path)?;
        self.inner.set_mode_durably(path, mode)
    }

    fn set_modified(&self, path: &StoragePath, modified: i64) -> Result<()> {
        self.pass(Operation::SetTime, path)?;
        self.inner.set_modified(path, modified)
    }

    fn open_update(&self, path: &StoragePath, file_mode: u32) -> Result<std::fs::File> {
        self.pass(Operation::OpenWrite, path)?;
        self.inner.open_update(path, file_mode)
    }

    fn sync_file_system(&self, path: &StoragePath) -> Result<bool> {
        self.pass(Operation::SyncPath, path)?;
        self.inner.sync_file_system(path)
    }
}
