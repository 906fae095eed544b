//! One SFTP channel: requests out in order, answers back to whoever asked.
//!
//! One task writes (two writers would interleave pieces and corrupt the stream), one reads and never stops (a full
//! buffer would stall the whole connection). Requests that belong together enter the queue in one step. A channel
//! that makes no progress for `io-timeout` while something is asked is given up.

mod batch;
mod carrier;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use russh::client::Msg;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::counters::Counters;
use crate::sftp::protocol::attributes::Attributes;
use crate::sftp::protocol::extension::Server;
use crate::sftp::protocol::message::{self, Request, Response};
use crate::sftp::protocol::packet::PacketReader;
pub(crate) use batch::Batch;
use carrier::{In, Out};

/// Bytes under way on a channel that is no help to a file of another one.
const MUCH: usize = 1 << 20;

/// The connection ended before the answer came; whether the request was carried out is unknown.
#[derive(Debug, Clone)]
pub(crate) struct Lost(pub(crate) Arc<str>);

/// Why a channel is lost whose process at the server has ended.
pub(crate) const PROCESS_ENDED: &str = "the SFTP server process ended";

pub(crate) type Answer = Result<Response, Lost>;

enum Sink {
    One(oneshot::Sender<Answer>),
    Tagged(mpsc::UnboundedSender<(u64, Answer)>, u64),
    Nobody,
}

impl Sink {
    fn answer(self, answer: Answer) {
        // Whoever asked may have lost interest.
        match self {
            Self::One(sender) => drop(sender.send(answer)),
            Self::Tagged(sender, tag) => drop(sender.send((tag, answer))),
            Self::Nobody => {}
        }
    }
}

/// The answer to come.
#[derive(Debug)]
pub(crate) struct Reply(oneshot::Receiver<Answer>);

impl Reply {
    pub(crate) async fn wait(self) -> Answer {
        self.0
            .await
            .unwrap_or_else(|_| Err(Lost("the connection was closed".into())))
    }
}

/// A request that has no answer yet.
struct Asked {
    sink: Sink,
    /// Bytes of request and answer.
    size: usize,
    /// Whoever asked goes on only with the answer. Not so for data and for what nobody waits for.
    waits: bool,
    asked: Instant,
}

struct State {
    pending: HashMap<u32, Asked>,
    /// How many of them are waited for.
    waiting: usize,
    dead: Option<Lost>,
    progress: Instant,
    outgoing: Option<mpsc::UnboundedSender<Vec<Bytes>>>,
    version: Option<oneshot::Sender<Server>>,
    /// The writing task: a write to a dead line would hold its bytes until the kernel gives up.
    writer: Option<tokio::task::AbortHandle>,
}

/// One SFTP channel.
pub(crate) struct Channel {
    state: Mutex<State>,
    next_id: AtomicU32,
    /// Bytes asked for or sent and not yet answered.
    load: AtomicUsize,
    server: OnceLock<Server>,
    counters: Arc<Counters>,
    /// Which connection it is on (unique in the process).
    pub(crate) connection: u64,
    /// At most so many reads under way on the whole connection: what is asked beyond the server's TCP buffer only
    /// piles up inside sshd.
    pub(crate) reads: Arc<tokio::sync::Semaphore>,
    /// The server is known to take the WRITEs of one file in any order.
    pub(crate) any_order: bool,
    on_death: Box<dyn Fn(bool) + Send + Sync>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel(of connection {})", self.connection)
    }
}

/// What a new channel needs besides its SSH channel.
pub(crate) struct ChannelParts {
    pub(crate) counters: Arc<Counters>,
    pub(crate) connection: u64,
    pub(crate) reads: Arc<tokio::sync::Semaphore>,
    pub(crate) io_timeout: Duration,
    /// OpenSSH takes requests behind INIT at once, which saves a round trip.
    pub(crate) eager: bool,
    /// Called once when the channel dies; `true`: the whole connection is suspect.
    pub(crate) on_death: Box<dyn Fn(bool) + Send + Sync>,
}

impl Channel {
    /// Starts SFTP on an open SSH channel.
    pub(crate) async fn start(
        ssh: russh::Channel<Msg>,
        parts: ChannelParts,
    ) -> Result<Arc<Self>, Lost> {
        let lost = |error: russh::Error| Lost(error.to_string().into());
        let (read, write) = ssh.split();
        write.request_subsystem(true, "sftp").await.map_err(lost)?;
        let (eager, io_timeout) = (parts.eager, parts.io_timeout);
        let (version_sender, version) = oneshot::channel();
        let (out, from) = (Out::Ssh(write), In::Ssh(read));
        let channel = Self::run(out, from, parts, Some(version_sender));
        channel.post(vec![message::init()]);
        let early = eager.then(|| channel.ask(&Request::Limits));
        let server = tokio::time::timeout(io_timeout, version).await;
        let mut server = match server {
            Ok(Ok(server)) => server,
            Ok(Err(_)) => {
                return Err(channel
                    .death()
                    .unwrap_or_else(|| Lost("the SFTP subsystem did not start".into())));
            }
            Err(_) => return Err(channel.kill("the file transfer subsystem does not answer", true)),
        };
        if server.version < 3 {
            return Err(channel.kill("the server speaks an SFTP version below 3", true));
        }
        let limits = match early {
            Some(reply) => Some(reply),
            None => server.limits.then(|| channel.ask(&Request::Limits)),
        };
        if let Some(reply) = limits
            && let Response::Extended(data) = reply.wait().await?
        {
            let _ = server.apply_limits(&mut PacketReader(data));
        }
        channel.opened(server);
        Ok(channel)
    }

    /// Goes on with a channel on which another process has started SFTP.
    pub(crate) fn lent(stream: UnixStream, server: Server, parts: ChannelParts) -> Arc<Self> {
        let (read, write) = stream.into_split();
        let channel = Self::run(
            Out::Lent(write),
            In::Lent(read, BytesMut::new()),
            parts,
            None,
        );
        channel.opened(server);
        channel
    }

    /// A channel with its tasks.
    fn run(
        out: Out,
        from: In,
        parts: ChannelParts,
        version: Option<oneshot::Sender<Server>>,
    ) -> Arc<Self> {
        let (outgoing, queue) = mpsc::unbounded_channel();
        let channel = Arc::new(Self {
            state: Mutex::new(State {
                pending: HashMap::new(),
                waiting: 0,
                dead: None,
                progress: Instant::now(),
                outgoing: Some(outgoing),
                version,
                writer: None,
            }),
            next_id: AtomicU32::new(1),
            load: AtomicUsize::new(0),
            server: OnceLock::new(),
            counters: parts.counters,
            connection: parts.connection,
            reads: parts.reads,
            any_order: parts.eager,
            on_death: parts.on_death,
        });
        let writer = tokio::spawn(Arc::clone(&channel).write(out, queue));
        channel.lock().writer = Some(writer.abort_handle());
        tokio::spawn(Arc::clone(&channel).read(from));
        tokio::spawn(wire::watch(Arc::downgrade(&channel), parts.io_timeout));
        channel
    }

    fn opened(&self, server: Server) {
        log::debug!("SFTP channel open: {server:?}");
        let _ = self.server.set(server);
        self.counters.channels.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn server(&self) -> &Server {
        self.server
            .get()
            .expect("a channel is handed out only after the server's VERSION was read")
    }

    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(crate) fn pending(&self) -> usize {
        self.lock().pending.len()
    }

    pub(crate) fn death(&self) -> Option<Lost> {
        self.lock().dead.clone()
    }

    /// Begins requests that enter the queue in one step, in order.
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch {
            channel: self,
            frames: Vec::new(),
            asked: Vec::new(),
        }
    }

    pub(crate) fn ask(&self, request: &Request<'_>) -> Reply {
        let mut batch = self.batch();
        let reply = batch.ask(request);
        batch.send();
        reply
    }

    /// Opens a file on this channel as well, if there is little to do; `false` if there is much.
    pub(crate) fn open_beside(
        &self,
        path: &[u8],
        flags: u32,
        to: &mpsc::UnboundedSender<(u64, Answer)>,
        tag: u64,
    ) -> bool {
        if self.load() > MUCH {
            return false;
        }
        let mut batch = self.batch();
        let attributes = Attributes::default();
        let request = Request::Open {
            path,
            flags,
            attributes,
        };
        batch.ask_tagged(&request, to, tag);
        batch.send();
        true
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, frames: Vec<Bytes>) {
        if let Some(outgoing) = &self.lock().outgoing {
            // The writer ends only together with the channel.
            let _ = outgoing.send(frames);
        }
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
