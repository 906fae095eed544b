//! A connection from the side of the server.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lanes::Lanes;
use super::service::Service;
use crate::connection::{Canceller, Core, Ending, Handle, start};
use crate::error::{Error, Result};
use crate::exchange::Exchange;
use crate::frame::LONGEST_CONTROL;
use crate::greeting::{Peer, agree};
use crate::message;
use crate::raised::Raised;
use crate::session::Side;
use crate::settings::Settings;
use crate::streams::Streams;

/// A client that has greeted and waits to be taken in. Dropped, it is refused.
#[derive(Debug)]
pub struct Guest {
    core: Arc<Core>,
    peer: Peer,
    request: String,
}

/// Greets a client and waits for its greeting.
///
/// # Errors
/// No greeting, none of this program, or no common version.
pub fn accept(streams: Streams, settings: &Settings) -> Result<Guest> {
    let (core, own) = start(streams, Side::Server, settings, None)?;
    let mut state = core.lock();
    let hello = loop {
        Core::check(&state)?;
        if let Some(hello) = &state.hello {
            break hello.clone();
        }
        state = Core::wait(&core.changed, state);
    };
    drop(state);
    let peer = agree(&own, &hello)?;
    let request = hello
        .request
        .as_ref()
        .map_or("null", |request| request.get());
    Ok(Guest {
        core,
        peer,
        request: request.to_owned(),
    })
}

impl Guest {
    /// The client, and what was agreed with it.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What the client wants.
    ///
    /// # Errors
    /// It is another type.
    pub fn request<Q: DeserializeOwned>(&self) -> Result<Q> {
        message::decode(self.request.as_bytes())
    }

    /// Ends the connection from another thread.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller::new(&self.core)
    }

    /// Sends the client away with an error. Waits until it is told, but not longer than the pace of the connection says.
    pub fn refuse(self, raised: Raised) {
        self.core.refuse(raised);
        self.core.wait_closed();
    }

    /// Takes the client in and serves its sessions, at most `workers` at a time beside those with a thread of their own, until
    /// it says goodbye. Returns when no session is served any more.
    ///
    /// # Errors
    /// Why the connection failed.
    pub fn serve<A: Serialize>(
        self,
        answer: &A,
        workers: usize,
        service: &dyn Service,
    ) -> Result<()> {
        let answer = message::encode(answer, LONGEST_CONTROL as u32)?;
        self.core.lock().table.welcome(&answer);
        self.core.outgoing.notify_all();
        let lanes = Lanes::new(service, workers);
        let result = std::thread::scope(|scope| {
            let ending = loop {
                let opened = {
                    let mut state = self.core.lock();
                    loop {
                        if let Some(ending) = &state.ended {
                            break Err(ending.clone());
                        }
                        if let Some(opened) = state.table.next_opened() {
                            break Ok(opened);
                        }
                        state = Core::wait(&self.core.changed, state);
                    }
                };
                let (id, lane) = match opened {
                    Ok(opened) => opened,
                    Err(ending) => break ending,
                };
                if let Some(handle) = Handle::opened(&self.core, id) {
                    lanes.serve(scope, lane, Exchange::new(handle));
                }
            };
            if let Ending::Failed(error) = &ending {
                service.lost(error);
            }
            lanes.close();
            ending
        });
        self.core.wait_closed();
        match result {
            Ending::Orderly => Ok(()),
            Ending::Failed(error) => Err(error),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.core.fail(Error::cancelled());
    }
}
