//! A repository on a server that is reached by SFTP and nothing else.
//!
//! Built on an SSH library, with our own SFTP engine: many requests under way, several channels and connections,
//! lost connections survived, the server's identity proven before anything is sent. All of it is async inside and
//! blocking outside; one small runtime is shared by all SFTP storages of the process.

mod add_only;
mod auth;
mod engine;
pub mod examine;
mod identity;
mod info;
mod list;
mod path;
pub mod persist;
mod place;
mod protocol;
mod read;
mod remove;
mod settings;
pub mod setup;
mod space;
mod ssh;
mod write;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};

pub use settings::{HashType, HostKeyCheck, SftpSettings, expand_home};
pub use ssh::algorithms::{Algorithm, BuiltIn, built_in};

use crate::{
    Connection, Durability, Error, ErrorKind, FileInfo, Found, InfoLevel, ListOptions, Operation,
    Paths, PipelineRead, ReadOptions, Removed, Result, Space, Storage, StorageKind, StoragePath,
    StorageWrite, Ticket, WriteMode, WriteOptions,
};
use engine::pool::Pool;
use place::Place;

/// Files on an SFTP server.
#[derive(Debug)]
pub struct SftpStorage {
    pool: Arc<Pool>,
    runtime: Handle,
}

/// What was asked of the server so far, over all connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Groups of requests sent in one step.
    pub batches: usize,
    /// Those that were sent while no answer was waited for: the round trips of one thing done after the other. Data on
    /// its way to the server does not count, only what must be known before it goes on.
    pub rounds: usize,
    pub requests: usize,
    /// SSH connections made, lost ones included; not one that another process lends.
    pub connections: usize,
    /// SFTP channels opened.
    pub channels: usize,
}

/// Trees that are removed at the same time.
const TREES_AT_ONCE: usize = 16;

/// The one runtime of the process. It moves bytes; work that needs the CPU stays on the callers' threads.
fn runtime() -> Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    let new = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("sftp")
        .enable_all()
        .build()
        .map_err(|error| Error::from_io(Operation::Connect, "runtime", &error))?;
    Ok(RUNTIME.get_or_init(|| new).handle().clone())
}

impl SftpStorage {
    /// Makes a storage; the server is reached when something is first asked.
    pub fn new(settings: SftpSettings) -> Result<Self> {
        if !settings.root.is_absolute() {
            let reason = "the path of an SFTP repository must be absolute";
            return Err(Error::new(
                ErrorKind::Unsupported,
                Operation::Info,
                settings.root.display().to_string(),
                reason,
            ));
        }
        Ok(Self {
            pool: Pool::new(settings),
            runtime: runtime()?,
        })
    }

    /// Counts since the storage was made.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let counters = &self.pool.counters;
        Statistics {
            batches: counters.batches.load(Ordering::Relaxed),
            rounds: counters.rounds.load(Ordering::Relaxed),
            requests: counters.requests.load(Ordering::Relaxed),
            connections: counters.connections.load(Ordering::Relaxed),
            channels: counters.channels.load(Ordering::Relaxed),
        }
    }

    fn place(&self, path: &StoragePath) -> Place {
        Place::new(&self.pool.settings.root, path)
    }

    fn places(&self, paths: &[StoragePath]) -> Vec<Place> {
        paths.iter().map(|path| self.place(path)).collect()
    }
}

impl Drop for SftpStorage {
    fn drop(&mut self) {
        let counts = self.statistics();
        log::debug!(
            "SFTP server {}: {} round trips, {} requests, {} connections, {} channels",
            self.pool.settings.address(),
            counts.rounds,
            counts.requests,
            counts.connections,
            counts.channels,
        );
        // Files still on their way keep the pool; the last user closes.
        if Arc::strong_count(&self.pool) == 1 {
            self.runtime.block_on(async {
                write::remove_unsettled(&self.pool).await;
                self.pool.close().await;
            });
        }
    }
}

impl Connection for SftpStorage {
    fn connect_ahead(&self) {
        let pool = Arc::clone(&self.pool);
        self.runtime
            .spawn(async move { pool.connect_ahead().await });
    }

    fn stopper(&self, grace: Duration) -> Box<dyn Fn() + Send + Sync> {
        let (pool, runtime) = (Arc::downgrade(&self.pool), self.runtime.clone());
        Box::new(move || {
            let pool = pool.clone();
            runtime.spawn(async move {
                tokio::time::sleep(grace).await;
                if let Some(pool) = pool.upgrade() {
                    pool.stop();
                }
            });
        })
    }

    fn made(&self) -> usize {
        self.statistics().connections
    }
}

impl Storage for SftpStorage {
    fn kind(&self) -> StorageKind {
        StorageKind::Sftp
    }

    fn has_latency(&self) -> bool {
        true
    }

    fn durability(&self, mode: WriteMode) -> Result<Durability> {
        let channel = self.runtime.block_on(self.pool.channel())?;
        Ok(match mode {
            _ if channel.server().fsync => Durability::Fsynced,
            WriteMode::Atomic => Durability::ReRead,
            WriteMode::InPlace => Durability::Trusted,
        })
    }

    fn only_adds(&self) -> bool {
        self.pool.settings.append_only
    }

    fn announce(&self, bytes: u64) {
        let (pool, bytes) = (
            Arc::clone(&self.pool),
            usize::try_from(bytes).unwrap_or(usize::MAX),
        );
        self.runtime
            .spawn(async move { pool.announce(bytes).await });
    }

    fn unanswered(&self) -> u64 {
        self.pool.budget.used() as u64
    }

    fn remove_left_overs(&self, path: &StoragePath, deep: bool) -> Result<usize> {
        if self.only_adds() {
            return Ok(0);
        }
        // By age alone: nothing tells which of the server's clients are still there.
        crate::left_over::remove(self, path, deep, &|_| false)
    }

    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        self.runtime
            .block_on(space::space(&self.pool, &self.place(path)))
    }

    fn display(&self, path: &StoragePath) -> String {
        self.place(path).text()
    }

    fn info(&self, path: &StoragePath, want: InfoLevel) -> Result<Option<FileInfo>> {
        Ok(self
            .info_many(std::slice::from_ref(path), want)?
            .pop()
            .flatten())
    }

    fn info_many(&self, paths: &[StoragePath], want: InfoLevel) -> Result<Vec<Option<FileInfo>>> {
        let places: Vec<_> = paths
            .iter()
            .map(|path| (self.place(path), path.clone()))
            .collect();
        self.runtime
            .block_on(info::look_up(&self.pool, &places, want))
    }

    fn list(&self, path: &StoragePath, options: &ListOptions) -> Result<Option<Vec<FileInfo>>> {
        self.runtime
            .block_on(list::list(&self.pool, &self.place(path), options))
    }

    fn list_tree(
        &self,
        path: &StoragePath,
        options: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        list::list_tree(&self.pool, &self.runtime, &self.place(path), options, each)
    }

    fn open_read(&self, path: &StoragePath, read: &ReadOptions) -> Result<Box<dyn PipelineRead>> {
        Ok(Box::new(read::open_read(
            &self.pool,
            &self.runtime,
            self.place(path),
            read,
        )?))
    }

    fn open_write(
        &self,
        path: &StoragePath,
        write: &WriteOptions,
    ) -> Result<Box<dyn StorageWrite>> {
        Ok(Box::new(write::open(
            &self.pool,
            &self.runtime,
            self.place(path),
            write,
        )?))
    }

    fn copy_within(&self, from: &StoragePath, to: &StoragePath) -> Result<Ticket> {
        crate::copy::copy_plain(self, from, self, to, &WriteOptions::default())
    }

    fn remove(&self, path: &StoragePath) -> Result<Removed> {
        let removed = self.remove_many(std::slice::from_ref(path))?;
        Ok(removed.first().copied().unwrap_or(Removed::Missing))
    }

    fn remove_many(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        self.runtime
            .block_on(remove::remove_many(&self.pool, &self.places(paths)))
    }

    fn remove_tree(&self, path: &StoragePath) -> Result<Removed> {
        remove::remove_tree(&self.pool, &self.runtime, &self.place(path))
    }

    fn remove_trees(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        let mut out = Vec::with_capacity(paths.len());
        for group in paths.chunks(TREES_AT_ONCE) {
            // A thread each: a walk calls back, and so blocks its thread.
            let removed: Vec<Result<Removed>> = std::thread::scope(|scope| {
                let running: Vec<_> = group
                    .iter()
                    .map(|path| scope.spawn(|| self.remove_tree(path)))
                    .collect();
                running
                    .into_iter()
                    .map(|one| {
                        one.join()
                            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                    })
                    .collect()
            });
            for one in removed {
                out.push(one?);
            }
        }
        Ok(out)
    }

    fn as_paths(&self) -> Option<&dyn Paths> {
        Some(self)
    }
}

impl Paths for SftpStorage {
    fn create_path(&self, path: &StoragePath, mode: u32) -> Result<()> {
        self.create_paths(std::slice::from_ref(path), mode)
    }

    fn create_paths(&self, paths: &[StoragePath], mode: u32) -> Result<()> {
        self.runtime
            .block_on(path::create_paths(&self.pool, &self.places(paths), mode))
    }
}
