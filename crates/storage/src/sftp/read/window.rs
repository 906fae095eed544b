//! Which requests of a file are under way, and on which connections.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::download::{Download, Slot, Stream, TAG_LANE};
use crate::sftp::engine::channel::{Answer, Channel};
use crate::sftp::engine::pool::reads_room;
use crate::sftp::protocol::message::{Request, open};

/// Requests under way and pieces waiting for one stream.
const UNDER_WAY: usize = 16;
const MOST_STREAMS: usize = 4;
/// Requests of a file that nobody reads from at present, once half of the memory for all files is in use: those that are
/// read from need the rest.
const IDLE_WINDOW: usize = 4;

impl Download {
    /// Sends as many requests as are allowed. `Some`: one could be sent but for other files' requests; the room it needs.
    pub(super) fn fill(
        &mut self,
        streams: &mut [Stream],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
        idle: bool,
    ) -> Option<u32> {
        loop {
            if self.unsent().is_none() && !self.extend(streams, idle) {
                return None;
            }
            let slot = &self.window[self.unsent()?];
            let room = reads_room(slot.length - slot.received);
            let free = |stream: &Stream| stream.under_way < UNDER_WAY;
            let index = (0..streams.len())
                .filter(|&i| free(&streams[i]))
                .min_by_key(|&i| streams[i].under_way)?;
            let reads = Arc::clone(&streams[index].channel.reads);
            let Ok(permit) = reads.try_acquire_many_owned(room) else {
                return Some(room);
            };
            self.send_on(index, streams, sender, Some(permit));
        }
    }

    /// The first request that is planned and not sent.
    fn unsent(&self) -> Option<usize> {
        self.window
            .iter()
            .position(|slot| !slot.done && slot.stream.is_none())
    }

    /// Plans one more request, if the window and the budget have room.
    fn extend(&mut self, streams: &[Stream], idle: bool) -> bool {
        let most = match idle && self.pool.read_budget.half_used() {
            true => IDLE_WINDOW,
            false => UNDER_WAY * streams.len(),
        };
        if self.window.len() >= most {
            return false;
        }
        let Some(range) = self.plan.front_mut() else {
            return false;
        };
        let size = streams[0].channel.server().read_size;
        let length = range
            .length
            .map_or(size, |left| usize::try_from(left).unwrap_or(size).min(size));
        // One request is always allowed, or a file could starve behind others that nobody reads.
        let permit = self.pool.read_budget.try_acquire(length);
        if permit.is_none() && !self.window.is_empty() {
            return false;
        }
        self.window.push_back(Slot {
            offset: range.offset,
            length,
            got: Vec::new(),
            received: 0,
            stream: None,
            done: false,
            permit,
            under_way: None,
        });
        range.offset += length as u64;
        if let Some(left) = &mut range.length {
            *left -= length as u64;
        }
        if range.length == Some(0) {
            self.plan.pop_front();
        }
        true
    }

    pub(super) fn send_one(
        &mut self,
        streams: &mut [Stream],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        if self.unsent().is_some() || self.extend(streams, false) {
            self.send_on(0, streams, sender, permit);
        }
    }

    fn send_on(
        &mut self,
        stream: usize,
        streams: &mut [Stream],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let Some(index) = self.unsent() else {
            return;
        };
        let slot = &mut self.window[index];
        slot.stream = Some(stream);
        slot.under_way = permit;
        streams[stream].under_way += 1;
        let request = Request::Read {
            handle: &streams[stream].handle,
            offset: slot.offset + slot.received as u64,
            length: u32::try_from(slot.length - slot.received)
                .expect("a request is at most 255 KiB"),
        };
        let mut batch = streams[stream].channel.batch();
        batch.ask_tagged(&request, sender, self.first + index as u64);
        batch.send();
    }

    pub(super) fn open_stream(
        &self,
        streams: &[Stream],
        sender: &mpsc::UnboundedSender<(u64, Answer)>,
    ) -> Option<Arc<Channel>> {
        self.pool.consider_growth(&streams[0].channel);
        if streams.len() >= MOST_STREAMS {
            return None;
        }
        let channel = self.pool.idlest_elsewhere(
            &streams
                .iter()
                .map(|stream| stream.channel.connection)
                .collect::<Vec<_>>(),
        )?;
        channel
            .open_beside(&self.place.bytes, open::READ, sender, TAG_LANE)
            .then_some(channel)
    }
}
