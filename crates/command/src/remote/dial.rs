//! How another host is reached: whoever makes a connection hands over its streams and whoever carries them.
//!
//! SSH and TLS implement these traits beside this file, and tests do with a connection in memory.

use std::fmt::Debug;

use pgkeep_protocol::Streams;

use crate::error::{Error, Result};

/// Makes connections to one other host.
pub trait Dial: Debug + Send + Sync {
    /// Begins a connection. Does not wait for the other host longer than it must: the greeting does.
    ///
    /// # Errors
    /// It cannot be begun, for example because there is no SSH client program.
    fn dial(&self) -> Result<Dialed>;

    /// A conversation over a connection that another process keeps, where there is one.
    fn borrow(&self) -> Option<Dialed> {
        None
    }
}

/// A connection that was begun.
#[derive(Debug)]
pub struct Dialed {
    pub streams: Streams,
    pub carrier: Box<dyn Carrier>,
}

/// Whoever carries the bytes of a connection: a child process, a socket.
pub trait Carrier: Debug + Send + Sync {
    /// Why the connection ended, if it is known better here than from the bytes, which say `seen`: an SSH client program has an
    /// exit status and prints what is wrong. Waits a moment for that at most.
    fn fate(&self, seen: &pgkeep_protocol::Error) -> Option<Error>;

    /// Ends it at once. Called from any thread, also from one that must not wait.
    fn kill(&self);

    /// The connection has ended: waits until nothing of it is left on this host, and sees to it after a moment.
    fn end(&self);
}
