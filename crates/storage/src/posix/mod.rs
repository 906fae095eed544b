//! A directory tree of this machine as a storage: `posix`, and `cifs` for mounted SMB shares.
//!
//! Here stand the settings, the storage itself and the way from a relative path to an absolute one; each operation has
//! its file beside this one. `cifs` is the same code without directory fsync, links and owners.
//! Invariant: a path is bytes and is never forced through UTF-8, and nothing above this folder calls `std::fs`.

// This folder is the place that the lint on std::fs sends everybody to.
#![allow(clippy::disallowed_methods)]

mod create;
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
mod sync;
mod write;

#[cfg(test)]
mod tests;

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::durability::Durability;
use crate::error::{Error, Operation, Result};
use crate::info::{FileInfo, Found, InfoLevel, Removed};
use crate::options::{ListOptions, ReadOptions, WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks};
use crate::space::Space;
use crate::storage::{PipelineRead, Storage, StorageKind, StorageWrite};
use crate::ticket::Ticket;
use in_use::InUse;

pub use no_space::write_failure;
pub use sync::FileSystem;

/// Where the tree is and what its file system can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosixSettings {
    /// Absolute path of the root; it need not exist yet.
    pub root: PathBuf,
    /// A mounted SMB share, for a repository: no directory fsync, no links, owners mean nothing. What only a
    /// [`crate::FileTree`] has is not for it.
    pub cifs: bool,
    /// Symbolic links may be made (`repo-symlink`); without effect when `cifs`.
    pub symlinks: bool,
}

impl PosixSettings {
    /// The usual settings for a tree at `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            ..Self::default()
        }
    }
}

impl Default for PosixSettings {
    fn default() -> Self {
        Self {
            root: PathBuf::from("/"),
            cifs: false,
            symlinks: true,
        }
    }
}

/// A directory tree of this machine.
#[derive(Debug)]
pub struct PosixStorage {
    settings: PosixSettings,
    owners: owner::OwnerNames,
}

impl PosixStorage {
    #[must_use]
    pub fn new(settings: PosixSettings) -> Self {
        Self {
            settings,
            owners: owner::OwnerNames::default(),
        }
    }

    /// The usual storage for a tree at `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self::new(PosixSettings::at(root))
    }

    /// Absolute path of `path`, for code that must hand a name to another program.
    #[must_use]
    pub fn absolute(&self, path: &StoragePath) -> PathBuf {
        if path.is_root() {
            self.settings.root.clone()
        } else {
            self.settings.root.join(path.as_os_str())
        }
    }
}

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

/// Describes the failure of `operation` on `object`, an absolute name.
fn failure(
    operation: Operation,
    object: &(impl AsRef<std::path::Path> + ?Sized),
    errno: Errno,
) -> Error {
    let path = object.as_ref();
    let object = String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned();
    let error = Error::from_io(operation, object, &std::io::Error::from(errno));
    no_space::explained(error, path)
}

/// Describes the failure of an operation on two names, worded `'<one>' to '<other>'` by the quotes that
/// [`Error`] puts around its object.
fn failure_of_two(
    operation: Operation,
    one: &(impl AsRef<std::path::Path> + ?Sized),
    other: &(impl AsRef<std::path::Path> + ?Sized),
    errno: Errno,
) -> Error {
    let object = format!(
        "{}' to '{}",
        one.as_ref().display(),
        other.as_ref().display()
    );
    let error = Error::from_io(operation, object, &std::io::Error::from(errno));
    no_space::explained(error, other.as_ref())
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
        crate::copy::copy_plain(self, from, self, to)
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
