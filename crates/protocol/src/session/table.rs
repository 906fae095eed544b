//! The table of sessions, and the order in which their frames are written: first what belongs to the connection, then one
//! frame of each session in turn.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar};

use super::entry::{Entry, Incoming, Outgoing, Queued};
use crate::frame::{self, Kind, Lane};
use crate::limits::Limits;

/// Bytes that are handed to the writer at a time.
const BATCH: usize = 128 * 1024;

/// The client opens sessions, the server serves them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Frames on their way to the stream. To be handed back with [`Table::written`].
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) frames: Vec<Vec<u8>>,
    /// Whose frames, and how many bytes.
    of: Vec<(u32, usize)>,
    /// The last frame of the connection is in it.
    pub(crate) bye: bool,
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(super) side: Side,
    /// What this side takes, and what the other does.
    pub(super) own: Limits,
    pub(super) peer: Limits,
    pub(super) sessions: HashMap<u32, Entry>,
    pub(super) last: u32,
    /// The server has welcomed the client (on both sides).
    pub(super) welcomed: bool,
    /// The other side has said goodbye.
    pub(super) peer_leaves: bool,
    /// This side says goodbye once no session is left.
    leaving: bool,
    left: bool,
    /// Left for this side of the shared window of the other.
    pub(super) shared_left: u64,
    /// Used by the other side of the shared window of this one.
    pub(super) shared_used: u64,
    /// Read of the shared window by sessions that are gone, and not given back yet.
    owed_shared: u64,
    control: VecDeque<Vec<u8>>,
    alive_due: bool,
    /// Sessions with frames to write, and those with credit to give back.
    ring: VecDeque<u32>,
    credits: VecDeque<u32>,
    /// Sessions that the client opened and nobody serves yet.
    pub(super) opened: VecDeque<(u32, Lane)>,
}

impl Table {
    pub(crate) fn new(side: Side, own: Limits) -> Self {
        Self {
            side,
            own,
            peer: own,
            sessions: HashMap::new(),
            last: 0,
            welcomed: false,
            peer_leaves: false,
            leaving: false,
            left: false,
            shared_left: 0,
            shared_used: 0,
            owed_shared: 0,
            control: VecDeque::new(),
            alive_due: false,
            ring: VecDeque::new(),
            credits: VecDeque::new(),
            opened: VecDeque::new(),
        }
    }

    /// The other side's limits are known.
    pub(crate) fn greeted(&mut self, peer: Limits) {
        self.peer = peer;
        self.shared_left = peer.shared.into();
    }

    /// The server takes the client in.
    pub(crate) fn welcome(&mut self, answer: &[u8]) {
        self.welcomed = true;
        self.control
            .push_back(frame::encode(Kind::Welcome, false, 0, answer));
    }

    pub(crate) fn say_alive(&mut self) {
        self.alive_due = true;
    }

    /// Says goodbye once no session is left.
    pub(crate) fn leave(&mut self) {
        self.leaving = true;
    }

    /// Whether there is something to write.
    pub(crate) fn has_output(&self) -> bool {
        !self.control.is_empty()
            || self.alive_due
            || !self.ring.is_empty()
            || !self.credits.is_empty()
            || self.owed_shared > 0
            || (self.leaving && !self.left && self.sessions.is_empty())
    }

    /// Whether this side's goodbye is on its way.
    pub(crate) fn is_left(&self) -> bool {
        self.left
    }

    /// Whether both sides have said goodbye.
    pub(crate) fn is_left_by_both(&self) -> bool {
        self.left && self.peer_leaves
    }

    /// Opens a session, unless as many are open as the other side takes.
    pub(crate) fn open(&mut self, lane: Lane) -> Option<u32> {
        if self.sessions.len() >= self.peer.sessions as usize {
            return None;
        }
        // Never used twice: what is still under way for an old session must not meet a new one.
        self.last = self.last.checked_add(1)?;
        let id = self.last;
        self.sessions
            .insert(id, Entry::new(self.peer.window.into()));
        // Not with the frames of the session: sessions are opened in the order of their numbers.
        self.control
            .push_back(frame::encode(Kind::Open, false, id, &[lane.number()]));
        Some(id)
    }

    /// Whether every number for a session was used.
    pub(crate) fn is_used_up(&self) -> bool {
        self.last == u32::MAX
    }

    /// The next session to serve.
    pub(crate) fn next_opened(&mut self) -> Option<(u32, Lane)> {
        self.opened.pop_front()
    }

    /// Longest message that the other side takes.
    pub(crate) fn longest_message(&self) -> u32 {
        self.peer.message
    }

    pub(crate) fn signal(&self, id: u32) -> Option<Arc<Condvar>> {
        Some(Arc::clone(&self.sessions.get(&id)?.signal))
    }

    /// Wakes everybody who has a session.
    pub(crate) fn wake_all(&self) {
        for entry in self.sessions.values() {
            entry.signal.notify_all();
        }
    }

    pub(super) fn queue(&mut self, id: u32, frame: Queued) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        entry.queued += frame.bytes.len();
        entry.queue.push_back(frame);
        if !entry.in_ring {
            entry.in_ring = true;
            self.ring.push_back(id);
        }
    }

    pub(super) fn queue_credit(&mut self, id: u32) {
        if let Some(entry) = self.sessions.get_mut(&id)
            && !entry.credit_queued
        {
            entry.credit_queued = true;
            self.credits.push_back(id);
        }
    }

    /// What is to be written next. Nothing: there is nothing to say.
    pub(crate) fn next_batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        batch.frames.extend(self.control.drain(..));
        if std::mem::take(&mut self.alive_due) {
            batch.frames.push(frame::encode(Kind::Alive, false, 0, &[]));
        }
        self.batch_credits(&mut batch);
        let mut length = 0;
        while length < BATCH {
            let Some(id) = self.ring.pop_front() else {
                break;
            };
            let Some(entry) = self.sessions.get_mut(&id) else {
                continue;
            };
            if let Some(frame) = entry.queue.pop_front() {
                length += frame.bytes.len();
                batch.of.push((id, frame.bytes.len()));
                batch.frames.push(frame.bytes);
                if frame.last {
                    // Not only when it is written: the other side may then know of it before this one.
                    entry.outgoing = Outgoing::Ended;
                }
            }
            entry.in_ring = !entry.queue.is_empty();
            if entry.in_ring {
                self.ring.push_back(id);
            }
            self.remove_if_over(id);
        }
        if self.leaving && !self.left && self.sessions.is_empty() && self.ring.is_empty() {
            self.left = true;
            batch.bye = true;
            batch.frames.push(frame::encode(Kind::Bye, false, 0, &[]));
        }
        batch
    }

    fn batch_credits(&mut self, batch: &mut Batch) {
        while let Some(id) = self.credits.pop_front() {
            let Some(entry) = self.sessions.get_mut(&id) else {
                continue;
            };
            entry.credit_queued = false;
            let own = std::mem::take(&mut entry.owed_own);
            let shared = std::mem::take(&mut entry.owed_shared);
            entry.own_used -= own;
            self.shared_used -= shared;
            let credit = frame::credit(own, shared);
            batch
                .frames
                .push(frame::encode(Kind::Credit, false, id, &credit));
        }
        let shared = std::mem::take(&mut self.owed_shared);
        if shared > 0 {
            self.shared_used -= shared;
            let credit = frame::credit(0, shared);
            batch
                .frames
                .push(frame::encode(Kind::Credit, false, 0, &credit));
        }
    }

    /// The frames of a batch are in the stream.
    pub(crate) fn written(&mut self, batch: &Batch) {
        for (id, length) in &batch.of {
            if let Some(entry) = self.sessions.get_mut(id) {
                entry.queued -= length;
                entry.signal.notify_all();
            }
        }
    }

    /// Takes a session out once it is over. What it owes is given back by the connection.
    pub(super) fn remove_if_over(&mut self, id: u32) {
        if self.sessions.get(&id).is_some_and(Entry::is_over)
            && let Some(entry) = self.sessions.remove(&id)
        {
            self.owed_shared += entry.owed_shared;
        }
    }

    /// Bytes that are held for the other side: what it sent and nobody read.
    pub(crate) fn held(&self) -> u64 {
        let sessions = self.sessions.values();
        sessions
            .flat_map(|entry| entry.inbox.iter().map(super::entry::Piece::cost))
            .sum()
    }

    /// Bytes that wait to be written, and sessions that are kept.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let sessions = self.sessions.values().map(|entry| entry.queued);
        let control: usize = self.control.iter().map(Vec::len).sum();
        (sessions.sum::<usize>() + control, self.sessions.len())
    }

    /// Whether the other side can still send in this session.
    pub(super) fn is_incoming_open(&self, id: u32) -> bool {
        let entry = self.sessions.get(&id);
        entry.is_some_and(|entry| matches!(entry.incoming, Incoming::Open))
    }
}
