//! A bucket of objects as a storage, whoever serves it: what S3, Azure and GCS have in common.
//!
//! A store gives the few calls of [`store::ObjectStore`]; lists, reading ahead, uploads in parts, removal in batches and
//! the byte budget are here. All of it is async inside and blocking outside.

mod bucket;
pub(crate) mod failure;
mod info;
mod list;
pub(crate) mod one_by_one;
pub(crate) mod part_size;
mod past;
pub(crate) mod piece;
mod protection;
mod read;
mod remove;
mod rights;
mod runtime;
mod settings;
pub(crate) mod store;
mod write;
pub(crate) mod xml;

use std::sync::Arc;
use std::time::Duration;

pub use settings::ObjectSettings;

use crate::budget::Budget;
use crate::stop::Stop;
use crate::{
    Connection, Durability, FileInfo, Found, InfoLevel, ListOptions, Operation, PipelineRead,
    Protection, ReadOptions, Removed, Result, Rights, Storage, StorageKind, StoragePath,
    StorageWrite, Ticket, WriteMode, WriteOptions,
};
use bucket::Bucket;
use store::ObjectStore;

/// Trees that are removed at the same time.
const TREES_AT_ONCE: usize = 16;

/// Files in a bucket.
#[derive(Debug)]
pub(crate) struct ObjectStorage<S> {
    bucket: Bucket<S>,
    /// What readers may ask ahead. Apart from the writers' budget: a copy inside the storage needs both.
    ahead: Arc<Budget>,
    /// Ends every wait of the store.
    stop: Stop,
}

impl<S: ObjectStore> ObjectStorage<S> {
    /// Makes a storage of a store; the server is reached when something is first asked.
    pub(crate) fn new(store: S, settings: ObjectSettings, stop: Stop) -> Result<Self> {
        let ahead = Budget::new(settings.byte_budget);
        Ok(Self {
            bucket: Bucket::new(store, settings, runtime::runtime()?),
            ahead,
            stop,
        })
    }
}

impl<S: ObjectStore> Connection for ObjectStorage<S> {
    fn connect_ahead(&self) {
        // A first request costs little more than a connection; and which requests come decides how many there are.
    }

    fn stopper(&self, grace: Duration) -> Box<dyn Fn() + Send + Sync> {
        let (stop, runtime) = (self.stop.clone(), self.bucket.runtime.clone());
        Box::new(move || {
            let stop = stop.clone();
            runtime.spawn(async move {
                tokio::time::sleep(grace).await;
                stop.ask();
            });
        })
    }

    fn made(&self) -> usize {
        self.bucket.store.connections()
    }
}

impl<S: ObjectStore> Storage for ObjectStorage<S> {
    fn kind(&self) -> StorageKind {
        self.bucket.store.kind()
    }

    fn has_latency(&self) -> bool {
        true
    }

    fn durability(&self, _: WriteMode) -> Result<Durability> {
        // An object store answers when the object is stored safely: that is the promise of its protocol.
        Ok(Durability::Fsynced)
    }

    fn unanswered(&self) -> u64 {
        self.bucket.budget.used() as u64
    }

    fn remove_left_overs(&self, path: &StoragePath, deep: bool) -> Result<usize> {
        self.bucket.may_change(path, Operation::Remove)?;
        let prefix = self.bucket.prefix(path, Operation::List)?;
        let aborting = self.bucket.store.abort_old_uploads(&prefix, !deep);
        self.bucket
            .runtime
            .block_on(aborting)
            .map_err(|failure| self.bucket.error(failure, Operation::List, path))
    }

    fn display(&self, path: &StoragePath) -> String {
        self.bucket.display(path)
    }

    fn info(&self, path: &StoragePath, want: InfoLevel) -> Result<Option<FileInfo>> {
        let found = self.info_many(std::slice::from_ref(path), want)?;
        Ok(found.into_iter().next().flatten())
    }

    fn info_many(&self, paths: &[StoragePath], _: InfoLevel) -> Result<Vec<Option<FileInfo>>> {
        info::look_up(&self.bucket, paths)
    }

    fn list(&self, path: &StoragePath, options: &ListOptions) -> Result<Option<Vec<FileInfo>>> {
        list::list(&self.bucket, path, options)
    }

    fn list_tree(
        &self,
        path: &StoragePath,
        options: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        list::list_tree(&self.bucket, path, options, each)
    }

    fn open_read(&self, path: &StoragePath, read: &ReadOptions) -> Result<Box<dyn PipelineRead>> {
        Ok(Box::new(read::open(&self.bucket, &self.ahead, path, read)?))
    }

    fn open_write(
        &self,
        path: &StoragePath,
        write: &WriteOptions,
    ) -> Result<Box<dyn StorageWrite>> {
        self.bucket.may_change(path, Operation::OpenWrite)?;
        Ok(Box::new(write::open(&self.bucket, path, write)?))
    }

    fn copy_within(&self, from: &StoragePath, to: &StoragePath) -> Result<Ticket> {
        crate::copy::copy_plain(self, from, self, to, &WriteOptions::default())
    }

    fn remove(&self, path: &StoragePath) -> Result<Removed> {
        let removed = self.remove_many(std::slice::from_ref(path))?;
        Ok(removed.first().copied().unwrap_or(Removed::Missing))
    }

    fn remove_many(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        if let Some(first) = paths.first() {
            self.bucket.may_change(first, Operation::Remove)?;
        }
        remove::remove_many(&self.bucket, paths)
    }

    fn remove_files(&self, paths: &[StoragePath]) -> Result<()> {
        if let Some(first) = paths.first() {
            self.bucket.may_change(first, Operation::Remove)?;
        }
        remove::remove_files(&self.bucket, paths)
    }

    fn remove_tree(&self, path: &StoragePath) -> Result<Removed> {
        self.bucket.may_change(path, Operation::RemovePath)?;
        remove::remove_tree(&self.bucket, path)
    }

    fn as_protection(&self) -> Option<&dyn Protection> {
        Some(self)
    }

    fn remove_trees(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        let mut out = Vec::with_capacity(paths.len());
        for group in paths.chunks(TREES_AT_ONCE) {
            // A thread each: a walk waits for its pages.
            let removed: Vec<Result<Removed>> = std::thread::scope(|scope| {
                let running: Vec<_> = group
                    .iter()
                    .map(|path| scope.spawn(|| self.remove_tree(path)))
                    .collect();
                let joined = running.into_iter().map(|one| {
                    one.join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                });
                joined.collect()
            });
            for one in removed {
                out.push(one?);
            }
        }
        Ok(out)
    }

    fn as_rights(&self) -> Option<&dyn Rights> {
        // Nothing may be tried in what is seen as it was.
        self.bucket.past.is_none().then_some(self)
    }
}
