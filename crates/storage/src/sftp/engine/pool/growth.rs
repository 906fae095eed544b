//! How many channels and connections: as many as the bytes ahead and the measured round trip make worth while.
//!
//! A near server gets one connection, one a little away two with two channels each, and one that is far four while many bytes
//! are ahead. A server that refuses more is left alone for a while.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::{Pool, State};
use crate::sftp::engine::channel::Channel;

/// Bytes waiting on the least busy channel that ask for another one.
const BUSY: usize = 1 << 20;
/// Bytes waiting in all that make more than two connections worth while.
const BULK: usize = 16 << 20;
/// A server that refused is asked again only after this.
const REFUSED: Duration = Duration::from_secs(30);

/// How many connections so many bytes are worth where a round trip takes so long; `bytes`: what waits are bytes, not requests.
fn worth(round_trip: Duration, ahead: usize, bytes: bool) -> usize {
    if round_trip < Duration::from_millis(2) || !bytes {
        1
    } else if round_trip < Duration::from_millis(20) || ahead < BULK {
        2
    } else {
        4
    }
}

impl Pool {
    fn bytes_ahead(&self) -> usize {
        self.budget.used().max(self.ahead.load(Ordering::Relaxed))
    }

    /// Opens what so many bytes are worth as soon as the first connection is there, not when they pile up: a login takes as
    /// long as moving some megabytes.
    pub(crate) async fn announce(self: &Arc<Self>, bytes: usize) {
        if bytes >= BULK && self.channel().await.is_ok() {
            self.grow(bytes, true);
        }
    }

    /// Opens more when what is waiting is worth it. Never waits.
    pub(crate) fn consider_growth(self: &Arc<Self>, idlest: &Arc<Channel>) {
        let ahead = self.bytes_ahead();
        let busy = idlest.load() >= BUSY;
        if busy || idlest.pending() >= 64 || ahead >= BULK {
            self.grow(ahead, busy || ahead >= BULK);
        }
    }

    /// The round trip: what making the TCP connection took, or the quickest answer where something near accepts connections
    /// for a server that is far.
    fn round_trip(&self, state: &State) -> Duration {
        let answer = self.counters.quickest.load(Ordering::Relaxed);
        let answer = if answer == 0 {
            Duration::ZERO
        } else {
            Duration::from_micros(answer)
        };
        state.round_trip.unwrap_or_default().max(answer)
    }

    fn grow(self: &Arc<Self>, ahead: usize, bytes: bool) {
        let mut state = self.lock();
        if state.refused.is_some_and(|at| at.elapsed() < REFUSED) {
            return;
        }
        // Who borrows moves one segment, which is there before a login of its own would be.
        if state
            .connections
            .iter()
            .any(|connection| connection.handle.is_none())
        {
            return;
        }
        let round_trip = self.round_trip(&state);
        let per_connection = self.settings.channels.unwrap_or(2).max(1);
        for connection in &state.connections {
            let open = connection.channels().len();
            if open < per_connection
                && !connection.full.load(Ordering::Acquire)
                && !connection.opening.swap(true, Ordering::AcqRel)
            {
                let (pool, connection) = (Arc::clone(self), Arc::clone(connection));
                tokio::spawn(async move {
                    pool.fill(&connection, per_connection).await;
                    connection.opening.store(false, Ordering::Release);
                    pool.grown.notify_waiters();
                });
            }
        }
        let worth = worth(round_trip, ahead, bytes);
        let most = self.settings.connection_max.unwrap_or(usize::MAX);
        let target = self.settings.connections.unwrap_or(worth).min(most).max(1);
        let missing = target
            .saturating_sub(state.connections.len() + state.opening)
            .min(8);
        state.opening += missing;
        for _ in 0..missing {
            let pool = Arc::clone(self);
            tokio::spawn(async move {
                match pool.open_connection().await {
                    Ok(connection) => {
                        connection.opening.store(true, Ordering::Release);
                        pool.lock().opening -= 1;
                        pool.fill(&connection, per_connection).await;
                        connection.opening.store(false, Ordering::Release);
                        pool.grown.notify_waiters();
                    }
                    Err(error) => {
                        log::debug!("no further connection: {error}");
                        let mut state = pool.lock();
                        state.opening -= 1;
                        state.refused = Some(Instant::now());
                        pool.grown.notify_waiters();
                    }
                }
            });
        }
    }

    async fn fill(self: &Arc<Self>, connection: &Arc<Connection>, wanted: usize) {
        let open = connection.channels().len();
        let mut opening = tokio::task::JoinSet::new();
        for _ in open..wanted {
            let (pool, connection) = (Arc::clone(self), Arc::clone(connection));
            opening.spawn(async move {
                if let Err(error) = pool.open_channel(&connection).await {
                    log::debug!("no further channel: {error}");
                    pool.lock().refused = Some(Instant::now());
                }
            });
        }
        while opening.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_server_gets_one_connection_and_a_far_one_four_for_much() {
        let near = Duration::from_micros(300);
        let far = Duration::from_millis(50);
        assert_eq!(worth(near, 1 << 30, true), 1);
        assert_eq!(worth(Duration::from_millis(10), 1 << 30, true), 2);
        assert_eq!(worth(far, BULK - 1, true), 2);
        assert_eq!(worth(far, BULK, true), 4);
        assert_eq!(worth(far, BULK, false), 1);
    }
}
