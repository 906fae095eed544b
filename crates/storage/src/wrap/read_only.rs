//! A storage that can only be looked at: what a dry run works on.
//!
//! Every call that would change something fails, whatever the caller believes to be right. So a dry run that forgets
//! to ask is an error message and never a removed file. Directories and links, which can only be made, it has none.

use std::sync::Arc;

use crate::durability::Durability;
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::info::{FileInfo, Found, InfoLevel, Removed};
use crate::options::{ListOptions, ReadOptions, WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::protection::Protection;
use crate::space::Space;
use crate::storage::{PipelineRead, Storage, StorageKind, StorageWrite};
use crate::ticket::Ticket;

/// The inner storage without its writing calls.
#[derive(Debug, Clone)]
pub struct ReadOnly(Arc<dyn Storage>);

impl ReadOnly {
    #[must_use]
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        Self(inner)
    }

    fn refuse<T>(&self, operation: Operation, path: &StoragePath) -> Result<T> {
        let object = self.0.display(path);
        Err(Error::new(
            ErrorKind::Unsupported,
            operation,
            object,
            "the storage is opened read-only",
        ))
    }

    /// Many of nothing is no change.
    fn refuse_all<T: Default>(&self, operation: Operation, paths: &[StoragePath]) -> Result<T> {
        match paths.first() {
            Some(first) => self.refuse(operation, first),
            None => Ok(T::default()),
        }
    }
}

impl Storage for ReadOnly {
    fn kind(&self) -> StorageKind {
        self.0.kind()
    }

    fn has_latency(&self) -> bool {
        self.0.has_latency()
    }

    fn only_adds(&self) -> bool {
        self.0.only_adds()
    }

    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        self.0.space(path)
    }

    fn durability(&self, mode: WriteMode) -> Result<Durability> {
        self.0.durability(mode)
    }

    fn display(&self, path: &StoragePath) -> String {
        self.0.display(path)
    }

    fn info(&self, path: &StoragePath, want: InfoLevel) -> Result<Option<FileInfo>> {
        self.0.info(path, want)
    }

    fn info_many(&self, paths: &[StoragePath], want: InfoLevel) -> Result<Vec<Option<FileInfo>>> {
        self.0.info_many(paths, want)
    }

    fn list(&self, path: &StoragePath, list: &ListOptions) -> Result<Option<Vec<FileInfo>>> {
        self.0.list(path, list)
    }

    fn list_tree(
        &self,
        path: &StoragePath,
        list: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        self.0.list_tree(path, list, each)
    }

    fn open_read(&self, path: &StoragePath, read: &ReadOptions) -> Result<Box<dyn PipelineRead>> {
        self.0.open_read(path, read)
    }

    fn open_write(&self, path: &StoragePath, _: &WriteOptions) -> Result<Box<dyn StorageWrite>> {
        self.refuse(Operation::OpenWrite, path)
    }

    fn copy_within(&self, _: &StoragePath, to: &StoragePath) -> Result<Ticket> {
        self.refuse(Operation::OpenWrite, to)
    }

    fn remove(&self, path: &StoragePath) -> Result<Removed> {
        self.refuse(Operation::Remove, path)
    }

    fn remove_many(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        self.refuse_all(Operation::Remove, paths)
    }

    fn remove_tree(&self, path: &StoragePath) -> Result<Removed> {
        self.refuse(Operation::RemovePath, path)
    }

    fn as_protection(&self) -> Option<&dyn Protection> {
        self.0.as_protection()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copy::{read_all, write_all};
    use crate::memory::MemoryStorage;

    #[test]
    fn everything_can_be_read_and_nothing_changed() {
        let inner = MemoryStorage::new();
        let path = StoragePath::new("a/file");
        write_all(&inner, &path, &WriteOptions::default(), b"content").unwrap();
        let storage = ReadOnly::new(Arc::new(inner));
        assert!(storage.open_write(&path, &WriteOptions::default()).is_err());
        assert!(storage.copy_within(&path, &StoragePath::new("b")).is_err());
        assert!(storage.remove(&path).is_err());
        assert!(storage.remove_many(std::slice::from_ref(&path)).is_err());
        assert!(storage.remove_tree(&StoragePath::new("a")).is_err());
        assert!(storage.as_paths().is_none() && storage.as_path_sync().is_none());
        assert!(storage.as_symbolic_links().is_none() && storage.as_hard_links().is_none());
        assert_eq!(
            read_all(&storage, &path, 100).unwrap().as_deref(),
            Some(&b"content"[..])
        );
        let root = storage
            .list(&StoragePath::root(), &ListOptions::default())
            .unwrap();
        assert_eq!(root.unwrap().len(), 1);
    }
}
