//! One session: what came and was not read, what waits to be written, and the windows of both directions.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar};

use crate::frame::Kind;
use crate::limits::cost;
use crate::raised::Raised;

/// A frame that was received and not read yet.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
    pub(super) shared: bool,
}

impl Piece {
    pub(super) fn cost(&self) -> u64 {
        cost(self.bytes.len())
    }
}

/// What the other side does with its direction.
#[derive(Debug)]
pub(super) enum Incoming {
    Open,
    Ended,
    Aborted(Raised),
}

/// What this side does with its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outgoing {
    Open,
    /// The last frame is queued.
    Ending,
    /// The last frame is on its way.
    Ended,
}

/// A frame that waits to be written.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) bytes: Vec<u8>,
    /// What it took of the other side's shared window.
    pub(super) shared: u64,
    pub(super) last: bool,
}

#[derive(Debug)]
pub(super) struct Entry {
    /// Rung for whoever has the session: something came, something can be sent, it is over.
    pub(super) signal: Arc<Condvar>,
    /// Somebody on this side has it.
    pub(super) attached: bool,

    pub(super) incoming: Incoming,
    pub(super) inbox: VecDeque<Piece>,
    /// Length so far of a message that goes on.
    pub(super) partial: u64,
    /// Bytes of the own window that the other side cannot use: unread, or read and not given back yet.
    pub(super) own_used: u64,
    /// Read and not given back yet.
    pub(super) owed_own: u64,
    pub(super) owed_shared: u64,
    pub(super) credit_queued: bool,

    pub(super) outgoing: Outgoing,
    pub(super) abort_sent: bool,
    pub(super) queue: VecDeque<Queued>,
    pub(super) queued: usize,
    pub(super) in_ring: bool,
    /// What may be sent into the own window that the other side has for it.
    pub(super) credit: u64,
    /// What it has in the other side's shared window.
    pub(super) shared_used: u64,
}

impl Entry {
    pub(super) fn new(window: u64) -> Self {
        Self {
            signal: Arc::default(),
            attached: true,
            incoming: Incoming::Open,
            inbox: VecDeque::new(),
            partial: 0,
            own_used: 0,
            owed_own: 0,
            owed_shared: 0,
            credit_queued: false,
            outgoing: Outgoing::Open,
            abort_sent: false,
            queue: VecDeque::new(),
            queued: 0,
            in_ring: false,
            credit: window,
            shared_used: 0,
        }
    }

    /// Nothing more can come or go, and nobody has it.
    pub(super) fn is_over(&self) -> bool {
        !self.attached
            && self.outgoing == Outgoing::Ended
            && !matches!(self.incoming, Incoming::Open)
    }
}
