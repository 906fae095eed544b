//! A storage that fails, panics or kills the process at the n-th operation. Exists only with the cargo feature `faulty`.
//!
//! Operations are counted over all storages that share a [`FaultPlan`] (cluster, repositories, spool), so a sweep over
//! n visits every point of a run; a run without a fault tells how many there are. Calls on many files count one
//! operation for each file, so that a run can end in the middle of them. A file counts when it is opened, at each
//! read or write, before it is published and once more after. No timer is involved.

mod file_tree;
mod paths;
mod plan;
mod stream;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::durability::Durability;
use crate::error::{Operation, Result};
use crate::info::{FileInfo, FileType, Found, InfoLevel, Removed};
use crate::options::{ListOptions, ReadOptions, WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks};
use crate::protection::Protection;
use crate::space::Space;
use crate::storage::{PipelineRead, Storage, StorageKind, StorageWrite};
use crate::ticket::Ticket;

pub use plan::{Fault, FaultPlan, FaultySettings};

/// A storage with a fault.
#[derive(Debug)]
pub struct Faulty<S: ?Sized = dyn Storage> {
    inner: Arc<S>,
    plan: Arc<FaultPlan>,
}

impl<S: Storage + ?Sized> Faulty<S> {
    #[must_use]
    pub fn new(inner: Arc<S>, plan: Arc<FaultPlan>) -> Self {
        Self { inner, plan }
    }

    fn pass(&self, operation: Operation, path: &StoragePath) -> Result<()> {
        self.plan.pass(operation, || self.inner.display(path))
    }
}

impl<S: Storage + ?Sized> Storage for Faulty<S> {
    fn kind(&self) -> StorageKind {
        self.inner.kind()
    }

    fn has_latency(&self) -> bool {
        self.inner.has_latency()
    }

    fn only_adds(&self) -> bool {
        self.inner.only_adds()
    }

    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        self.inner.space(path)
    }

    fn durability(&self, mode: WriteMode) -> Result<Durability> {
        self.inner.durability(mode)
    }

    fn remove_left_overs(&self, path: &StoragePath, deep: bool) -> Result<usize> {
        self.inner.remove_left_overs(path, deep)
    }

    fn announce(&self, bytes: u64) {
        self.inner.announce(bytes);
    }

    fn unanswered(&self) -> u64 {
        self.inner.unanswered()
    }

    fn display(&self, path: &StoragePath) -> String {
        self.inner.display(path)
    }

    fn info(&self, path: &StoragePath, want: InfoLevel) -> Result<Option<FileInfo>> {
        self.pass(Operation::Info, path)?;
        self.inner.info(path, want)
    }

    fn info_many(&self, paths: &[StoragePath], want: InfoLevel) -> Result<Vec<Option<FileInfo>>> {
        paths
            .iter()
            .try_for_each(|path| self.pass(Operation::Info, path))?;
        self.inner.info_many(paths, want)
    }

    fn list(&self, path: &StoragePath, list: &ListOptions) -> Result<Option<Vec<FileInfo>>> {
        self.pass(Operation::List, path)?;
        self.inner.list(path, list)
    }

    fn list_tree(
        &self,
        path: &StoragePath,
        list: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        self.pass(Operation::List, path)?;
        self.inner.list_tree(path, list, each)
    }

    fn open_read(&self, path: &StoragePath, read: &ReadOptions) -> Result<Box<dyn PipelineRead>> {
        self.pass(Operation::OpenRead, path)?;
        let inner = self.inner.open_read(path, read)?;
        Ok(Box::new(stream::FaultyRead::new(
            inner,
            Arc::clone(&self.plan),
            self.display(path),
        )))
    }

    fn open_write(
        &self,
        path: &StoragePath,
        write: &WriteOptions,
    ) -> Result<Box<dyn StorageWrite>> {
        self.pass(Operation::OpenWrite, path)?;
        let inner = self.inner.open_write(path, write)?;
        Ok(Box::new(stream::FaultyWrite::new(
            inner,
            Arc::clone(&self.plan),
            self.display(path),
        )))
    }

    fn copy_within(&self, from: &StoragePath, to: &StoragePath) -> Result<Ticket> {
        self.pass(Operation::Write, to)?;
        let ticket = self.inner.copy_within(from, to)?;
        self.pass(Operation::Close, to)?;
        Ok(ticket)
    }

    fn remove(&self, path: &StoragePath) -> Result<Removed> {
        self.pass(Operation::Remove, path)?;
        self.inner.remove(path)
    }

    fn remove_many(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        paths.iter().map(|path| self.remove(path)).collect()
    }

    fn remove_tree(&self, path: &StoragePath) -> Result<Removed> {
        // Entry by entry, in an order that a real removal may have, so that it can end half done.
        let is_tree = self
            .inner
            .info(path, InfoLevel::Type)?
            .is_some_and(|info| info.kind == FileType::Path);
        if is_tree {
            let mut directories = Vec::new();
            let mut files = Vec::new();
            let options = ListOptions {
                level: InfoLevel::Type,
                sort: true,
            };
            self.inner.list_tree(path, &options, &mut |entry| {
                let name = path.join(entry.name.as_bytes());
                if entry.kind == FileType::Path {
                    directories.push(name)
                } else {
                    files.push(name)
                }
                Ok(())
            })?;
            for name in files {
                self.remove(&name)?;
            }
            // Parents were reported first: backwards every directory is empty when its turn comes.
            for name in directories.iter().rev() {
                self.pass(Operation::RemovePath, name)?;
                self.inner.remove_tree(name)?;
            }
        }
        self.pass(Operation::RemovePath, path)?;
        self.inner.remove_tree(path)
    }

    fn as_paths(&self) -> Option<&dyn Paths> {
        self.inner.as_paths().map(|_| self as &dyn Paths)
    }

    fn as_protection(&self) -> Option<&dyn Protection> {
        self.inner.as_protection()
    }

    fn as_path_sync(&self) -> Option<&dyn PathSync> {
        self.inner.as_path_sync().map(|_| self as &dyn PathSync)
    }

    fn as_symbolic_links(&self) -> Option<&dyn SymbolicLinks> {
        self.inner
            .as_symbolic_links()
            .map(|_| self as &dyn SymbolicLinks)
    }

    fn as_hard_links(&self) -> Option<&dyn HardLinks> {
        self.inner.as_hard_links().map(|_| self as &dyn HardLinks)
    }
}
