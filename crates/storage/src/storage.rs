//! The contract that every backend keeps, and the values it speaks in.
//!
//! The `…_many` and `…_tree` calls exist because a loop of single calls costs one round trip each on a slow line; the
//! backend alone chooses how many are under way. Absence is a value, not an error to match on. The `# Behavior`
//! bullets are what the conformance suite tests, for every backend alike.

use std::fmt::Debug;
use std::io::{Read, Write};

use crate::durability::Durability;
use crate::error::Result;
use crate::path::StoragePath;
use crate::space::Space;
use crate::ticket::Ticket;

/// Which backend it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageKind {
    Posix,
    Cifs,
    Sftp,
    Memory,
}

/// What a backend can do beyond holding files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features {
    /// Has directories of its own (a bucket has not).
    pub paths: bool,
    /// Can make symbolic links.
    pub symlinks: bool,
    /// Can make hard links.
    pub hardlinks: bool,
    /// Directory entries can be made durable.
    pub path_sync: bool,
    /// Keeps owner and mode.
    pub owner: bool,
    /// Requests cost round trips: callers should ask for many at once and keep tickets open.
    pub slow: bool,
}

/// How much [`FileInfo`] shall say; more may cost more round trips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum InfoLevel {
    /// Name and nothing else is promised.
    Exists,
    /// Also the type.
    Type,
    /// Also size and modification time.
    #[default]
    Basic,
    /// Also owner, group, mode and link destination.
    Detail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    File,
    Path,
    Link,
    /// Socket, FIFO or device.
    Special,
}

/// Owner of a file: numbers always, names where the system knows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
    /// `None`: no such user on this machine.
    pub user: Option<String>,
    /// `None`: no such group on this machine.
    pub group: Option<String>,
}

/// What is known of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// From `info`: the path asked for. From `list`: the bare name. From `list_tree`: relative to the listed path.
    pub name: StoragePath,
    pub kind: FileType,
    /// Bytes; 0 for anything but files.
    pub size: u64,
    /// Modification time, seconds since 1970.
    pub modified: i64,
    /// Permission bits (octal 0..7777); only with [`InfoLevel::Detail`].
    pub mode: u32,
    /// Only with [`InfoLevel::Detail`] and where [`Features::owner`].
    pub owner: Option<Owner>,
    /// Destination as written in the link; only with [`InfoLevel::Detail`].
    pub link_destination: Option<Vec<u8>>,
}

/// Options of `list` and `list_tree`.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    pub level: InfoLevel,
    /// Only names (last part) that match are reported; `list_tree` descends regardless.
    pub filter: Option<regex::bytes::Regex>,
    /// Sort ascending by name (bytes). Without it the order is the backend's.
    pub sort: bool,
}

/// One piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub offset: u64,
    /// `None`: to the end.
    pub length: Option<u64>,
}

/// Options of `open_read`.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Pieces in order; their bytes are delivered one after the other. Empty: the whole file. The backend merges and
    /// prefetches them.
    pub ranges: Vec<Range>,
    /// How much the caller expects to read at most, for prefetch (`None`: unknown).
    pub expect: Option<u64>,
    /// A missing file is reported as `ErrorKind::NotFound` at open by every backend; with this set a backend may report
    /// it at the first read instead, which saves a round trip.
    pub lazy_open: bool,
}

/// How a file comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteMode {
    /// Under a temporary name, then renamed: whole or not at all. For info files, manifests, WAL.
    #[default]
    Atomic,
    /// Under its own name. For files of a backup set, which the final manifest makes valid.
    InPlace,
}

/// Options of `open_write`.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    pub mode: WriteMode,
    /// Permission bits of the file, default 0640.
    pub file_mode: u32,
    /// Permission bits of directories made on the way, default 0750.
    pub path_mode: u32,
    /// Make missing parents.
    pub create_path: bool,
    /// fsync the file before its ticket resolves (and after an atomic rename the directory, where that exists).
    pub sync: bool,
    /// fsync the directory too (only matters with `sync`; a backup set syncs its directories once at the end).
    pub sync_path: bool,
    /// `false`: fail with `ErrorKind::Exists` when the file is there (only in place).
    pub truncate: bool,
    /// Size if known: helps to choose how to write.
    pub expect: Option<u64>,
    /// Owner to set before the file gets its name; needs [`Features::owner`].
    pub owner: Option<(u32, u32)>,
    /// Modification time to set, seconds since 1970.
    pub modified: Option<i64>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            mode: WriteMode::Atomic,
            file_mode: 0o640,
            path_mode: 0o750,
            create_path: true,
            sync: true,
            sync_path: true,
            truncate: true,
            expect: None,
            owner: None,
            modified: None,
        }
    }
}

/// Outcome of a removal: a file that was not there is not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    Removed,
    Missing,
}

/// Outcome of a tree listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Found,
    Missing,
}

/// Bytes of a file, prefetched by the backend.
///
/// Errors of `read` carry a storage [`crate::Error`] inside the `std::io::Error` (`get_ref().downcast_ref`).
pub trait PipelineRead: Read + Send {}
impl<T: Read + Send> PipelineRead for T {}

/// One file being written. `finish` publishes it; dropping it leaves nothing (atomic) or an unusable rest (in place).
///
/// `write` copies into the backend's buffers and returns when its byte budget allows, not when the server answered.
pub trait StorageWrite: Write + Send {
    /// Brings all that was written to the storage and does not wait: `finish` then has little more to do than to give the
    /// file its name. Nothing is written afterwards. Several files whose names must appear one after the other can so travel
    /// together.
    fn stage(&mut self) -> Result<()> {
        Ok(())
    }

    /// Ends the file and hands back a ticket at once. The ticket resolves when the file is published and durable.
    fn finish(self: Box<Self>) -> Result<Ticket>;
}

/// A place that holds files: a directory tree or a bucket.
pub trait Storage: Debug + Send + Sync {
    fn kind(&self) -> StorageKind;

    fn features(&self) -> Features;

    /// How sure it is that a file that was written in this mode with `sync` survives a crash of where it is kept.
    /// Connects if need be.
    fn durability(&self, mode: WriteMode) -> Result<Durability>;

    /// Says that about so many bytes are going to be moved: a storage behind a slow line makes ready for them. Does not wait.
    fn announce(&self, bytes: u64) {
        let _ = bytes;
    }

    /// Bytes that writers have taken and the storage has not acknowledged yet; 0 where nothing stands between.
    fn unanswered(&self) -> u64 {
        0
    }

    /// Removes temporary files of writers that ended without a trace, older than a day by the storage's own clock; hands
    /// back how many. `deep`: in the whole tree below `path`, else in that directory alone.
    ///
    /// # Behavior
    /// - nothing is removed that is not named as a temporary file, or that a writer still has
    fn remove_left_overs(&self, path: &StoragePath, deep: bool) -> Result<usize> {
        let _ = (path, deep);
        Ok(0)
    }

    /// Space of the file system that holds `path`; `None` where the storage does not say, or the path is missing.
    ///
    /// # Behavior
    /// - a missing path is `Ok(None)`
    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        let _ = path;
        Ok(None)
    }

    /// Full name of `path` for messages: `/var/lib/pgbackrest/archive/demo`.
    fn display(&self, path: &StoragePath) -> String;

    /// Looks one entry up.
    ///
    /// # Behavior
    /// - a missing entry is `Ok(None)`, also below a missing directory
    /// - a link is reported as a link (it is not followed)
    fn info(&self, path: &StoragePath, want: InfoLevel) -> Result<Option<FileInfo>>;

    /// Looks many entries up, results in the order asked.
    ///
    /// # Behavior
    /// - equals `info` for each
    fn info_many(&self, paths: &[StoragePath], want: InfoLevel) -> Result<Vec<Option<FileInfo>>>;

    /// Lists one directory.
    ///
    /// # Behavior
    /// - a missing directory is `Ok(None)`; an empty one is an empty list
    /// - names are bare; `.` and `..` never appear
    /// - with `sort` ascending by bytes
    fn list(&self, path: &StoragePath, list: &ListOptions) -> Result<Option<Vec<FileInfo>>>;

    /// Lists a tree; every entry is reported before what is below it. Links are reported, not followed.
    ///
    /// # Behavior
    /// - names are relative to `path`
    /// - with `sort`, the children of one directory come in ascending order
    /// - an entry that vanishes meanwhile is left out
    /// - an error of `each` ends the walk and is returned
    fn list_tree(
        &self,
        path: &StoragePath,
        list: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found>;

    /// Opens a file for reading and starts to prefetch.
    ///
    /// # Behavior
    /// - a missing file is `ErrorKind::NotFound` with `Operation::OpenRead`
    /// - several ranges are delivered one after the other, in the order asked
    /// - a range beyond the end delivers what there is
    fn open_read(&self, path: &StoragePath, read: &ReadOptions) -> Result<Box<dyn PipelineRead>>;

    /// Begins to write a file.
    ///
    /// # Behavior
    /// - atomic: nothing has the name before the ticket resolves, and the old content stays until then
    /// - atomic: dropping the writer leaves the old content and no temporary file
    /// - atomic: writers of one file do not meet: each publishes all of its own bytes, the last one stays
    /// - parents are made when `create_path`, else a missing parent is `ErrorKind::NotFound`
    fn open_write(&self, path: &StoragePath, write: &WriteOptions)
    -> Result<Box<dyn StorageWrite>>;

    /// Copies a file inside this storage, atomically; where the storage cannot, by reading and writing.
    fn copy_within(&self, from: &StoragePath, to: &StoragePath) -> Result<Ticket>;

    /// Removes one file or link.
    ///
    /// # Behavior
    /// - a missing file is `Removed::Missing`
    fn remove(&self, path: &StoragePath) -> Result<Removed>;

    /// Removes many files, results in the order asked.
    fn remove_many(&self, paths: &[StoragePath]) -> Result<Vec<Removed>>;

    /// Removes a directory and all below it.
    ///
    /// # Behavior
    /// - a missing directory is `Removed::Missing`
    /// - links are removed, never followed
    fn remove_tree(&self, path: &StoragePath) -> Result<Removed>;

    /// Removes many trees, results in the order asked; a backend behind a slow line removes them at the same time.
    ///
    /// # Behavior
    /// - equals `remove_tree` for each
    fn remove_trees(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        paths.iter().map(|path| self.remove_tree(path)).collect()
    }

    /// Makes a directory and its missing parents; an existing one is fine.
    fn create_path(&self, path: &StoragePath, mode: u32) -> Result<()>;

    /// Makes many directories (parents included), existing ones are fine.
    fn create_paths(&self, paths: &[StoragePath], mode: u32) -> Result<()>;

    /// Makes directory entries durable; does nothing without [`Features::path_sync`].
    ///
    /// # Behavior
    /// - a missing directory is `ErrorKind::NotFound` where [`Features::path_sync`]
    fn sync_paths(&self, paths: &[StoragePath]) -> Result<()>;

    /// Makes a symbolic link, replacing an existing one.  Does nothing without [`Features::symlinks`].
    fn link(&self, path: &StoragePath, destination: &[u8]) -> Result<()>;

    /// Makes `to` a hard link of `from`; needs [`Features::hardlinks`].
    fn hard_link(&self, from: &StoragePath, to: &StoragePath) -> Result<()>;

    /// The same storage as a file tree, where it is one.
    fn as_file_tree(&self) -> Option<&dyn FileTree> {
        None
    }
}

/// A storage with owners, modes, times and renames: what PGDATA needs.
pub trait FileTree: Storage {
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
