//! A storage whose files are read and written no faster than a limit allows.
//!
//! Only the bytes of files count: in both directions together, once each, as they are stored. What a backend reads ahead is
//! counted when it is taken, and what it sends again after a lost connection is not counted again. A copy inside the storage
//! passes uncounted: those are info files.

mod stream;

use std::sync::Arc;

use crate::durability::Durability;
use crate::error::Result;
use crate::info::{FileInfo, Found, InfoLevel, Removed};
use crate::options::{ListOptions, ReadOptions, WriteMode, WriteOptions};
use crate::path::StoragePath;
use crate::paths::{HardLinks, PathSync, Paths, SymbolicLinks};
use crate::protection::Protection;
use crate::rate_limit::RateLimit;
use crate::rights::Rights;
use crate::space::Space;
use crate::storage::{PipelineRead, Storage, StorageKind, StorageWrite};
use crate::ticket::Ticket;

pub use stream::{LimitedRead, LimitedWrite};

/// The inner storage, slowed down.
#[derive(Debug)]
pub struct Limited {
    inner: Arc<dyn Storage>,
    limit: Arc<RateLimit>,
}

impl Limited {
    #[must_use]
    pub fn new(inner: Arc<dyn Storage>, limit: Arc<RateLimit>) -> Self {
        Self { inner, limit }
    }
}

impl Storage for Limited {
    fn kind(&self) -> StorageKind {
        self.inner.kind()
    }

    fn has_latency(&self) -> bool {
        self.inner.has_latency()
    }

    fn only_adds(&self) -> bool {
        self.inner.only_adds()
    }

    fn durability(&self, mode: WriteMode) -> Result<Durability> {
        self.inner.durability(mode)
    }

    fn announce(&self, bytes: u64) {
        self.inner.announce(bytes);
    }

    fn unanswered(&self) -> u64 {
        self.inner.unanswered()
    }

    fn remove_left_overs(&self, path: &StoragePath, deep: bool) -> Result<usize> {
        self.inner.remove_left_overs(path, deep)
    }

    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        self.inner.space(path)
    }

    fn display(&self, path: &StoragePath) -> String {
        self.inner.display(path)
    }

    fn info(&self, path: &StoragePath, want: InfoLevel) -> Result<Option<FileInfo>> {
        self.inner.info(path, want)
    }

    fn info_many(&self, paths: &[StoragePath], want: InfoLevel) -> Result<Vec<Option<FileInfo>>> {
        self.inner.info_many(paths, want)
    }

    fn list(&self, path: &StoragePath, list: &ListOptions) -> Result<Option<Vec<FileInfo>>> {
        self.inner.list(path, list)
    }

    fn list_tree(
        &self,
        path: &StoragePath,
        list: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        self.inner.list_tree(path, list, each)
    }

    fn open_read(&self, path: &StoragePath, read: &ReadOptions) -> Result<Box<dyn PipelineRead>> {
        let read = self.inner.open_read(path, read)?;
        Ok(Box::new(LimitedRead::new(read, Arc::clone(&self.limit))))
    }

    fn open_write(
        &self,
        path: &StoragePath,
        write: &WriteOptions,
    ) -> Result<Box<dyn StorageWrite>> {
        let write = self.inner.open_write(path, write)?;
        let write = LimitedWrite::new(write, Arc::clone(&self.limit));
        Ok(Box::new(write.also_after_stop()))
    }

    fn copy_within(&self, from: &StoragePath, to: &StoragePath) -> Result<Ticket> {
        self.inner.copy_within(from, to)
    }

    fn remove(&self, path: &StoragePath) -> Result<Removed> {
        self.inner.remove(path)
    }

    fn remove_many(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        self.inner.remove_many(paths)
    }

    fn remove_files(&self, paths: &[StoragePath]) -> Result<()> {
        self.inner.remove_files(paths)
    }

    fn remove_tree(&self, path: &StoragePath) -> Result<Removed> {
        self.inner.remove_tree(path)
    }

    fn remove_trees(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        self.inner.remove_trees(paths)
    }

    fn as_paths(&self) -> Option<&dyn Paths> {
        self.inner.as_paths()
    }

    fn as_path_sync(&self) -> Option<&dyn PathSync> {
        self.inner.as_path_sync()
    }

    fn as_symbolic_links(&self) -> Option<&dyn SymbolicLinks> {
        self.inner.as_symbolic_links()
    }

    fn as_protection(&self) -> Option<&dyn Protection> {
        self.inner.as_protection()
    }

    fn as_hard_links(&self) -> Option<&dyn HardLinks> {
        self.inner.as_hard_links()
    }

    fn as_rights(&self) -> Option<&dyn Rights> {
        self.inner.as_rights()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::copy::{read_all, write_all};
    use crate::memory::MemoryStorage;
    use crate::rate_limit::Pause;
    use crate::rate_limit::tests::Hands;

    fn limited(bytes_per_second: u64) -> (Arc<Hands>, Limited) {
        let hands = Arc::new(Hands::default());
        let pause = Arc::clone(&hands) as Arc<dyn Pause>;
        let limit = Arc::new(RateLimit::new(bytes_per_second, pause));
        (hands, Limited::new(Arc::new(MemoryStorage::new()), limit))
    }

    #[test]
    fn the_contract_is_kept() {
        let ran = crate::conformance::run(&mut |_| Box::new(limited(10_000).1));
        assert_eq!(ran.len(), crate::conformance::cases().len());
    }

    #[test]
    fn both_directions_count_together() {
        let (hands, storage) = limited(10_000);
        let path = StoragePath::new("file");
        write_all(&storage, &path, &WriteOptions::default(), &[7; 100_000]).unwrap();
        assert_eq!(hands.now(), Duration::from_secs(10));
        let read = read_all(&storage, &path, 1 << 20).unwrap().unwrap();
        assert_eq!(read, [7; 100_000]);
        assert_eq!(hands.now(), Duration::from_secs(20));
    }

    #[test]
    fn what_is_saved_after_the_wish_to_stop_is_written_and_copies_end() {
        let (hands, storage) = limited(1000);
        let path = StoragePath::new("file");
        let write = |bytes: &[u8]| write_all(&storage, &path, &WriteOptions::default(), bytes);
        write(&[7; 10_000]).unwrap();
        hands
            .stopped
            .store(true, std::sync::atomic::Ordering::SeqCst);
        let before = hands.now();
        write(&[8; 100_000]).unwrap();
        assert_eq!(hands.now(), before);
        let error = read_all(&storage, &path, 1 << 20).unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::Cancelled);
    }
}
