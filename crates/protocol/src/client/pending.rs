//! An answer that has not come yet: wait for it, or be called when it is there.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::connection::{Done, Handle, Watch};
use crate::error::{Error, Result};
use crate::exchange::Exchange;
use crate::message;
use crate::session::{Taken, Want};

/// The answer to a request that is under way. Dropped, the request is given up.
#[must_use]
pub struct Pending<A> {
    exchange: Exchange,
    answer: PhantomData<fn() -> A>,
}

impl<A: DeserializeOwned> Pending<A> {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self {
            exchange,
            answer: PhantomData,
        }
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// The error that the server answers with, or one of the connection.
    pub fn wait(mut self) -> Result<A> {
        self.exchange.receive()
    }

    /// Calls `then` with the answer: at once if it is there, else later on a thread of the connection, so `then` must be quick
    /// (send on a channel).
    pub fn notify(self, then: impl FnOnce(Result<A>) + Send + 'static) {
        let handle = self.exchange.into_handle();
        let core = std::sync::Arc::clone(&handle.core);
        let id = handle.id;
        let watch = Answer {
            handle: Some(handle),
            whole: Vec::new(),
            then: Some(Box::new(move |result| {
                then(result.and_then(|bytes| message::decode(&bytes)));
            })),
        };
        core.watch(id, Box::new(watch));
    }
}

impl<A> fmt::Debug for Pending<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pending({:?})", self.exchange)
    }
}

type Then = Box<dyn FnOnce(Result<Vec<u8>>) + Send>;

/// Gathers the pieces of the one message that is wanted.
struct Answer {
    handle: Option<Handle>,
    whole: Vec<u8>,
    then: Option<Then>,
}

impl Watch for Answer {
    fn look(&mut self) -> Option<Done> {
        let result = loop {
            match self.handle.as_ref()?.take_now(Want::Message) {
                Ok(Taken::Piece(piece)) => self.whole.extend(piece),
                Ok(Taken::Last(piece)) => {
                    self.whole.extend(piece);
                    break Ok(std::mem::take(&mut self.whole));
                }
                Ok(Taken::NothingYet) => return None,
                Ok(_) => break Err(Error::violation("a session ended without an answer")),
                Err(error) => break Err(error),
            }
        };
        let (handle, then) = (self.handle.take(), self.then.take()?);
        Some(Box::new(move || {
            drop(handle);
            then(result);
        }))
    }
}
