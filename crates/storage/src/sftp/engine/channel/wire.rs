//! The tasks of a channel: one writes, one reads, one watches that something moves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::carrier::{Heard, In, Out};
use super::reply::PROCESS_ENDED;
use super::state::Channel;
use crate::sftp::protocol::extension::Server;
use crate::sftp::protocol::message::{self, Response};
use crate::sftp::protocol::packet::{PacketReader, PacketStream};

/// Small requests are joined up to this size before they are sent.
const JOIN: usize = 32 * 1024;

impl Channel {
    pub(super) async fn write(
        self: Arc<Self>,
        mut write: Out,
        mut queue: mpsc::UnboundedReceiver<Vec<Bytes>>,
    ) {
        let mut joined = BytesMut::new();
        while let Some(frames) = queue.recv().await {
            let mut more = Some(frames);
            while let Some(frames) = more {
                for frame in frames {
                    if joined.len() + frame.len() <= JOIN {
                        joined.extend_from_slice(&frame);
                        continue;
                    }
                    // A large frame fills up the packet that the small ones before it began.
                    let split = if joined.is_empty() {
                        0
                    } else {
                        JOIN - joined.len()
                    };
                    joined.extend_from_slice(&frame[..split]);
                    if !self.send(&mut write, joined.split().freeze()).await
                        || !self.send(&mut write, frame.slice(split..)).await
                    {
                        return;
                    }
                }
                more = queue.try_recv().ok();
            }
            if !self.send(&mut write, joined.split().freeze()).await {
                return;
            }
        }
        write.close().await;
    }

    async fn send(&self, write: &mut Out, bytes: Bytes) -> bool {
        if bytes.is_empty() {
            return true;
        }
        if let Err(error) = write.data(bytes).await {
            self.kill(&format!("unable to send: {error}"), true);
            return false;
        }
        self.lock().progress = Instant::now();
        true
    }

    pub(super) async fn read(self: Arc<Self>, mut read: In) {
        let mut stream = PacketStream::default();
        loop {
            match read.next().await {
                Heard::Data(data) => {
                    stream.push(&data);
                    loop {
                        match stream.next() {
                            Ok(Some(packet)) => {
                                if !self.dispatch(packet) {
                                    self.kill("the server's answer is not SFTP", true);
                                    return;
                                }
                            }
                            Ok(None) => break,
                            Err(_) => {
                                self.kill(
                                    "the server's answer is not SFTP; does the account's shell or start file print something?",
                                    true,
                                );
                                return;
                            }
                        }
                    }
                }
                Heard::Refused => {
                    self.kill(
                        "the server has no SFTP subsystem, or the account may not use it",
                        false,
                    );
                    return;
                }
                Heard::Said(data) => {
                    log::debug!(
                        "SFTP server says: {}",
                        String::from_utf8_lossy(&data).trim()
                    );
                }
                Heard::Ended => {
                    self.kill(PROCESS_ENDED, false);
                    return;
                }
                Heard::Lost => {
                    self.kill("the connection was lost", true);
                    return;
                }
            }
        }
    }

    fn dispatch(&self, packet: Bytes) -> bool {
        if packet.first() == Some(&message::VERSION) {
            let mut reader = PacketReader(packet.slice(1..));
            let Ok(server) = Server::from_version(&mut reader) else {
                return false;
            };
            let Some(version) = self.lock().version.take() else {
                return false;
            };
            return version.send(server).is_ok();
        }
        let Ok((id, response)) = Response::decode(packet) else {
            return false;
        };
        let found = {
            let mut state = self.lock();
            state.progress = Instant::now();
            let found = state.pending.remove(&id);
            state.waiting -= usize::from(found.as_ref().is_some_and(|asked| asked.waits));
            found
        };
        if let Some(asked) = &found
            && asked.waits
            && self.server.get().is_some()
        {
            self.counters.note_answer(asked.asked.elapsed());
        }
        // An answer nobody asked for: the stream cannot be trusted any more.
        let Some(asked) = found else {
            return false;
        };
        log::trace!("SFTP {id}: answered");
        self.load.fetch_sub(asked.size, Ordering::Relaxed);
        asked.sink.answer(Ok(response));
        true
    }
}

/// Ends a channel on which something is asked and nothing moves. The SSH connection may be alive all the time.
pub(super) async fn watch(channel: std::sync::Weak<Channel>, limit: Duration) {
    let step = (limit / 4).min(Duration::from_secs(1));
    loop {
        tokio::time::sleep(step).await;
        let Some(channel) = channel.upgrade() else {
            return;
        };
        let stuck = {
            let state = channel.lock();
            if state.dead.is_some() {
                return;
            }
            !state.pending.is_empty() && state.progress.elapsed() > limit
        };
        if stuck {
            channel.kill(&format!("no answer for {} s", limit.as_secs_f32()), true);
            return;
        }
    }
}
