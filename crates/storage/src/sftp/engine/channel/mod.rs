//! One SFTP channel: requests out in order, answers back to whoever asked.
//!
//! One task writes (two writers would interleave pieces and corrupt the stream), one reads and never stops (a full
//! buffer would stall the whole connection). Requests that belong together enter the queue in one step. A channel
//! that makes no progress for `io-timeout` while something is asked is given up.

mod batch;
mod carrier;
mod reply;
mod state;
mod wire;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
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
use carrier::{In, Out};
use state::State;

pub(crate) use batch::Batch;
pub(crate) use reply::{Answer, Lost, PROCESS_ENDED, Reply};
pub(crate) use state::Channel;

/// Bytes under way on a channel that is no help to a file of another one.
const MUCH: usize = 1 << 20;

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
            bound: AtomicUsize::new(0),
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

    fn post(&self, frames: Vec<Bytes>) {
        if let Some(outgoing) = &self.lock().outgoing {
            // The writer ends only together with the channel.
            let _ = outgoing.send(frames);
        }
    }
}
