//! Reading what came for a session, and giving back the room it took.

use super::entry::{Incoming, Outgoing, Queued};
use super::table::{Side, Table};
use crate::frame::{self, Kind};
use crate::raised::Raised;

/// What the reader of a session asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Message,
    Data,
}

/// What there is.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Bytes, or a piece of a message that goes on.
    Piece(Vec<u8>),
    /// A message, or the last piece of one.
    Last(Vec<u8>),
    /// There is something else than what was asked for.
    Other,
    Ended,
    Aborted(Raised),
    NothingYet,
}

impl Table {
    /// Takes the next piece of a session if it is what is wanted.
    pub(crate) fn take(&mut self, id: u32, want: Want) -> Taken {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return Taken::Ended;
        };
        let Some(piece) = entry.inbox.front() else {
            return match &entry.incoming {
                Incoming::Open => Taken::NothingYet,
                Incoming::Ended => Taken::Ended,
                Incoming::Aborted(raised) => Taken::Aborted(raised.clone()),
            };
        };
        if (piece.kind == Kind::Data) != (want == Want::Data) {
            return Taken::Other;
        }
        let (kind, shared, room) = (piece.kind, piece.shared, piece.cost());
        let bytes = entry.inbox.pop_front().map(|piece| piece.bytes);
        self.was_read(id, shared, room);
        let bytes = bytes.unwrap_or_default();
        match kind {
            Kind::Message => Taken::Last(bytes),
            _ => Taken::Piece(bytes),
        }
    }

    /// Whether the other side has given the session up.
    pub(crate) fn is_aborted(&self, id: u32) -> Option<&Raised> {
        match &self.sessions.get(&id)?.incoming {
            Incoming::Aborted(raised) => Some(raised),
            _ => None,
        }
    }

    /// Room is free again. It is given back in large pieces; at once if the other side may wait for it.
    pub(super) fn was_read(&mut self, id: u32, shared: bool, room: u64) {
        let open = self.is_incoming_open(id);
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        if shared {
            entry.owed_shared += room;
        } else {
            entry.owed_own += room;
        }
        let due = if open {
            entry.owed_own + entry.owed_shared >= u64::from(self.own.window) / 2
        } else {
            // The sender has no use for the session's own window any more, but others have for the shared one.
            entry.owed_shared > 0 && entry.inbox.is_empty()
        };
        if due {
            self.queue_credit(id);
        }
    }

    /// This side sends nothing more in the session.
    pub(crate) fn end(&mut self, id: u32) {
        if let Some(entry) = self.sessions.get_mut(&id)
            && entry.outgoing == Outgoing::Open
        {
            entry.outgoing = Outgoing::Ending;
            let bytes = frame::encode(Kind::End, false, id, &[]);
            self.queue(
                id,
                Queued {
                    bytes,
                    shared: 0,
                    last: true,
                },
            );
        }
    }

    /// This side gives the session up; what was not written yet is not sent.
    pub(crate) fn abort(&mut self, id: u32, raised: &Raised) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        if entry.abort_sent {
            return;
        }
        entry.abort_sent = true;
        entry.outgoing = Outgoing::Ending;
        for frame in entry.queue.drain(..) {
            entry.queued -= frame.bytes.len();
            // A side that lies may have given room back for what was never sent.
            entry.shared_used = entry.shared_used.saturating_sub(frame.shared);
            self.shared_left = (self.shared_left + frame.shared).min(self.peer.shared.into());
        }
        let bytes = frame::encode(Kind::Abort, false, id, &raised.encode());
        self.queue(
            id,
            Queued {
                bytes,
                shared: 0,
                last: true,
            },
        );
    }

    /// Nobody on this side has the session any more. One that is not over is given up for the reason `given_up`.
    pub(crate) fn release(&mut self, id: u32, given_up: &Raised) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        entry.attached = false;
        for piece in std::mem::take(&mut entry.inbox) {
            self.was_read(id, piece.shared, piece.cost());
        }
        let open = self.is_incoming_open(id);
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        let aborted = matches!(entry.incoming, Incoming::Aborted(_));
        match entry.outgoing {
            Outgoing::Open if aborted => self.end(id),
            Outgoing::Open => self.abort(id, given_up),
            // The request was sent and the answer is not wanted. A server that has answered lets the client finish.
            Outgoing::Ending | Outgoing::Ended if open && self.side == Side::Client => {
                self.abort(id, given_up);
            }
            Outgoing::Ending | Outgoing::Ended => {}
        }
        self.remove_if_over(id);
    }

    /// Answers an abort for a session that nobody has.
    pub(super) fn end_if_given_up(&mut self, id: u32) {
        if self.sessions.get(&id).is_some_and(|entry| !entry.attached) {
            self.end(id);
        }
    }
}
