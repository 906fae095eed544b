//! One SSH connection of the pool, and how it ends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::client::Handle;
use tokio::sync::Semaphore;

use crate::sftp::engine::channel::Channel;
use crate::sftp::ssh::session::{Client, Known, Session};

/// Reads under way on one connection, in units of 16 KiB (4 MiB): more only piles up in sshd.
pub(crate) const READS_PER_CONNECTION: usize = 256;

static NEXT_CONNECTION: AtomicU64 = AtomicU64::new(1);

/// One SSH connection and its channels.
pub(super) struct Connection {
    pub(super) id: u64,
    /// `None`: another process has it, and lends one channel.
    pub(super) handle: Option<Handle<Client>>,
    pub(super) known: Arc<Mutex<Known>>,
    channels: Mutex<Vec<Arc<Channel>>>,
    pub(super) reads: Arc<Semaphore>,
    pub(super) dead: AtomicBool,
    pub(super) opening: AtomicBool,
    /// The server refused a further channel.
    pub(super) full: AtomicBool,
}

impl Connection {
    /// A connection that was just made, without channels.
    pub(super) fn of(session: Session) -> Arc<Self> {
        Self::new(Some(session.handle), session.known)
    }

    /// A connection of another process; its one channel is to be added.
    pub(super) fn lent(server: String) -> Arc<Self> {
        let ended = None;
        Self::new(None, Arc::new(Mutex::new(Known { server, ended })))
    }

    fn new(handle: Option<Handle<Client>>, known: Arc<Mutex<Known>>) -> Arc<Self> {
        Arc::new(Self {
            id: NEXT_CONNECTION.fetch_add(1, Ordering::Relaxed),
            full: AtomicBool::new(handle.is_none()),
            handle,
            known,
            channels: Mutex::default(),
            reads: Arc::new(Semaphore::new(READS_PER_CONNECTION)),
            dead: AtomicBool::new(false),
            opening: AtomicBool::new(false),
        })
    }

    /// The channels that are open.
    pub(super) fn channels(&self) -> MutexGuard<'_, Vec<Arc<Channel>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn die(&self) {
        if self.dead.swap(true, Ordering::AcqRel) {
            return;
        }
        let why = self.why("the connection was lost");
        let channels = std::mem::take(&mut *self.channels());
        for channel in channels {
            channel.kill(&why, true);
        }
    }

    pub(super) fn drop_dead_channels(&self) {
        self.channels().retain(|channel| channel.death().is_none());
        if self.channels().is_empty() {
            // The next request opens a new connection, which is known to work; this one may not.
            self.die();
        }
    }

    /// The reason the SSH library gave, if it gave one.
    pub(super) fn why(&self, otherwise: &str) -> String {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ended
            .clone()
            .unwrap_or_else(|| otherwise.to_owned())
    }
}
