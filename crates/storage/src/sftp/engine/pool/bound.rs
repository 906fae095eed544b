//! Channels for files that can have no other: those that nobody may open a second time.
//!
//! The server's window for one channel is what such a file gets of the line, so as many as there are channels go on at the same
//! time, each with its own.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Pool, State};
use crate::sftp::engine::channel::Channel;
use crate::stop::Stop;
use crate::{Operation, Result};

/// The longest wait for a further channel: a login takes less, and a server that stalls one must not hold up what goes on
/// without.
const PATIENCE: Duration = Duration::from_secs(2);

/// A channel that a file is bound to, while this lives.
#[derive(Debug)]
pub(crate) struct Bound {
    channel: Arc<Channel>,
    pool: Arc<Pool>,
}

impl Bound {
    pub(crate) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.channel.bound.fetch_sub(1, Ordering::Relaxed);
        // A file that waits for a further channel can have this one.
        self.pool.grown.notify_waiters();
    }
}

impl Pool {
    /// A channel that no such file has. Where each has one the file waits while more are being opened, but not for long; afterwards
    /// it gets the one with the fewest.
    pub(crate) async fn bind(self: &Arc<Self>) -> Result<Bound> {
        let until = Instant::now() + PATIENCE;
        loop {
            // Connects where there is nothing yet, and asks for more where they are worth it.
            self.channel().await?;
            let mut grown = pin!(self.grown.notified());
            // Registered before looking, so that no further channel is missed.
            grown.as_mut().enable();
            if let Some(bound) = self.least_bound(Instant::now() < until) {
                return Ok(bound);
            }
            // A connection that was lost meanwhile is told to nobody here.
            let grown = tokio::time::timeout_at(until, grown);
            if self.stop.or(grown).await.is_none() {
                return Err(Stop::error(Operation::Connect, &self.settings.address()));
            }
        }
    }

    /// `None`: the file should wait, or there is no channel any more.
    fn least_bound(self: &Arc<Self>, patient: bool) -> Option<Bound> {
        // One at a time: two files must not take the same one for free.
        let state = self.lock();
        let alive = (state.connections.iter())
            .filter(|connection| !connection.dead.load(Ordering::Acquire))
            .flat_map(|connection| connection.channels().clone());
        let least =
            alive.min_by_key(|channel| (channel.bound.load(Ordering::Relaxed), channel.load()))?;
        if patient && least.bound.load(Ordering::Relaxed) > 0 && is_growing(&state) {
            return None;
        }
        least.bound.fetch_add(1, Ordering::Relaxed);
        Some(Bound {
            channel: least,
            pool: Arc::clone(self),
        })
    }
}

fn is_growing(state: &State) -> bool {
    let mut connections = state.connections.iter();
    state.opening > 0
        || connections.any(|connection| {
            connection.opening.load(Ordering::Acquire) && !connection.dead.load(Ordering::Acquire)
        })
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::super::connection::Connection;
    use super::super::lent;
    use super::*;
    use crate::sftp::settings::SftpSettings;

    /// A pool with one connection that has these many channels, and the other ends of those.
    fn pool(channels: usize) -> (Arc<Pool>, Arc<Connection>, Vec<UnixStream>) {
        let (pool, connection) = lent::pool(SftpSettings::new("host", "u", "/r"));
        let ends = (0..channels).map(|_| add(&pool, &connection)).collect();
        (pool, connection, ends)
    }

    fn add(pool: &Arc<Pool>, connection: &Arc<Connection>) -> UnixStream {
        lent::add(pool, connection, &[])
    }

    fn differ(bound: &[Bound]) -> bool {
        bound.iter().enumerate().all(|(at, one)| {
            let mut others = bound[..at].iter();
            others.all(|other| !Arc::ptr_eq(one.channel(), other.channel()))
        })
    }

    #[tokio::test]
    async fn each_file_gets_a_channel_of_its_own_as_long_as_there_are_some() {
        let (pool, _, _ends) = pool(3);
        let mut bound = Vec::new();
        for _ in 0..3 {
            bound.push(pool.bind().await.unwrap());
        }
        assert!(differ(&bound));
        let fourth = pool.bind().await.unwrap();
        assert!(
            bound
                .iter()
                .any(|one| Arc::ptr_eq(one.channel(), fourth.channel()))
        );
        // What has ended makes room.
        let free = Arc::clone(bound.remove(1).channel());
        drop(fourth);
        bound.push(pool.bind().await.unwrap());
        assert!(differ(&bound) && bound.iter().any(|one| Arc::ptr_eq(one.channel(), &free)));
    }

    #[tokio::test]
    async fn a_file_waits_for_a_channel_that_is_being_opened_and_no_longer() {
        for comes in [true, false] {
            let (pool, connection, _ends) = pool(1);
            let first = pool.bind().await.unwrap();
            connection.opening.store(true, Ordering::Release);
            let second = tokio::spawn({
                let pool = Arc::clone(&pool);
                async move { pool.bind().await }
            });
            // It is at its wait when nothing else can go on.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert!(!second.is_finished());
            let _end = comes.then(|| add(&pool, &connection));
            connection.opening.store(false, Ordering::Release);
            pool.grown.notify_waiters();
            let second = second.await.unwrap().unwrap();
            assert_eq!(differ(&[first, second]), comes);
        }
    }

    #[tokio::test]
    async fn a_file_that_waits_gets_the_channel_of_one_that_has_ended() {
        let (pool, connection, _ends) = pool(1);
        let first = pool.bind().await.unwrap();
        let free = Arc::clone(first.channel());
        // A login that stalls: nothing else ends the wait but its own end, which is far.
        connection.opening.store(true, Ordering::Release);
        let second = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.bind().await }
        });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!second.is_finished());
        drop(first);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(second.is_finished());
        let second = second.await.unwrap().unwrap();
        assert!(Arc::ptr_eq(second.channel(), &free));
    }

    #[tokio::test]
    async fn a_login_that_stalls_holds_nobody_up() {
        let (pool, connection, _ends) = pool(1);
        let first = pool.bind().await.unwrap();
        connection.opening.store(true, Ordering::Release);
        assert!(pool.least_bound(true).is_none());
        let second = pool.least_bound(false).unwrap();
        assert!(!differ(&[first, second]));
    }

    #[tokio::test]
    async fn a_stop_ends_the_wait() {
        let (pool, connection, _ends) = pool(1);
        let _first = pool.bind().await.unwrap();
        connection.opening.store(true, Ordering::Release);
        pool.stop.ask();
        assert!(pool.bind().await.is_err());
    }
}
