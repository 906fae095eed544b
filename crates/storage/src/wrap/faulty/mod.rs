//! A storage that fails, panics or kills the process at the n-th operation. Exists only with the cargo feature `faulty`.
//!
//! Operations are counted over all storages that share a [`FaultPlan`] (cluster, repositories, spool), so a sweep over
//! n visits every point of a run; a run without a fault tells how many there are. Calls on many files count one
//! operation for each file, so that a run can end in the middle of them. A file counts when it is opened, at each
//! read or write, before it is published and once more after. No timer is involved.

mod file_tree;
mod paths;
mod stream;

#[cfg(test)]
mod tests;

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::durability::Durability;
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::info::{FileInfo, FileType, Found, InfoLevel, Removed};
use crate::options::{ListOptions, ReadOptions, WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks};
use crate::space::Space;
use crate::storage::{PipelineRead, Storage, StorageKind, StorageWrite};
use crate::ticket::Ticket;

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails with this kind, and has not been done.
    Error(ErrorKind),
    /// A write is done by half, then fails with this kind; at other operations as [`Fault::Error`].
    TornError(ErrorKind),
    /// The process gets SIGKILL instead of doing the operation.
    Kill,
    /// A write is done by half, then the process gets SIGKILL; at other operations as [`Fault::Kill`].
    TornKill,
    /// The thread panics instead of doing the operation.
    Panic,
}

/// Where the fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultySettings {
    /// The operation, counted from 1; 0 for never.
    pub at: u64,
    pub fault: Fault,
}

/// `<fault>:<n>`, with the faults `error`, `no-space`, `torn-error`, `kill`, `torn-kill` and `panic`: how a test tells a
/// binary.
impl FromStr for FaultySettings {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("'{text}' is not <fault>:<number of the operation>");
        let (fault, at) = text.split_once(':').ok_or_else(wrong)?;
        let fault = match fault {
            "error" => Fault::Error(ErrorKind::Broken),
            "no-space" => Fault::Error(ErrorKind::NoSpace),
            "torn-error" => Fault::TornError(ErrorKind::Broken),
            "kill" => Fault::Kill,
            "torn-kill" => Fault::TornKill,
            "panic" => Fault::Panic,
            _ => return Err(wrong()),
        };
        Ok(Self {
            at: at.parse().map_err(|_| wrong())?,
            fault,
        })
    }
}

/// Counts operations over all storages that share it. Fires once.
#[derive(Debug)]
pub struct FaultPlan {
    settings: FaultySettings,
    done: AtomicU64,
    struck: OnceLock<(Operation, String)>,
}

/// How an operation is to go on.
enum Step {
    Whole,
    /// Do half of the write, then call [`FaultPlan::strike`].
    Half,
}

impl FaultPlan {
    #[must_use]
    pub fn new(settings: FaultySettings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            done: AtomicU64::new(0),
            struck: OnceLock::new(),
        })
    }

    /// A plan that only counts.
    #[must_use]
    pub fn counting() -> Arc<Self> {
        Self::new(FaultySettings {
            at: 0,
            fault: Fault::Kill,
        })
    }

    /// Operations begun so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    /// What failed, and on which file; `None` while nothing has.
    #[must_use]
    pub fn struck(&self) -> Option<&(Operation, String)> {
        self.struck.get()
    }

    fn is_now(&self) -> bool {
        self.done.fetch_add(1, Ordering::SeqCst) + 1 == self.settings.at
    }

    /// Counts one operation and lets the fault happen if it is here.
    fn pass(&self, operation: Operation, object: impl FnOnce() -> String) -> Result<()> {
        if self.is_now() {
            Err(self.strike(operation, object()))
        } else {
            Ok(())
        }
    }

    /// As [`FaultPlan::pass`], for a write, which can be done by half.
    fn pass_write(&self, object: impl FnOnce() -> String) -> Result<Step> {
        match (self.is_now(), self.settings.fault) {
            (false, _) => Ok(Step::Whole),
            (true, Fault::TornError(_) | Fault::TornKill) => Ok(Step::Half),
            (true, _) => Err(self.strike(Operation::Write, object())),
        }
    }

    /// Makes the fault happen: returns the error, or does not return.
    fn strike(&self, operation: Operation, object: String) -> Error {
        let _ = self.struck.set((operation, object.clone()));
        match self.settings.fault {
            Fault::Error(kind) | Fault::TornError(kind) => {
                let reason = format!("fault injected at operation {}", self.settings.at);
                Error::new(kind, operation, object, reason)
            }
            Fault::Kill | Fault::TornKill => {
                // SIGKILL: nothing is cleaned up, no destructor runs, as when the power goes.
                let _ = rustix::process::kill_process(
                    rustix::process::getpid(),
                    rustix::process::Signal::KILL,
                );
                unreachable!("a process does not outlive its SIGKILL")
            }
            Fault::Panic => panic!("fault injected at operation {}: {object}", self.settings.at),
        }
    }
}

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
