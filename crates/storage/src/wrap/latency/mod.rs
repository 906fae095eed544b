//! A storage behind a network with latency, on paper: every call moves a virtual clock by the round trips it would cost.
//!
//! It keeps the callers honest: a loop of single calls shows as thousands of round trips. Costs are those of a backend
//! that pipelines (SFTP): requests of one call are under way together up to a limit, written files are under way
//! together through their tickets, reads are prefetched. No real time passes.
//!
//! One clock serves all threads, and what several threads do at once is counted as if one did it: exact for one
//! worker, an upper bound for more. A ticket that is `notify`ed resolves at once in real time, and its virtual time
//! is waited for by `sync_paths` and counted by [`Latency::elapsed`]; whoever needs order waits for the ticket.

mod network;
mod paths;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::durability::Durability;
use crate::error::{ErrorKind, Result};
use crate::info::{FileInfo, FileType, Found, InfoLevel, Removed};
use crate::options::{ListOptions, ReadOptions, WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks};
use crate::protection::Protection;
use crate::space::Space;
use crate::storage::{PipelineRead, Storage, StorageKind, StorageWrite};
use crate::ticket::Ticket;
use network::Network;

pub use network::LatencySettings;

/// A storage whose calls cost virtual time.
#[derive(Debug, Clone)]
pub struct Latency {
    inner: Arc<dyn Storage>,
    network: Network,
}

impl Latency {
    #[must_use]
    pub fn new(inner: Arc<dyn Storage>, settings: LatencySettings) -> Self {
        Self {
            inner,
            network: Network::new(settings),
        }
    }

    /// Virtual time until the last call and the last ticket are done.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.network.elapsed()
    }

    /// [`Latency::elapsed`] in round trips that came one after the other.
    #[must_use]
    pub fn serial_round_trips(&self) -> u64 {
        self.network.serial_round_trips()
    }

    /// Requests sent in all, however many were under way together.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.network.requests()
    }

    /// The storage behind the network.
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn Storage> {
        &self.inner
    }

    /// Counts what a listing of the whole tree costs and reports its entries to `each`.
    fn walk(
        &self,
        path: &StoragePath,
        level: InfoLevel,
        sort: bool,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<(Found, Tree)> {
        let mut tree = Tree::default();
        let all = ListOptions {
            level: level.max(InfoLevel::Type),
            sort,
        };
        let found = self.inner.list_tree(path, &all, &mut |info| {
            tree.count(&info, level);
            each(info)
        });
        // Also where the caller ended the walk: what was read ahead was paid for.
        for level in &tree.levels {
            self.network.serial(level.directories.max(1));
            self.network.serial(
                level
                    .entries
                    .div_ceil(self.network.settings.names_per_answer)
                    + level.directories.max(1),
            );
        }
        if tree.links > 0 {
            self.network.serial(tree.links);
        }
        if tree.levels.is_empty() {
            self.network.serial(1);
        }
        Ok((found?, tree))
    }
}

/// Shape of a tree, from which follows what can be under way together.
#[derive(Default)]
struct Tree {
    /// By depth.
    levels: Vec<Level>,
    files: usize,
    links: usize,
}

#[derive(Default, Clone)]
struct Level {
    directories: usize,
    entries: usize,
}

impl Tree {
    fn count(&mut self, info: &FileInfo, level: InfoLevel) {
        let depth = info
            .name
            .as_bytes()
            .iter()
            .filter(|&&byte| byte == b'/')
            .count();
        let directory = info.kind == FileType::Path;
        let deepest = depth + usize::from(directory);
        if self.levels.len() <= deepest {
            self.levels.resize(deepest + 1, Level::default());
        }
        self.levels[depth].entries += 1;
        if directory {
            self.levels[depth + 1].directories += 1;
        } else {
            self.files += 1;
        }
        if info.kind == FileType::Link && level >= InfoLevel::Detail {
            self.links += 1;
        }
    }
}

impl Storage for Latency {
    fn kind(&self) -> StorageKind {
        self.inner.kind()
    }

    fn has_latency(&self) -> bool {
        true
    }

    fn only_adds(&self) -> bool {
        self.inner.only_adds()
    }

    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        self.network.serial(1);
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
        self.network.serial(1);
        self.inner.info(path, want)
    }

    fn info_many(&self, paths: &[StoragePath], want: InfoLevel) -> Result<Vec<Option<FileInfo>>> {
        self.network.serial(paths.len());
        self.inner.info_many(paths, want)
    }

    fn list(&self, path: &StoragePath, list: &ListOptions) -> Result<Option<Vec<FileInfo>>> {
        // Open the directory, then ask for many answers at once; the last says that there are no more.
        self.network.serial(1);
        let all = ListOptions {
            level: list.level.max(InfoLevel::Type),
            sort: list.sort,
        };
        let Some(found) = self.inner.list(path, &all)? else {
            return Ok(None);
        };
        self.network
            .serial(found.len().div_ceil(self.network.settings.names_per_answer) + 1);
        if list.level >= InfoLevel::Detail {
            self.network.serial(
                found
                    .iter()
                    .filter(|info| info.kind == FileType::Link)
                    .count(),
            );
        }
        Ok(Some(found))
    }

    fn list_tree(
        &self,
        path: &StoragePath,
        list: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        Ok(self.walk(path, list.level, list.sort, each)?.0)
    }

    fn open_read(&self, path: &StoragePath, read: &ReadOptions) -> Result<Box<dyn PipelineRead>> {
        let opened = self.network.send(1);
        if !read.lazy_open {
            // Whether the file is there must be known at once.
            self.network.wait_until(opened);
        }
        match self.inner.open_read(path, read) {
            Ok(inner) => Ok(Box::new(read::LatencyRead::new(
                inner,
                self.network.clone(),
                opened,
            ))),
            Err(error) if read.lazy_open && error.kind() == ErrorKind::NotFound => Ok(Box::new(
                read::MissingRead::new(error, self.network.clone(), opened),
            )),
            Err(error) => Err(error),
        }
    }

    fn open_write(
        &self,
        path: &StoragePath,
        write: &WriteOptions,
    ) -> Result<Box<dyn StorageWrite>> {
        Ok(Box::new(write::LatencyWrite::open(
            &*self.inner,
            &self.network,
            path,
            write,
        )?))
    }

    fn copy_within(&self, from: &StoragePath, to: &StoragePath) -> Result<Ticket> {
        // Open both, copy on the server, rename.
        self.network.serial(1);
        let written = self.inner.copy_within(from, to)?.wait();
        let done = self.network.send(3);
        Ok(self.network.ticket(written, done))
    }

    fn remove(&self, path: &StoragePath) -> Result<Removed> {
        self.network.serial(1);
        self.inner.remove(path)
    }

    fn remove_many(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        self.network.serial(paths.len());
        self.inner.remove_many(paths)
    }

    fn remove_tree(&self, path: &StoragePath) -> Result<Removed> {
        // A link or a missing name cannot be walked; the inner storage says what becomes of it.
        let is_tree = self
            .inner
            .info(path, InfoLevel::Type)?
            .is_some_and(|info| info.kind == FileType::Path);
        if !is_tree {
            self.network.serial(1);
            return self.inner.remove_tree(path);
        }
        let (_, tree) = self.walk(path, InfoLevel::Type, false, &mut |_| Ok(()))?;
        self.network.serial(tree.files);
        // Directories go from the innermost to the outermost, those of one depth together.
        for level in tree.levels.iter().rev() {
            self.network.serial(level.directories);
        }
        self.network.serial(1);
        self.inner.remove_tree(path)
    }

    fn remove_trees(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        // All begin at the same time; the longest counts.
        let (begin, mut end) = (self.network.now(), self.network.now());
        let mut out = Vec::with_capacity(paths.len());
        for path in paths {
            self.network.rewind(begin);
            out.push(self.remove_tree(path)?);
            end = end.max(self.network.now());
        }
        self.network.rewind(end);
        Ok(out)
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
