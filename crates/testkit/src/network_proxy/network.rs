//! What a network does to the connections that a proxy carries.

use std::time::Duration;

/// What happens to the connections.
#[derive(Debug, Clone, Copy, Default)]
pub struct Network {
    pub(super) delay: Duration,
    pub(super) cut_at_piece: Option<u64>,
    pub(super) cut_at_byte: Option<u64>,
    pub(super) stall_at_piece: Option<u64>,
    pub(super) mute_client_at_byte: Option<u64>,
    pub(super) every_connection: bool,
    pub(super) for_good: bool,
    pub(super) resets: u64,
    pub(super) reset_at_piece: u64,
}

impl Network {
    /// A network that does nothing to what it carries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Time from one end to the other; the round trip is twice that.
    pub fn delay(mut self, one_way: Duration) -> Self {
        self.delay = one_way;
        self
    }

    /// Closes the connection in place of passing on the n-th piece (counted from 1, both directions and all connections
    /// together).
    pub fn cut_at_piece(mut self, n: u64) -> Self {
        self.cut_at_piece = Some(n);
        self
    }

    /// Closes the connection when n bytes have passed, both directions and all connections together.
    pub fn cut_at_byte(mut self, n: u64) -> Self {
        self.cut_at_byte = Some(n);
        self
    }

    /// From the n-th piece on nothing passes any more, but the connection stays open.
    pub fn stall_at_piece(mut self, n: u64) -> Self {
        self.stall_at_piece = Some(n);
        self
    }

    /// From the piece on that has the n-th byte of both directions, nothing more reaches the server on that connection, as
    /// from a client that has nothing to say. What the server sends still passes, its end of the connection too.
    pub fn mute_client_at_byte(mut self, n: u64) -> Self {
        self.mute_client_at_byte = Some(n);
        self
    }

    /// Cuts, stalls and mutes hit every connection, each counted on its own; otherwise only the one that reaches the count.
    pub fn every_connection(mut self) -> Self {
        self.every_connection = true;
        self
    }

    /// Once it has struck, nothing passes any more, on new connections neither.
    pub fn for_good(mut self) -> Self {
        self.for_good = true;
        self
    }

    /// Resets each of the first connections in place of passing on its n-th piece (counted from 1, both directions), as an sshd
    /// that has too many of them does.
    pub fn reset_first(mut self, connections: u64, n: u64) -> Self {
        (self.resets, self.reset_at_piece) = (connections, n);
        self
    }
}
