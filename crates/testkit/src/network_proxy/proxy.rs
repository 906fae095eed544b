//! The proxy itself: accepts connections and tells what passed.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use crate::error::{During, Result};

use super::connection::connect;
use super::counters::Shared;
use super::network::Network;

impl Network {
    /// Opens the proxy in front of `server`.
    pub fn to(self, server: SocketAddr) -> Result<NetworkProxy> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).during("open a loopback port")?;
        let address = listener.local_addr().during("read the port")?;
        let shared = Arc::new(Shared::default());
        let state = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if state.closed.load(Ordering::Acquire) {
                    break;
                }
                if let Ok(client) = client {
                    // A refused connection to the server shows at the client as a closed one.
                    let _ = connect(self, client, server, &state);
                }
            }
        });
        Ok(NetworkProxy { address, shared })
    }
}

/// The open proxy; all its connections are closed when it is dropped.
#[derive(Debug)]
pub struct NetworkProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl NetworkProxy {
    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Acquire)
    }

    /// Pieces of data passed on so far.
    pub fn pieces(&self) -> u64 {
        self.shared.pieces.load(Ordering::Acquire)
    }

    /// Bytes passed on so far.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Acquire)
    }

    /// Round trips one after the other so far, of the connection that took most: the longest chain of a piece from the client
    /// that was sent after the answer to the one before it. Making the TCP connection is not part of it. Meant for a network
    /// with a delay, beside which the time an end needs to answer is nothing.
    pub fn round_trips(&self) -> u64 {
        self.shared.round_trips.load(Ordering::Acquire)
    }

    /// As [`NetworkProxy::round_trips`], of a client that uses its connections together: a piece on one comes after the answers
    /// on all. The first piece of each connection counts, the making of the TCP connection does not.
    pub fn round_trips_of_all(&self) -> u64 {
        self.shared.round_trips_of_all.load(Ordering::Acquire)
    }

    /// True once a cut, stall or mute has happened.
    pub fn has_struck(&self) -> bool {
        self.strikes() > 0
    }

    /// Cuts, stalls and mutes so far.
    pub fn strikes(&self) -> u64 {
        self.shared.strikes.load(Ordering::Acquire)
    }

    /// Closes all connections that are open now, as a reboot between the hosts would.
    pub fn cut_all(&self) {
        let mut open = self
            .shared
            .open
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for stream in open.drain(..) {
            // Already closed by an end: nothing to do.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for NetworkProxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.cut_all();
        // Wakes the accepting thread so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}
