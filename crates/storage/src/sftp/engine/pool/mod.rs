//! The connections of one storage, shared by all its workers.
//!
//! The first is made when something is asked, more as they are worth it ([`growth`]). A connection that dies is replaced
//! when something is asked again. Every one of them must show the first one's host key.

mod growth;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::budget::Budget;
use super::channel::{Channel, ChannelParts, Reply};
use super::counters::Counters;
use super::crowd::Crowd;
use super::retry::Retry;
use super::stop::Stop;
use crate::sftp::auth::Credentials;
use crate::sftp::identity::verify::Verifier;
use crate::sftp::path::{Made, Making};
use crate::sftp::protocol::message::Response;
use crate::sftp::settings::SftpSettings;
use crate::sftp::ssh::session::{self, Session};
use crate::{Error, ErrorKind, Operation, Result};

/// Reads under way on one connection, in units of 16 KiB (4 MiB): more only piles up in sshd.
pub(crate) const READS_PER_CONNECTION: usize = 256;

/// The part of those that a request for so many bytes takes; small files count for little, so many of them may be under way.
pub(crate) fn reads_room(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(16 << 10))
        .unwrap_or(u32::MAX)
        .clamp(1, 16)
}

static NEXT_CONNECTION: AtomicU64 = AtomicU64::new(1);

/// One SSH connection and its channels.
struct Connection {
    id: u64,
    session: Session,
    channels: Mutex<Vec<Arc<Channel>>>,
    reads: Arc<Semaphore>,
    dead: AtomicBool,
    opening: AtomicBool,
    /// The server refused a further channel.
    full: AtomicBool,
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
    pub(crate) making: Making,
    pub(crate) made: Made,
    /// Grows with what files achieve; a file that waits for its turn looks at it.
    progress: Arc<AtomicU64>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) read_budget: Arc<Budget>,
    /// Acknowledged bytes of small files, kept to write the file again after a lost connection. Nobody waits for it.
    pub(crate) keep_budget: Arc<Budget>,
    /// Files being written at once.
    pub(crate) files: Arc<Semaphore>,
    pub(crate) crowd: Crowd,
    pub(crate) counters: Arc<Counters>,
    /// Bytes that are known to come: files opened with their size.
    ahead: AtomicUsize,
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
            crowd: Crowd::default(),
            settings,
            verifier: OnceLock::new(),
            credentials: OnceLock::new(),
            state: Mutex::default(),
            connecting: tokio::sync::Mutex::new(()),
            making: Making::default(),
            made: Made::default(),
            progress: Arc::default(),
            counters: Arc::default(),
            ahead: AtomicUsize::new(0),
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
            .flat_map(|connection| {
                connection
                    .channels
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone()
            })
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
            .flat_map(|connection| {
                connection
                    .channels
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone()
            })
            .min_by_key(|channel| channel.load())
    }

    async fn connect_first(self: &Arc<Self>) -> Result<Arc<Channel>> {
        let mut retry = self.retry();
        loop {
            let error = match self.open_connection().await {
                Ok(connection) => match self.open_channel(&connection).await {
                    Ok(channel) => return Ok(channel),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if !matches!(error.kind, ErrorKind::Connect | ErrorKind::Busy) {
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

    async fn open_connection(self: &Arc<Self>) -> Result<Arc<Connection>> {
        let verifier = match self.verifier.get() {
            Some(verifier) => Arc::clone(verifier),
            None => {
                let new = Arc::new(Verifier::new(&self.settings)?);
                Arc::clone(self.verifier.get_or_init(|| new))
            }
        };
        if self.credentials.get().is_none() {
            // Decrypting a key takes a while by design: not on a thread that moves bytes.
            let settings = self.settings.clone();
            let loaded = tokio::task::spawn_blocking(move || Credentials::load(&settings))
                .await
                .map_err(|error| {
                    Error::new(
                        ErrorKind::Broken,
                        Operation::Connect,
                        self.settings.address(),
                        error.to_string(),
                    )
                })??;
            let _ = self.credentials.set(loaded);
        }
        let credentials = self.credentials.get().expect("set above");
        let session = session::open(&self.settings, &verifier, credentials).await?;
        self.counters.connections.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection {
            id: NEXT_CONNECTION.fetch_add(1, Ordering::Relaxed),
            session,
            channels: Mutex::default(),
            reads: Arc::new(Semaphore::new(READS_PER_CONNECTION)),
            dead: AtomicBool::new(false),
            opening: AtomicBool::new(false),
            full: AtomicBool::new(false),
        });
        let mut state = self.lock();
        let measured = connection.session.round_trip;
        state.round_trip = Some(state.round_trip.map_or(measured, |old| old.min(measured)));
        state.connections.push(Arc::clone(&connection));
        Ok(connection)
    }

    async fn open_channel(self: &Arc<Self>, connection: &Arc<Connection>) -> Result<Arc<Channel>> {
        let broken = |kind: ErrorKind, reason: String| {
            Error::new(kind, Operation::Connect, self.settings.address(), reason)
        };
        let open = connection.session.handle.channel_open_session();
        let ssh = match tokio::time::timeout(self.settings.io_timeout, open).await {
            Ok(Ok(ssh)) => ssh,
            Ok(Err(russh::Error::ChannelOpenFailure(why))) => {
                connection.full.store(true, Ordering::Release);
                return Err(broken(
                    ErrorKind::Busy,
                    format!("the server refuses to open a channel ({why:?})"),
                ));
            }
            Ok(Err(error)) => {
                connection.die();
                return Err(broken(
                    ErrorKind::Connect,
                    connection.why(&error.to_string()),
                ));
            }
            Err(_) => {
                connection.die();
                return Err(
                    broken(ErrorKind::Connect, "timeout opening a channel".into()).with_hint(
                        format!("see where it stops: {}", self.settings.by_hand("-v")),
                    ),
                );
            }
        };
        let known = Arc::clone(&connection.session.known);
        let eager = known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .server
            .contains("OpenSSH");
        let weak: Weak<Connection> = Arc::downgrade(connection);
        let parts = ChannelParts {
            counters: Arc::clone(&self.counters),
            connection: connection.id,
            reads: Arc::clone(&connection.reads),
            io_timeout: self.settings.io_timeout,
            eager,
            on_death: Box::new(move |all| {
                if let Some(connection) = weak.upgrade() {
                    if all {
                        connection.die();
                    } else {
                        connection.drop_dead_channels();
                    }
                }
            }),
        };
        match Channel::start(ssh, parts).await {
            Ok(channel) => {
                connection
                    .channels
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(Arc::clone(&channel));
                Ok(channel)
            }
            Err(lost) => {
                let subsystem = lost.0.contains("SFTP");
                if connection
                    .channels
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .is_empty()
                {
                    connection.die();
                }
                let error = broken(
                    if subsystem {
                        ErrorKind::Unsupported
                    } else {
                        ErrorKind::Connect
                    },
                    connection.why(&lost.0),
                );
                Err(if subsystem {
                    error
                        .with_hint(format!(
                            "try by hand: sftp -P {} {}@{}",
                            self.settings.port, self.settings.user, self.settings.host
                        ))
                        .with_hint("sshd_config needs a line 'Subsystem sftp internal-sftp'")
                } else {
                    error.with_hint(format!(
                        "see where it ends: {}",
                        self.settings.by_hand("-v")
                    ))
                })
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
            connection
                .channels
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
            let bye =
                connection
                    .session
                    .handle
                    .disconnect(russh::Disconnect::ByApplication, "", "");
            let _ = tokio::time::timeout(Duration::from_millis(500), bye).await;
        }
    }
}

impl Connection {
    fn die(&self) {
        if self.dead.swap(true, Ordering::AcqRel) {
            return;
        }
        let why = self.why("the connection was lost");
        let channels =
            std::mem::take(&mut *self.channels.lock().unwrap_or_else(PoisonError::into_inner));
        for channel in channels {
            channel.kill(&why, true);
        }
    }

    fn drop_dead_channels(&self) {
        self.channels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|channel| channel.death().is_none());
        if self
            .channels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
        {
            // The next request opens a new connection, which is known to work; this one may not.
            self.die();
        }
    }

    /// The reason the SSH library gave, if it gave one.
    fn why(&self, otherwise: &str) -> String {
        self.session
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ended
            .clone()
            .unwrap_or_else(|| otherwise.to_owned())
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
