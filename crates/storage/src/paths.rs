//! What a directory tree has beyond a bucket: directories of their own, their durability, links.
//!
//! A storage implements those that it has and gives them away through [`crate::Storage::as_paths`] and its like. Who
//! needs one asks for it, and does without where it is not there.

use crate::error::Result;
use crate::path::StoragePath;

/// Directories that are there without a file in them.
pub trait Paths {
    /// Makes a directory and its missing parents; an existing one is fine.
    fn create_path(&self, path: &StoragePath, mode: u32) -> Result<()>;

    /// Makes many directories (parents included), existing ones are fine.
    fn create_paths(&self, paths: &[StoragePath], mode: u32) -> Result<()>;
}

/// Directory entries that a crash takes back until they are made durable.
pub trait PathSync {
    /// Makes the entries of these directories durable.
    ///
    /// # Behavior
    /// - a missing directory is `ErrorKind::NotFound`
    fn sync_paths(&self, paths: &[StoragePath]) -> Result<()>;

    /// Before many files are written below a directory without [`crate::WriteOptions::sync`]: what makes them durable all at
    /// once later. `None`: that cannot be relied on here, so each file has to be made durable by itself.
    fn begin_together(&self, _path: &StoragePath) -> Result<Option<Box<dyn SyncTogether>>> {
        Ok(None)
    }
}

/// Makes durable at once what was written since it was begun.
pub trait SyncTogether: std::fmt::Debug + Send + Sync {
    /// # Behavior
    /// - an error of writing any of it since the beginning is an error of this call
    fn sync(&self) -> Result<()>;
}

/// Symbolic links.
pub trait SymbolicLinks {
    /// Makes a symbolic link, replacing an existing one.
    fn link(&self, path: &StoragePath, destination: &[u8]) -> Result<()>;
}

/// Hard links.
pub trait HardLinks {
    /// Makes `to` a further name of the file `from`.
    fn hard_link(&self, from: &StoragePath, to: &StoragePath) -> Result<()>;
}
