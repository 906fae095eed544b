//! A session as both sides use it: messages are values, bytes are a stream.
//!
//! Bytes end where a message follows, or with the other side's end. Whoever drops an exchange before its end gives it up, and
//! the other side's next call fails with what was said.

use std::fmt;
use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connection::{Aborter, Handle};
use crate::error::{Error, Result};
use crate::message;
use crate::raised::Raised;
use crate::session::{Taken, Want};

/// A conversation in one session.
pub struct Exchange {
    handle: Handle,
    /// Bytes that were taken and not read yet.
    rest: Vec<u8>,
    read: usize,
}

impl Exchange {
    pub(crate) fn new(handle: Handle) -> Self {
        Self {
            handle,
            rest: Vec::new(),
            read: 0,
        }
    }

    pub(crate) fn into_handle(self) -> Handle {
        self.handle
    }

    /// Sends a value.
    ///
    /// # Errors
    /// The value is too long, the other side gave the session up, or the connection ended.
    pub fn send<T: Serialize>(&mut self, value: &T) -> Result<()> {
        let bytes = message::encode(value, self.handle.longest_message())?;
        self.handle.send_message(&bytes)
    }

    /// Sends a value that may be longer than a message, as bytes. What follows is a value or the end.
    ///
    /// # Errors
    /// As [`Exchange::send`].
    pub fn send_as_bytes<T: Serialize>(&mut self, value: &T) -> Result<()> {
        let bytes = message::encode(value, u32::MAX)?;
        self.write_all(&bytes).map_err(Error::from_stream)
    }

    /// A value that was sent as bytes, of at most `longest` of them.
    ///
    /// # Errors
    /// It is longer or another value, the other side gave the session up with an error, or the connection ended.
    pub fn receive_as_bytes<T: DeserializeOwned>(&mut self, longest: usize) -> Result<T> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.next_chunk()? {
            if whole.len() + chunk.len() > longest {
                return Err(Error::violation(format!(
                    "a value that is sent as bytes has more than {longest}"
                )));
            }
            whole.extend(chunk);
        }
        message::decode(&whole)
    }

    /// The next value; `None` if the other side has ended its direction.
    ///
    /// # Errors
    /// Bytes or another value came, the other side gave the session up with an error, or the connection ended.
    pub fn receive_next<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        if self.read < self.rest.len() {
            return Err(Error::violation("bytes came in place of a message"));
        }
        let mut whole = Vec::new();
        loop {
            match self.handle.take(Want::Message)? {
                Taken::Piece(piece) => whole.extend(piece),
                Taken::Last(piece) if whole.is_empty() => return message::decode(&piece).map(Some),
                Taken::Last(piece) => {
                    whole.extend(piece);
                    return message::decode(&whole).map(Some);
                }
                Taken::Ended if whole.is_empty() => return Ok(None),
                _ => return Err(Error::violation("bytes came in place of a message")),
            }
        }
    }

    /// The next value, which must come.
    ///
    /// # Errors
    /// As [`Exchange::receive_next`], and if the other side has ended.
    pub fn receive<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.receive_next()?
            .ok_or_else(|| Error::violation("a session ended without an answer"))
    }

    /// The next bytes as they came; `None` when a value follows or the other side has ended.
    ///
    /// # Errors
    /// The other side gave the session up with an error, or the connection ended.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>> {
        if self.read < self.rest.len() {
            let rest = self.rest.split_off(self.read);
            self.rest.clear();
            self.read = 0;
            return Ok(Some(rest));
        }
        loop {
            match self.handle.take(Want::Data)? {
                Taken::Piece(piece) if piece.is_empty() => {}
                Taken::Piece(piece) => return Ok(Some(piece)),
                _ => return Ok(None),
            }
        }
    }

    /// Whether the other side has given the session up, or the connection has ended: work for it is in vain.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.handle.is_given_up()
    }

    /// Gives the session up from another thread.
    #[must_use]
    pub fn aborter(&self) -> Aborter {
        self.handle.aborter()
    }

    /// This side sends nothing more. A client may go on to receive; a server's end is told when it drops the exchange.
    pub fn end(&mut self) {
        self.handle.end();
    }

    /// Sends the last value and ends the session.
    ///
    /// # Errors
    /// As [`Exchange::send`].
    pub fn finish<T: Serialize>(mut self, value: &T) -> Result<()> {
        self.send(value)?;
        self.end();
        Ok(())
    }

    /// Ends the session with an error.
    pub fn fail(self, raised: Raised) {
        self.handle.abort(raised);
    }
}

/// Reads bytes up to the next value or the end.
impl Read for Exchange {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        if self.read == self.rest.len() {
            let Some(chunk) = self.next_chunk().map_err(Error::into_io)? else {
                return Ok(0);
            };
            (self.rest, self.read) = (chunk, 0);
        }
        let count = into.len().min(self.rest.len() - self.read);
        into[..count].copy_from_slice(&self.rest[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}

/// Sends bytes. Each call makes a frame at least, so callers hand over pieces of some size.
impl Write for Exchange {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        if from.is_empty() {
            return Ok(0);
        }
        self.handle.send_data(from).map_err(Error::into_io)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({})", self.handle.id)
    }
}
