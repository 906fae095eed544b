//! What all connections of a proxy have in common: counters, and the sockets to close at its end.

use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) closed: AtomicBool,
    pub(super) connections: AtomicU64,
    pub(super) pieces: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) strikes: AtomicU64,
    pub(super) round_trips: AtomicU64,
    /// What the client knows is behind the answers of all its connections.
    pub(super) round_trips_of_all: AtomicU64,
    pub(super) open: Mutex<Vec<TcpStream>>,
    /// Of all connections.
    pub(super) counts: Counts,
}

/// What reached the proxy, both directions, struck pieces included.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) pieces: AtomicU64,
    pub(super) bytes: AtomicU64,
}
