//! Requests that belong together.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::reply::{Answer, Asked, Reply, Sink};
use super::state::Channel;
use crate::sftp::engine::chunk::Chunk;
use crate::sftp::protocol::message::Request;

/// Requests that enter the queue together.
pub(crate) struct Batch<'c> {
    pub(super) channel: &'c Channel,
    pub(super) frames: Vec<Bytes>,
    pub(super) asked: Vec<(u32, Asked)>,
}

impl Batch<'_> {
    fn id(&self) -> u32 {
        self.channel.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn add(&mut self, request: &Request<'_>, sink: Sink) {
        let id = self.id();
        log::trace!("SFTP {id}: {request}");
        let frame = request.encode(id);
        let answer = if let Request::Read { length, .. } = request {
            *length as usize
        } else {
            0
        };
        let asked = Asked {
            waits: !matches!(sink, Sink::Nobody),
            sink,
            size: frame.len() + answer,
            asked: Instant::now(),
        };
        self.asked.push((id, asked));
        self.frames.push(frame);
    }

    pub(crate) fn ask(&mut self, request: &Request<'_>) -> Reply {
        let (sender, receiver) = oneshot::channel();
        self.add(request, Sink::One(sender));
        Reply(receiver)
    }

    pub(crate) fn ask_tagged(
        &mut self,
        request: &Request<'_>,
        to: &mpsc::UnboundedSender<(u64, Answer)>,
        tag: u64,
    ) {
        self.add(request, Sink::Tagged(to.clone(), tag));
    }

    /// Asks without wanting to know (CLOSE of a file that was only read).
    pub(crate) fn tell(&mut self, request: &Request<'_>) {
        self.add(request, Sink::Nobody);
    }

    pub(crate) fn write(
        &mut self,
        chunk: &mut Chunk,
        handle: &[u8],
        to: &mpsc::UnboundedSender<(u64, Answer)>,
    ) {
        let id = self.id();
        let frame = chunk.frame(id, handle);
        log::trace!("SFTP {id}: write {} at {}", frame.len(), chunk.offset);
        let asked = Asked {
            sink: Sink::Tagged(to.clone(), chunk.offset),
            size: frame.len(),
            waits: false,
            asked: Instant::now(),
        };
        self.asked.push((id, asked));
        self.frames.push(frame);
    }

    pub(crate) fn send(self) {
        if self.asked.is_empty() {
            return;
        }
        let channel = self.channel;
        channel.counters.batches.fetch_add(1, Ordering::Relaxed);
        channel
            .counters
            .requests
            .fetch_add(self.asked.len(), Ordering::Relaxed);
        let mut state = channel.lock();
        if let Some(lost) = state.dead.clone() {
            drop(state);
            for (_, asked) in self.asked {
                asked.sink.answer(Err(lost.clone()));
            }
            return;
        }
        if state.pending.is_empty() {
            state.progress = Instant::now();
        }
        let waits = self.asked.iter().filter(|(_, asked)| asked.waits).count();
        if waits > 0 && state.waiting == 0 {
            channel.counters.rounds.fetch_add(1, Ordering::Relaxed);
        }
        state.waiting += waits;
        for (id, asked) in self.asked {
            channel.load.fetch_add(asked.size, Ordering::Relaxed);
            state.pending.insert(id, asked);
        }
        if let Some(outgoing) = &state.outgoing {
            let _ = outgoing.send(self.frames);
        }
    }
}
