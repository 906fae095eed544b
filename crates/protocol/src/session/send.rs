//! Sending in a session as far as the windows of the other side have room.

use super::entry::{Outgoing, Queued};
use super::table::Table;
use crate::frame::{self, Kind};
use crate::limits::{FRAME_COST, cost};

/// Bytes of a session that may wait for the writer. More would only be held in memory twice.
const QUEUE: usize = 128 * 1024;

/// How far it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// So many bytes are queued.
    Bytes(usize),
    /// There is no room now.
    Wait,
    /// The session takes nothing more from this side.
    Over,
}

impl Table {
    /// Queues as many bytes as fit into one frame and the windows, as bytes or as (a piece of) a message.
    pub(crate) fn send(&mut self, id: u32, message: bool, bytes: &[u8]) -> Sent {
        let longest = self.own.frame.min(self.peer.frame) as usize;
        let shared_left = self.shared_left;
        let Some(entry) = self.sessions.get_mut(&id) else {
            return Sent::Over;
        };
        if entry.outgoing != Outgoing::Open {
            return Sent::Over;
        }
        if entry.queued >= QUEUE {
            return Sent::Wait;
        }
        let wanted = bytes.len().min(longest);
        // A session may use as much of what is shared as it leaves for others.
        let of_shared = (shared_left.saturating_sub(entry.shared_used)) / 2;
        let shared = entry.credit < cost(wanted) && of_shared > entry.credit;
        let room = if shared { of_shared } else { entry.credit };
        let Some(room) = room.checked_sub(FRAME_COST) else {
            return Sent::Wait;
        };
        let length = wanted.min(usize::try_from(room).unwrap_or(usize::MAX));
        // Small pieces where large ones are wanted would only cost.
        if length < wanted && length < longest / 4 {
            return Sent::Wait;
        }
        let kind = match (message, length < bytes.len()) {
            (true, true) => Kind::Part,
            (true, false) => Kind::Message,
            (false, _) => Kind::Data,
        };
        let cost = cost(length);
        if shared {
            entry.shared_used += cost;
            self.shared_left -= cost;
        } else {
            entry.credit -= cost;
        }
        let bytes = frame::encode(kind, shared, id, &bytes[..length]);
        let shared = if shared { cost } else { 0 };
        self.queue(
            id,
            Queued {
                bytes,
                shared,
                last: false,
            },
        );
        Sent::Bytes(length)
    }
}
