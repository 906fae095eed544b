//! What is known of a channel: what was asked and not answered, and whether it still lives.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::reply::{Asked, Lost};
use crate::sftp::engine::counters::Counters;
use crate::sftp::protocol::extension::Server;

pub(super) struct State {
    pub(super) pending: HashMap<u32, Asked>,
    /// How many of them are waited for.
    pub(super) waiting: usize,
    pub(super) dead: Option<Lost>,
    pub(super) progress: Instant,
    pub(super) outgoing: Option<mpsc::UnboundedSender<Vec<Bytes>>>,
    pub(super) version: Option<oneshot::Sender<Server>>,
    /// The writing task: a write to a dead connection would hold its bytes until the kernel gives up.
    pub(super) writer: Option<tokio::task::AbortHandle>,
}

/// One SFTP channel.
pub(crate) struct Channel {
    pub(super) state: Mutex<State>,
    pub(super) next_id: AtomicU32,
    /// Bytes asked for or sent and not yet answered.
    pub(super) load: AtomicUsize,
    pub(super) server: OnceLock<Server>,
    pub(super) counters: Arc<Counters>,
    /// Which connection it is on (unique in the process).
    pub(crate) connection: u64,
    /// At most so many reads under way on the whole connection: what is asked beyond the server's TCP buffer only
    /// piles up inside sshd.
    pub(crate) reads: Arc<tokio::sync::Semaphore>,
    /// Files that can be written on this channel only.
    pub(crate) bound: AtomicUsize,
    /// The server is known to take the WRITEs of one file in any order.
    pub(crate) any_order: bool,
    pub(super) on_death: Box<dyn Fn(bool) + Send + Sync>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel(of connection {})", self.connection)
    }
}

impl Channel {
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(crate) fn pending(&self) -> usize {
        self.lock().pending.len()
    }

    pub(crate) fn death(&self) -> Option<Lost> {
        self.lock().dead.clone()
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the channel up; everybody who waits gets `why`.
    pub(crate) fn kill(&self, why: &str, connection: bool) -> Lost {
        let (lost, pending, first) = {
            let mut state = self.lock();
            let first = state.dead.is_none();
            let lost = state.dead.get_or_insert_with(|| Lost(why.into())).clone();
            state.outgoing = None;
            state.version = None;
            if let Some(writer) = state.writer.take() {
                writer.abort();
            }
            state.waiting = 0;
            (lost, std::mem::take(&mut state.pending), first)
        };
        for (_, asked) in pending {
            self.load.fetch_sub(asked.size, Ordering::Relaxed);
            asked.sink.answer(Err(lost.clone()));
        }
        if first {
            log::debug!("SFTP channel ended: {why}");
            (self.on_death)(connection);
        }
        lost
    }
}
