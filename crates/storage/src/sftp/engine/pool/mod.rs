//! The connections of one storage, shared by all its workers.
//!
//! The first is made when something is asked, more as they are worth it ([`growth`]). A connection that dies is replaced
//! when something is asked again. Every one of them must show the first one's host key.

mod bound;
mod connection;
mod growth;
#[cfg(test)]
pub(crate) mod lent;
mod open;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::channel::{Channel, PROCESS_ENDED, Reply};
use super::counters::Counters;
use super::directories::{Made, Making};
use super::retry::Retry;
use super::retry_limit::RetryLimit;
use super::unsettled::Unsettled;
use crate::budget::Budget;
use crate::sftp::auth::Credentials;
use crate::sftp::identity::verify::Verifier;
use crate::sftp::protocol::message::Response;
use crate::sftp::settings::SftpSettings;
use crate::stop::Stop;
use crate::{Error, ErrorKind, Operation, Result};
use connection::Connection;

pub(crate) use connection::READS_PER_CONNECTION;

/// Processes at the server that may end before SFTP begins, until that counts as an answer.
const ENDED: u32 = 3;

/// The part of those that a request for so many bytes takes; small files count for little, so many of them may be under way.
pub(crate) fn reads_room(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(16 << 10))
        .unwrap_or(u32::MAX)
        .clamp(1, 16)
}

#[derive(Default)]
struct State {
    connections: Vec<Arc<Connection>>,
    opening: usize,
    refused: Option<Instant>,
    failed: Option<(Instant, Error)>,
    /// Error of a connection that nobody had asked for yet: the first to ask gets it, rather than a second try.
    failed_ahead: Option<Error>,
    round_trip: Option<Duration>,
}

/// All connections to one server.
pub(crate) struct Pool {
    pub(crate) settings: SftpSettings,
    verifier: OnceLock<Arc<Verifier>>,
    credentials: OnceLock<Credentials>,
    state: Mutex<State>,
    connecting: tokio::sync::Mutex<()>,
    /// A process that keeps a connection open was asked for it.
    asked_master: AtomicBool,
    /// The account was seen to be one that may only add.
    pub(crate) account_is_sure: AtomicBool,
    /// It is none, and the server lets it remove what was begun.
    pub(crate) may_remove: AtomicBool,
    pub(crate) making: Making,
    pub(crate) made: Made,
    /// Temporary names that may come to be after they were removed.
    pub(crate) unsettled: Unsettled,
    /// Grows with what files achieve; a file that waits for its turn reads it.
    progress: Arc<AtomicU64>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) read_budget: Arc<Budget>,
    /// Acknowledged bytes of small files, kept to write the file again after a lost connection. Nobody waits for it.
    pub(crate) keep_budget: Arc<Budget>,
    /// Files being written at once.
    pub(crate) files: Arc<Semaphore>,
    pub(crate) retry_limit: RetryLimit,
    pub(crate) counters: Arc<Counters>,
    /// Bytes that are known to come: files opened with their size.
    ahead: AtomicUsize,
    /// Told when there is a further channel, or when there will be none.
    grown: Notify,
    stop: Stop,
}

/// Bytes that are known to come, while this lives.
#[derive(Debug)]
pub(crate) struct Ahead {
    pool: Arc<Pool>,
    bytes: usize,
}

impl Ahead {
    /// Some of them have come.
    pub(crate) fn done(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.pool.ahead.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.done(self.bytes);
    }
}

impl Pool {
    pub(crate) fn new(settings: SftpSettings) -> Arc<Self> {
        Arc::new(Self {
            budget: Budget::new(settings.byte_budget),
            read_budget: Budget::new(settings.byte_budget),
            keep_budget: Budget::new((settings.byte_budget / 4).min(16 << 20)),
            files: Arc::new(Semaphore::new(256)),
            retry_limit: RetryLimit::default(),
            settings,
            verifier: OnceLock::new(),
            credentials: OnceLock::new(),
            state: Mutex::default(),
            connecting: tokio::sync::Mutex::new(()),
            asked_master: AtomicBool::new(false),
            account_is_sure: AtomicBool::new(false),
            may_remove: AtomicBool::new(false),
            making: Making::default(),
            made: Made::default(),
            unsettled: Unsettled::default(),
            progress: Arc::default(),
            counters: Arc::default(),
            ahead: AtomicUsize::new(0),
            grown: Notify::new(),
            stop: Stop::default(),
        })
    }

    pub(crate) fn expect(self: &Arc<Self>, bytes: u64) -> Ahead {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(1 << 40);
        self.ahead.fetch_add(bytes, Ordering::Relaxed);
        Ahead {
            pool: Arc::clone(self),
            bytes,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn retry(&self) -> Retry {
        Retry::new(self.settings.io_timeout)
            .until(&self.stop)
            .on(&self.progress)
    }

    /// Ends every wait for the server with [`ErrorKind::Cancelled`], now and from now on.
    pub(crate) fn stop(&self) {
        self.stop.ask();
        let connections = self.lock().connections.clone();
        for connection in connections {
            connection.die();
        }
    }

    /// The least busy channel; connects if there is none.
    pub(crate) async fn channel(self: &Arc<Self>) -> Result<Arc<Channel>> {
        self.stop
            .or(self.open_or_idle())
            .await
            .unwrap_or_else(|| Err(Stop::error(Operation::Connect, &self.settings.address())))
    }

    async fn open_or_idle(self: &Arc<Self>) -> Result<Arc<Channel>> {
        let asked = Instant::now();
        if let Some(channel) = self.idlest(&[]) {
            self.consider_growth(&channel);
            return Ok(channel);
        }
        let _only_one = self.connecting.lock().await;
        if let Some(channel) = self.idlest(&[]) {
            return Ok(channel);
        }
        if let Some(error) = self.lock().failed_ahead.take() {
            return Err(error);
        }
        // Somebody who waited like us has just failed: fail with them, not after another wait.
        if let Some((at, error)) = &self.lock().failed
            && *at > asked
        {
            return Err(error.clone());
        }
        let connected = self.connect_first().await;
        if let Err(error) = &connected {
            self.lock().failed = Some((Instant::now(), error.clone()));
        }
        connected
    }

    /// Connects if nothing is open; keeps the error for the first who asks.
    pub(crate) async fn connect_ahead(self: &Arc<Self>) {
        let _only_one = self.connecting.lock().await;
        if self.idlest(&[]).is_some() {
            return;
        }
        if let Err(error) = self.connect_first().await {
            self.lock().failed_ahead = Some(error);
        }
    }

    /// The least busy channel that is none of `but`.
    pub(crate) fn idlest(&self, but: &[&Arc<Channel>]) -> Option<Arc<Channel>> {
        let mut state = self.lock();
        state
            .connections
            .retain(|connection| !connection.dead.load(Ordering::Acquire));
        state
            .connections
            .iter()
            .flat_map(|connection| connection.channels().clone())
            .filter(|channel| !but.iter().any(|other| Arc::ptr_eq(other, channel)))
            .min_by_key(|channel| channel.load() + channel.pending() * 4096)
    }

    /// The least busy channel on none of these connections.
    pub(crate) fn idlest_elsewhere(&self, but: &[u64]) -> Option<Arc<Channel>> {
        let state = self.lock();
        state
            .connections
            .iter()
            .filter(|connection| {
                !but.contains(&connection.id) && !connection.dead.load(Ordering::Acquire)
            })
            .flat_map(|connection| connection.channels().clone())
            .min_by_key(|channel| channel.load())
    }

    async fn connect_first(self: &Arc<Self>) -> Result<Arc<Channel>> {
        if let Some(channel) = self.borrow_channel().await {
            return Ok(channel);
        }
        let mut retry = self.retry();
        let mut ended = 0;
        loop {
            let error = match self.open_connection().await {
                Ok(connection) => match self.open_channel(&connection).await {
                    Ok(channel) => return Ok(channel),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            // Whether there is no SFTP or the server was too busy to begin it in time shows when it is tried again.
            ended += u32::from(error.reason == PROCESS_ENDED);
            let passing = matches!(error.kind, ErrorKind::Connect | ErrorKind::Busy);
            if !passing && (error.reason != PROCESS_ENDED || ended >= ENDED) {
                return Err(error);
            }
            match retry.next_wait() {
                Some(wait) => {
                    log::debug!("{error}; trying again");
                    tokio::time::sleep(wait.max(Duration::from_millis(50))).await;
                }
                None => return Err(error),
            }
        }
    }

    /// Asks one thing that may be asked again after a lost connection.
    pub(crate) async fn repeatable(
        self: &Arc<Self>,
        operation: Operation,
        object: &str,
        ask: impl Fn(&Channel) -> Reply,
    ) -> Result<(Response, bool)> {
        let mut retry = self.retry();
        let mut repeated = false;
        loop {
            let channel = self.channel().await?;
            match ask(&channel).wait().await {
                Ok(response) => return Ok((response, repeated)),
                Err(lost) => {
                    retry.lost(&lost, operation, object).await?;
                    repeated = true;
                }
            }
        }
    }

    /// Says good-bye to the server; failures do not matter any more.
    pub(crate) async fn close(&self) {
        let connections = std::mem::take(&mut self.lock().connections);
        for connection in connections {
            let channels = std::mem::take(&mut *connection.channels());
            let Some(handle) = &connection.handle else {
                // Its tasks wait for a server that goes on: the master learns by this that it has its channel back.
                for channel in channels {
                    channel.kill("it is given back", false);
                }
                continue;
            };
            let bye = handle.disconnect(russh::Disconnect::ByApplication, "", "");
            let _ = tokio::time::timeout(Duration::from_millis(500), bye).await;
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Pool({}@{})",
            self.settings.user,
            self.settings.address()
        )
    }
}

/// A lost request as an error of the pool's server.
pub(crate) fn unexpected(operation: Operation, object: &str, response: &Response) -> Error {
    let what = match response {
        Response::Status(status) => return status.clone().into_error(operation, object),
        Response::Ok => "ok",
        Response::Handle(_) => "a handle",
        Response::Data(_) => "data",
        Response::Names(_) => "names",
        Response::Attributes(_) => "attributes",
        Response::Extended(_) => "an extended reply",
    };
    Error::new(
        ErrorKind::Broken,
        operation,
        object,
        format!("the server answered with {what}"),
    )
}
