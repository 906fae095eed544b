//! The contract that every backend keeps, a bucket of objects as much as a directory tree.
//!
//! The `…_many` and `…_tree` calls exist because a loop of single calls costs a network round trip each; the backend
//! alone chooses how many are under way. Absence is a value, not an error to match on. The `# Behavior` bullets are
//! what the conformance suite tests, for every backend alike. What only some storages have beyond files stands in
//! `paths.rs` and `file_tree.rs`; [`Storage::as_paths`] and its like say whether a storage has it.

use std::fmt::Debug;
use std::io::{Read, Write};

use crate::durability::Durability;
use crate::error::Result;
use crate::info::{FileInfo, Found, InfoLevel, Removed};
use crate::options::{ListOptions, ReadOptions, WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks};
use crate::protection::Protection;
use crate::rights::Rights;
use crate::space::Space;
use crate::ticket::Ticket;

/// Which backend it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageKind {
    Posix,
    Cifs,
    Sftp,
    S3,
    Azure,
    Gcs,
    Memory,
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

/// A place that holds files: a directory tree or a bucket of objects.
pub trait Storage: Debug + Send + Sync {
    fn kind(&self) -> StorageKind;

    /// Whether each request costs a network round trip: callers should then ask for many at once and keep tickets open.
    fn has_latency(&self) -> bool {
        false
    }

    /// Whether it may only be added to: a file that is published stays as it is, whatever its name is used for again. Writing
    /// it once more with the same bytes is no error, with others it is [`crate::ErrorKind::Exists`], and nothing can be removed.
    /// In either case what has the name is durable then, whoever has written it: it may be what was wanted in other bytes.
    /// A temporary name of each file stays. Somebody who may do more removes it.
    fn only_adds(&self) -> bool {
        false
    }

    /// How sure it is that a file that was written in this mode with `sync` survives a crash of where it is kept.
    /// Connects if need be.
    fn durability(&self, mode: WriteMode) -> Result<Durability>;

    /// Says that about so many bytes are going to be moved: a storage with latency makes ready for them. Does not wait.
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
    /// - atomic: writers of one file do not disturb each other: each publishes all of its own bytes, the last one stays
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

    /// Removes many files where nobody wants to know which of them were there: a bucket does not look each of them up then.
    ///
    /// # Behavior
    /// - leaves what `remove_many` leaves
    fn remove_files(&self, paths: &[StoragePath]) -> Result<()> {
        self.remove_many(paths).map(drop)
    }

    /// Removes a directory and all below it.
    ///
    /// # Behavior
    /// - a missing directory is `Removed::Missing`
    /// - links are removed, never followed
    fn remove_tree(&self, path: &StoragePath) -> Result<Removed>;

    /// Removes many trees, results in the order asked; a backend with latency removes them at the same time.
    ///
    /// # Behavior
    /// - equals `remove_tree` for each
    fn remove_trees(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        paths.iter().map(|path| self.remove_tree(path)).collect()
    }

    /// Directories of their own, where the storage has them; a bucket has none.
    fn as_paths(&self) -> Option<&dyn Paths> {
        None
    }

    /// Directory entries that can be made durable, where the storage has that.
    fn as_path_sync(&self) -> Option<&dyn PathSync> {
        None
    }

    /// Symbolic links, where the storage has them and may make them.
    fn as_symbolic_links(&self) -> Option<&dyn SymbolicLinks> {
        None
    }

    /// Locks on files, where the storage has them.
    fn as_protection(&self) -> Option<&dyn Protection> {
        None
    }

    /// Hard links, where the storage has them.
    fn as_hard_links(&self) -> Option<&dyn HardLinks> {
        None
    }

    /// Rights that only an attempt tells, where the storage has such.
    fn as_rights(&self) -> Option<&dyn Rights> {
        None
    }
}
