//! Requests with bytes: down with values before and after them, or up with a value at the end.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::pending::Pending;
use crate::error::Result;
use crate::exchange::Exchange;

/// What the server sends for a request: values, bytes ([`Read`]), and a report at the end.
#[derive(Debug)]
pub struct Download(Exchange);

impl Download {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self(exchange)
    }

    /// A value before the bytes or after them.
    ///
    /// # Errors
    /// The error that the server answers with, or one of the connection.
    pub fn answer<A: DeserializeOwned>(&mut self) -> Result<A> {
        self.0.receive()
    }

    /// A value of a list that the server ends.
    ///
    /// # Errors
    /// As [`Download::answer`].
    pub fn next_answer<A: DeserializeOwned>(&mut self) -> Result<Option<A>> {
        self.0.receive_next()
    }

    /// The next bytes as they came; `None`: that was all of them.
    ///
    /// # Errors
    /// As [`Download::answer`].
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>> {
        self.0.next_chunk()
    }

    /// The value behind the bytes, which is the last.
    ///
    /// # Errors
    /// As [`Download::answer`]; bytes that were not read are an error too.
    pub fn report<A: DeserializeOwned>(mut self) -> Result<A> {
        self.0.receive()
    }
}

impl Read for Download {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

/// Bytes on their way to the server ([`Write`]). Dropped, the request is given up.
#[derive(Debug)]
pub struct Upload(Exchange);

impl Upload {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self(exchange)
    }

    /// Sends a value between or behind the bytes.
    ///
    /// # Errors
    /// As writing.
    pub fn send<T: Serialize>(&mut self, value: &T) -> Result<()> {
        self.0.send(value)
    }

    /// A value that the server sends before it has everything.
    ///
    /// # Errors
    /// The error that the server answers with, or one of the connection.
    pub fn answer<A: DeserializeOwned>(&mut self) -> Result<A> {
        self.0.receive()
    }

    /// That was all. Does not wait for the report.
    pub fn finish<A: DeserializeOwned>(self) -> Pending<A> {
        let Self(mut exchange) = self;
        exchange.end();
        Pending::new(exchange)
    }
}

impl Write for Upload {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.write(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
