//! A connection from the side of the client, and the requests that can be made on it.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::pending::Pending;
use super::transfer::{Download, Upload};
use crate::connection::{Canceller, Core, Ending, Handle, start};
use crate::error::{Error, ErrorKind, Result};
use crate::exchange::Exchange;
use crate::frame::Lane;
use crate::greeting::{Peer, agree};
use crate::message;
use crate::session::Side;
use crate::settings::Settings;
use crate::streams::Streams;

/// Waits for the answer to the greeting count as those of this session, which no client opens.
const GREETING: u32 = 0;

/// A connection to a server. Dropped without [`Client::finish`], it is broken off.
#[derive(Debug)]
pub struct Client {
    core: Arc<Core>,
    peer: Peer,
}

impl Client {
    /// Greets the server with `request`, and hands back its answer to that. The request holds no secrets: it is sent at once.
    ///
    /// # Errors
    /// No greeting, none of this program, no common version, or the error with which the server refuses.
    pub fn connect<Q: Serialize, A: DeserializeOwned>(
        streams: Streams,
        settings: &Settings,
        request: &Q,
    ) -> Result<(Self, A)> {
        let request = serde_json::value::to_raw_value(request)
            .map_err(|_| Error::new(ErrorKind::Unsendable, "the request has no written form"))?;
        let (core, own) = start(streams, Side::Client, settings, Some(request))?;
        let mut state = core.lock();
        let answer = loop {
            if let Some(answer) = state.welcome.take() {
                break answer;
            }
            Core::check(&state)?;
            core.note_waiting(&mut state, GREETING);
            state = Core::wait(&core.changed, state);
        };
        Core::note_progress(&mut state, GREETING);
        let hello = state.hello.clone();
        drop(state);
        let hello = hello.ok_or_else(|| Error::violation("it welcomes before it greets"))?;
        let client = Self {
            peer: agree(&own, &hello)?,
            core,
        };
        let answer = message::decode(&answer)?;
        Ok((client, answer))
    }

    /// The server, and what was agreed with it.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Ends the connection from another thread.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller::new(&self.core)
    }

    /// Why the connection has ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<Error> {
        self.core.lock().ended.as_ref().map(Core::reason)
    }

    /// Opens a session. Does not wait for the server, unless as many sessions are open as it takes.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn open(&self, lane: Lane) -> Result<Exchange> {
        Handle::open(&self.core, lane).map(Exchange::new)
    }

    /// Sends a request and does not wait for its answer.
    ///
    /// # Errors
    /// The request cannot be sent.
    pub fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        lane: Lane,
        request: &Q,
    ) -> Result<Pending<A>> {
        let mut exchange = self.open(lane)?;
        exchange.send(request)?;
        exchange.end();
        Ok(Pending::new(exchange))
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// The error that the server answers with, or one of the connection.
    pub fn call<Q: Serialize, A: DeserializeOwned>(&self, lane: Lane, request: &Q) -> Result<A> {
        self.ask(lane, request)?.wait()
    }

    /// Asks for bytes. Does not wait; they come as far as there is room for them.
    ///
    /// # Errors
    /// The request cannot be sent.
    pub fn read<Q: Serialize>(&self, lane: Lane, request: &Q) -> Result<Download> {
        let mut exchange = self.open(lane)?;
        exchange.send(request)?;
        exchange.end();
        Ok(Download::new(exchange))
    }

    /// Announces bytes that follow.
    ///
    /// # Errors
    /// The request cannot be sent.
    pub fn write<Q: Serialize>(&self, lane: Lane, request: &Q) -> Result<Upload> {
        let mut exchange = self.open(lane)?;
        exchange.send(request)?;
        Ok(Upload::new(exchange))
    }

    /// Says goodbye and waits until the server has. Whoever still has a session must end it for that.
    ///
    /// # Errors
    /// The connection has failed.
    pub fn finish(self) -> Result<()> {
        let mut state = self.core.lock();
        state.table.leave();
        self.core.outgoing.notify_all();
        loop {
            match &state.ended {
                Some(Ending::Orderly) => return Ok(()),
                Some(Ending::Failed(error)) => return Err(error.clone()),
                None => state = Core::wait(&self.core.changed, state),
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.core.fail(Error::cancelled());
    }
}
