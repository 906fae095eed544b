//! One other host as a run sees it: a connection that is made when it is first needed and made anew when it was lost.
//!
//! Workers share it. While one of them makes the connection the others wait for it. The invariant: whoever holds something that
//! lives with the connection, locks above all, never gets another one.

mod explain;
mod host_name;
#[cfg(test)]
mod tests;

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pgkeep_config::command::CommandId;
use pgkeep_protocol::{Client, Settings};

pub use host_name::HostName;

use crate::error::{Error, ErrorCode, Result};
use crate::remote::dial::{Carrier, Dial, Dialed};
use crate::remote::own_side;
use crate::remote::wire::greeting::{Answer, Greeting};
use crate::run::cancel::{Cancel, HookGuard};

/// How long a run may take to end in good order once it was asked to stop: then the other host is not waited for.
const GRACE: Duration = Duration::from_secs(3);

/// How long whoever keeps a connection for others may take until the other host answers over it. One that has no answer by then
/// is stuck, and this run connects itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the goodbye of the other host is waited for.
const GOODBYE: Duration = Duration::from_secs(5);

/// One other host.
#[derive(Debug)]
pub struct Link {
    name: HostName,
    dial: Box<dyn Dial>,
    greeting: Greeting,
    settings: Settings,
    cancel: Cancel,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    made: Option<Made>,
    count: usize,
    /// Of these, those that another process had made before.
    borrowed: usize,
    /// The run has said that it ends.
    closed: bool,
}

#[derive(Debug)]
struct Made {
    client: Arc<Client>,
    answer: Answer,
    carrier: Arc<dyn Carrier>,
    _stop: HookGuard,
}

/// Why there is no connection.
struct NotConnected {
    error: Error,
    /// The other host has said so.
    is_refusal: bool,
}

impl Link {
    /// A host that is reached by `dial` and greeted with `greeting`. Nothing is connected yet.
    #[must_use]
    pub fn new(name: HostName, dial: Box<dyn Dial>, greeting: Greeting, cancel: Cancel) -> Self {
        Self::with_settings(name, dial, greeting, cancel, own_side::settings())
    }

    /// The same with other settings of the protocol.
    #[must_use]
    pub fn with_settings(
        name: HostName,
        dial: Box<dyn Dial>,
        greeting: Greeting,
        cancel: Cancel,
        settings: Settings,
    ) -> Self {
        Self {
            name,
            dial,
            greeting,
            settings,
            cancel,
            state: Mutex::default(),
        }
    }

    #[must_use]
    pub fn name(&self) -> &HostName {
        &self.name
    }

    /// What the other host is asked for.
    #[must_use]
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// The connection. It is made if there is none, or made anew if it was lost.
    ///
    /// # Errors
    /// The other host cannot be reached or refuses; or the connection was lost and what the run holds with it.
    pub fn client(&self) -> Result<Arc<Client>> {
        self.connected(|made| Arc::clone(&made.client))
    }

    /// What the other host answered when it took this run in.
    ///
    /// # Errors
    /// As [`Link::client`].
    pub fn answer(&self) -> Result<Answer> {
        self.connected(|made| made.answer.clone())
    }

    /// Name and version of the program there; `None`: there is no connection.
    #[must_use]
    pub fn program_there(&self) -> Option<String> {
        let state = self.lock();
        state
            .made
            .as_ref()
            .map(|made| made.client.peer().program.clone())
    }

    /// How many connections were made.
    #[must_use]
    pub fn made(&self) -> usize {
        self.lock().count
    }

    /// How many of them were not borrowed.
    #[must_use]
    pub fn made_itself(&self) -> usize {
        let state = self.lock();
        state.count - state.borrowed
    }

    /// An error of the protocol as one of this run: the one place where that is done.
    #[must_use]
    pub fn error(&self, error: &pgkeep_protocol::Error) -> Error {
        // Not while it is looked for: whoever carries the connection may take a moment to end.
        let carrier = self
            .lock()
            .made
            .as_ref()
            .map(|made| Arc::clone(&made.carrier));
        self.explain(error, carrier.as_deref())
    }

    /// Says goodbye, if there is a connection, and waits until nothing is left of it on this host.
    pub fn close(&self) {
        let made = {
            let mut state = self.lock();
            state.closed = true;
            state.made.take()
        };
        if let Some(made) = made {
            close(made);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connected<T>(&self, get: impl FnOnce(&Made) -> T) -> Result<T> {
        // Held while a connection is made: whoever comes meanwhile waits for it.
        let mut state = self.lock();
        if state.closed {
            return Err(Error::new(
                ErrorCode::Protocol,
                format!("{}: the connection was closed", self.name),
            ));
        }
        if let Some(made) = &state.made {
            let Some(error) = made.client.ended() else {
                return Ok(get(made));
            };
            if !self.may_connect_again() {
                return Err(self.explain(&error, Some(&*made.carrier)));
            }
            log::debug!("{}: {error}; connecting again", self.name);
            state.made.take().into_iter().for_each(close);
        }
        // One that was lost may have been lost with all that it gave.
        let borrowed = match state.count {
            0 => self.borrow()?,
            _ => None,
        };
        let made = match borrowed {
            Some(made) => {
                state.borrowed += 1;
                made
            }
            None => {
                self.cancel.check()?;
                let connected = self.connect(self.dial.dial()?, &self.settings);
                connected.map_err(|failed| failed.error)?
            }
        };
        state.count += 1;
        Ok(get(state.made.insert(made)))
    }

    /// Locks are gone with a connection. But that of a push only keeps others out while it goes on: segments appear whole.
    fn may_connect_again(&self) -> bool {
        self.greeting.locks.is_empty() || self.greeting.command == CommandId::ArchivePush.name()
    }

    /// A conversation over a connection that another process keeps. Nothing depends on that process: without an answer of the
    /// other host there is none.
    fn borrow(&self) -> Result<Option<Made>> {
        self.cancel.check()?;
        let Some(dialed) = self.dial.borrow() else {
            return Ok(None);
        };
        let mut settings = self.settings.clone();
        settings.pace.greeting_within = settings.pace.greeting_within.min(PATIENCE);
        match self.connect(dialed, &settings) {
            Ok(made) => Ok(Some(made)),
            Err(failed) if failed.is_refusal => Err(failed.error),
            Err(failed) => {
                self.cancel.check()?;
                log::debug!("no connection is lent: {}", failed.error.text());
                Ok(None)
            }
        }
    }

    fn connect(
        &self,
        dialed: Dialed,
        settings: &Settings,
    ) -> std::result::Result<Made, NotConnected> {
        let Dialed { streams, carrier } = dialed;
        let carrier: Arc<dyn Carrier> = carrier.into();
        let waiting = {
            let carrier = Arc::clone(&carrier);
            // Nothing is under way yet that could be ended in good order.
            self.cancel.on_cancel(move || carrier.kill())
        };
        let connected = Client::connect::<_, Answer>(streams, settings, &self.greeting);
        drop(waiting);
        match connected {
            Ok((client, answer)) => {
                let client = Arc::new(client);
                let stop = self.stop(&client, &carrier);
                Ok(Made {
                    client,
                    answer,
                    carrier,
                    _stop: stop,
                })
            }
            Err(error) => {
                let is_refusal = error.raised().is_some_and(|raised| raised.code != 0);
                let error = self.explain(&error, Some(&*carrier));
                carrier.end();
                let error = self.cancel.check().err().unwrap_or(error);
                Err(NotConnected { error, is_refusal })
            }
        }
    }

    /// Ends the connection some time after the run was asked to stop.
    fn stop(&self, client: &Arc<Client>, carrier: &Arc<dyn Carrier>) -> HookGuard {
        let canceller = client.canceller();
        let carrier = Arc::downgrade(carrier);
        self.cancel.on_cancel(move || {
            let (canceller, carrier) = (canceller.clone(), carrier.clone());
            let later = std::thread::Builder::new().spawn(move || {
                std::thread::sleep(GRACE);
                canceller.cancel();
                if let Some(carrier) = carrier.upgrade() {
                    carrier.kill();
                }
            });
            // Without a thread the end of the run has to do.
            drop(later);
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

fn close(made: Made) {
    let Made {
        client, carrier, ..
    } = made;
    // One that somebody still has is broken off.
    let canceller = client.canceller();
    if let Ok(client) = Arc::try_unwrap(client)
        && client.ended().is_none()
    {
        let (tell, told) = channel();
        // In a thread, as a silent host is not waited for longer than this.
        let finishing = std::thread::Builder::new().spawn(move || {
            // How it ends makes no difference to whoever leaves.
            let _ = tell.send(client.finish());
        });
        if finishing.is_ok() {
            let _ = told.recv_timeout(GOODBYE);
        }
    }
    canceller.cancel();
    carrier.end();
}

/// The error of a host that answers as another side than it was asked for.
#[must_use]
pub fn wrong_side(name: &HostName) -> Error {
    Error::new(
        ErrorCode::Protocol,
        format!("{name}: it answers for another side than it was asked for"),
    )
}
