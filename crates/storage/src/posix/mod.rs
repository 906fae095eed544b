//! A directory tree of this machine as a storage: `posix`, and `cifs` for mounted SMB shares.
//!
//! Here stands which call is done where. Each operation has its file beside this one. `cifs` is the same code without directory fsync, links and owners.
//! Invariant: a path is bytes and is never forced through UTF-8, and nothing above this folder calls `std::fs`.

// This folder is the place that the lint on std::fs sends everybody to.
#![allow(clippy::disallowed_methods)]

mod create;
mod failure;
mod file_tree;
mod in_use;
mod info;
mod left_over;
mod link;
mod list;
mod no_space;
mod owner;
mod paths;
mod read;
mod remove;
mod space;
mod storage;
mod sync;
mod write;

#[cfg(test)]
mod tests;

use crate::durability::Durability;
use crate::error::Result;
use crate::info::{FileInfo, Found, InfoLevel, Removed};
use crate::options::{ListOptions, ReadOptions, WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks};
use crate::space::Space;
use crate::storage::{PipelineRead, Storage, StorageKind, StorageWrite};
use crate::ticket::Ticket;
use in_use::InUse;

pub use no_space::write_failure;
pub use storage::{PosixSettings, PosixStorage};
pub use sync::FileSystem;

impl PosixStorage {
    /// Removes what writers of this one file left that are no more; hands back how many. Where it cannot be known whether
    /// a writer is alive, a file goes when it is a day old.
    ///
    /// # Errors
    /// When the directory cannot be listed, or a file not be removed.
    pub fn remove_left_overs_of(&self, path: &StoragePath) -> Result<usize> {
        left_over::remove_of(self, path)
    }
}

impl Storage for PosixStorage {
    fn kind(&self) -> StorageKind {
        if self.settings.cifs {
            StorageKind::Cifs
        } else {
            StorageKind::Posix
        }
    }

    fn durability(&self, _: WriteMode) -> Result<Durability> {
        Ok(Durability::Fsynced)
    }

    fn remove_left_overs(&self, path: &StoragePath, deep: bool) -> Result<usize> {
        crate::left_over::remove(self, path, deep, &|path| {
            in_use::check(&self.absolute(path)).0 == InUse::Yes
        })
    }

    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        space::space(&self.absolute(path))
    }

    fn display(&self, path: &StoragePath) -> String {
        self.absolute(path).display().to_string()
    }

    fn info(&self, path: &StoragePath, want: InfoLevel) -> Result<Option<FileInfo>> {
        self.look_up(path, want)
    }

    fn info_many(&self, paths: &[StoragePath], want: InfoLevel) -> Result<Vec<Option<FileInfo>>> {
        paths.iter().map(|path| self.look_up(path, want)).collect()
    }

    fn list(&self, path: &StoragePath, list: &ListOptions) -> Result<Option<Vec<FileInfo>>> {
        self.list_directory(path, list)
    }

    fn list_tree(
        &self,
        path: &StoragePath,
        list: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        self.walk(path, list, each)
    }

    fn open_read(&self, path: &StoragePath, read: &ReadOptions) -> Result<Box<dyn PipelineRead>> {
        Ok(Box::new(read::PosixRead::open(self.absolute(path), read)?))
    }

    fn open_write(
        &self,
        path: &StoragePath,
        write: &WriteOptions,
    ) -> Result<Box<dyn StorageWrite>> {
        Ok(Box::new(write::PosixWrite::open(
            self.absolute(path),
            write,
            self.settings.cifs,
        )?))
    }

    fn copy_within(&self, from: &StoragePath, to: &StoragePath) -> Result<Ticket> {
        crate::copy::copy_plain(self, from, self, to, &WriteOptions::default())
    }

    fn remove(&self, path: &StoragePath) -> Result<Removed> {
        self.remove_entry(path)
    }

    fn remove_many(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        paths.iter().map(|path| self.remove_entry(path)).collect()
    }

    fn remove_tree(&self, path: &StoragePath) -> Result<Removed> {
        self.remove_all(path)
    }

    fn as_paths(&self) -> Option<&dyn Paths> {
        Some(self)
    }

    fn as_path_sync(&self) -> Option<&dyn PathSync> {
        (!self.settings.cifs).then_some(self as &dyn PathSync)
    }

    fn as_symbolic_links(&self) -> Option<&dyn SymbolicLinks> {
        (!self.settings.cifs && self.settings.symlinks).then_some(self as &dyn SymbolicLinks)
    }

    fn as_hard_links(&self) -> Option<&dyn HardLinks> {
        (!self.settings.cifs).then_some(self as &dyn HardLinks)
    }
}
