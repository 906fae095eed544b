//! The spool: where the commands that PostgreSQL waits for and the background processes leave word for each other.
//!
//! `<spool-path>/archive/<stanza>/out` has the results of pushes, `…/in` fetched segments and the results of gets. The status
//! files ([`status`]) are pgBackRest's in name, content and meaning (`docs/format/locks-and-spool.md`), so a process of either
//! program reads what one of the other left. Nothing here is flushed to disk: a crash of the machine may leave anything under
//! any name, so what cannot be used counts as not there, and is replaced. Invariant: no state of the spool stops archiving for
//! good.

mod status;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgkeep_pipeline::Pipeline;
use pgkeep_repo::Stanza;
use pgkeep_storage::copy::{CopyError, copy_file};
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::{
    FileInfo, FileTree, FileType, InfoLevel, ListOptions, PipelineRead, ReadOptions, Removed,
    Storage, StoragePath, WriteOptions,
};
use rustix::io::Errno;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;

pub use status::Status;

/// Extension of the status of a segment that needs no more work.
pub const OK: &str = ".ok";
/// Extension of the status of a segment, or of all (`global`), that failed.
pub const ERROR: &str = ".error";
/// Buffer of a move that has to copy.
const COPY_BUFFER: usize = 1 << 20;

/// Direction of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Segments fetched ahead for `archive-get`.
    In,
    /// Results of `archive-push`.
    Out,
}

impl Queue {
    fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// One queue of one stanza.
#[derive(Debug)]
pub struct Spool {
    storage: Arc<dyn FileTree>,
    root: PathBuf,
    path: StoragePath,
    queue: Queue,
    /// When the machine started, seconds since 1970.
    boot: i64,
}

impl Spool {
    /// The queue below `spool_path`; nothing is made yet.
    #[must_use]
    pub fn new(spool_path: &str, stanza: &Stanza, queue: Queue) -> Self {
        let path = StoragePath::from("archive")
            .join(stanza.as_str())
            .join(queue.name());
        Self {
            storage: this_host::tree(Path::new(spool_path)),
            root: PathBuf::from(spool_path),
            path,
            queue,
            boot: i64::MIN,
        }
    }

    /// With the time of the machine's start (seconds since 1970): see [`Self::is_in_doubt`].
    #[must_use]
    pub fn since(mut self, boot: i64) -> Self {
        self.boot = boot;
        self
    }

    /// Whether an entry of the queue of gets is older than the start of the machine. It was not flushed, so whatever ended
    /// the machine before may have taken a part of it away: whole blocks of a segment even while its size is right.
    #[must_use]
    pub fn is_in_doubt(&self, entry: &FileInfo) -> bool {
        self.queue == Queue::In && entry.modified <= self.boot
    }

    /// The spool path as a storage.
    #[must_use]
    pub fn storage(&self) -> &dyn FileTree {
        &*self.storage
    }

    /// A file of the queue.
    #[must_use]
    pub fn file(&self, name: &str) -> StoragePath {
        self.path.join(name)
    }

    /// Makes the queue's directory.
    ///
    /// # Errors
    /// [`ErrorCode::PathCreate`].
    pub fn create(&self) -> Result<()> {
        Ok(self.storage.create_path(&self.path, 0o750)?)
    }

    /// What is in the queue, sorted by name.
    ///
    /// # Errors
    /// [`ErrorCode::PathMissing`] when the queue is not there.
    pub fn list(&self) -> Result<Vec<FileInfo>> {
        let options = ListOptions {
            level: InfoLevel::Basic,
            sort: true,
        };
        self.storage.list(&self.path, &options)?.ok_or_else(|| {
            Error::new(
                ErrorCode::PathMissing,
                format!(
                    "unable to list file info for missing path '{}'",
                    self.storage.display(&self.path)
                ),
            )
        })
    }

    /// Names in the queue, sorted.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub fn names(&self) -> Result<Vec<String>> {
        let entries = self.list()?;
        Ok(entries.iter().map(|entry| entry.name.to_string()).collect())
    }

    /// Looks one name of the queue up.
    ///
    /// # Errors
    /// When the spool cannot be looked at.
    pub fn info(&self, name: &str) -> Result<Option<FileInfo>> {
        Ok(self.storage.info(&self.file(name), InfoLevel::Basic)?)
    }

    /// Opens a file of the queue.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, name: &str) -> Result<Box<dyn PipelineRead>> {
        let options = ReadOptions::default();
        Ok(self.storage.open_read(&self.file(name), &options)?)
    }

    /// Removes an entry of the queue, whatever it is; one that is not there is fine.
    ///
    /// # Errors
    /// [`ErrorCode::FileRemove`], [`ErrorCode::PathRemove`].
    pub fn remove(&self, name: &str) -> Result<Removed> {
        let path = self.file(name);
        let removed = self.storage.remove(&path);
        if removed.is_err() && self.is_directory(name) {
            return Ok(self.storage.remove_tree(&path)?);
        }
        Ok(removed?)
    }

    fn is_directory(&self, name: &str) -> bool {
        let info = self.storage.info(&self.file(name), InfoLevel::Type);
        matches!(info, Ok(Some(info)) if info.kind == FileType::Path)
    }

    /// Moves a file of the queue to an absolute path, and returns its size. Where a rename cannot do it, the file is
    /// copied. Neither is flushed: after a crash of the machine PostgreSQL asks for the segment again.
    ///
    /// # Errors
    /// Those of reading, writing and moving.
    pub fn move_out(&self, name: &str, destination: &Path) -> Result<u64> {
        let from = self.file(name);
        let size = self
            .storage
            .info(&from, InfoLevel::Basic)?
            .map_or(0, |info| info.size);
        let source = self.root.join(from.to_string());
        match rustix::fs::rename(&source, destination) {
            Ok(()) => Ok(size),
            Err(Errno::XDEV) => {
                let root = PosixStorage::at("/");
                let options = WriteOptions {
                    create_path: false,
                    sync: false,
                    ..WriteOptions::default()
                };
                let to = crate::archiving::wal_path::from_root(destination);
                if let Err(error) = root.remove_left_overs_of(&to) {
                    log::debug!("{error}");
                }
                let mut read = self.storage.open_read(&from, &ReadOptions::default())?;
                let write = root.open_write(&to, &options)?;
                let running = Pipeline::default().start(COPY_BUFFER);
                let copied = copy_file(&mut *read, write, running, COPY_BUFFER);
                let (_, ticket) = copied.map_err(|error| match error {
                    CopyError::Storage(error) => Error::from(error),
                    CopyError::Pipeline(error) => Error::from(error),
                })?;
                ticket.wait()?;
                self.storage.remove(&from)?;
                Ok(size)
            }
            Err(errno) => Err(Error::new(
                ErrorCode::FileMove,
                format!(
                    "unable to move '{}' to '{}': {}",
                    source.display(),
                    destination.display(),
                    std::io::Error::from(errno)
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
