//! What PGDATA and the spool need of the local file system, beyond what a repository needs of a storage.

use crate::error::Result;
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks};
use crate::storage::Storage;

/// A storage with directories, links, owners, modes, times and renames.
///
/// # Behavior
/// - a file written with [`crate::WriteOptions`] has the mode, owner and time that they name
pub trait FileTree: Storage + Paths + PathSync + SymbolicLinks + HardLinks {
    /// Renames inside the tree and makes the directory entry durable.
    fn rename(&self, from: &StoragePath, to: &StoragePath) -> Result<()>;

    /// Sets owner and group by number (of a link itself, not what it points to).
    fn set_owner(&self, path: &StoragePath, uid: u32, gid: u32) -> Result<()>;

    /// Sets permission bits.
    fn set_mode(&self, path: &StoragePath, mode: u32) -> Result<()>;

    /// Sets permission bits of a file or directory that the owner may read until now; durable on return, also where the owner may
    /// not open it afterwards.
    fn set_mode_durably(&self, path: &StoragePath, mode: u32) -> Result<()>;

    /// Sets the modification time, seconds since 1970.
    fn set_modified(&self, path: &StoragePath, modified: i64) -> Result<()>;

    /// Opens an existing file for reading and writing in place (delta restore). The file is made if missing.
    fn open_update(&self, path: &StoragePath, file_mode: u32) -> Result<std::fs::File>;

    /// Flushes the whole file system that holds `path` (`syncfs`), where the kernel reports its write errors.
    /// `Ok(false)`: not available here, sync each file.
    fn sync_file_system(&self, path: &StoragePath) -> Result<bool>;
}
