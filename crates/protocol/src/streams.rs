//! The two byte streams of a connection, whatever carries them: a child's pipes, a socket, TLS.

use std::fmt;
use std::io::{Read, Write};

/// How a connection ended, for whoever carries its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Both sides said goodbye: what carries the bytes ends by itself once the streams are dropped.
    Orderly,
    /// The connection is given up: what carries the bytes must end now, and a read or write that waits with it.
    Broken,
}

/// A pair of byte streams and the way to end them.
///
/// The streams are read and written by threads of their own, blocking. `close` is called once, from another thread: after
/// `Closing::Broken` a waiting `read` or `write` should return. Where it cannot (standard input), that one thread stays, and
/// nobody waits for it.
pub struct Streams {
    pub reader: Box<dyn Read + Send>,
    pub writer: Box<dyn Write + Send>,
    pub close: Box<dyn FnOnce(Closing) + Send>,
}

impl Streams {
    /// Streams of these two halves.
    pub fn new(
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
        close: impl FnOnce(Closing) + Send + 'static,
    ) -> Self {
        Self {
            reader: Box::new(reader),
            writer: Box::new(writer),
            close: Box::new(close),
        }
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streams")
    }
}
