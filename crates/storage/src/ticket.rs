//! The promise that a written file is published and durable.
//!
//! `StorageWrite::finish` hands a ticket back at once, so a worker goes on with the next file while a slow storage
//! still works on the last one. A file counts as written only when its ticket has resolved.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};

use crate::error::{Error, ErrorKind, Operation, Result};

/// What is known of a file once it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Bytes that the storage holds.
    pub size: u64,
}

type Callback = Box<dyn FnOnce(Result<Written>) + Send>;

enum State {
    Pending(Option<Callback>),
    Done(Option<Result<Written>>),
}

struct Shared {
    state: Mutex<State>,
    resolved: Condvar,
}

type BeforeWait = Box<dyn FnOnce() + Send>;

/// Resolves when the file is published and durable, or has failed.
pub struct Ticket(Arc<Shared>, Option<BeforeWait>);

/// The backend's half of a [`Ticket`]. Dropping it unresolved fails the ticket, so nobody waits for ever.
pub struct TicketResolver(Option<Arc<Shared>>);

impl Ticket {
    /// A ticket that has already resolved (a local disk has nothing to wait for).
    #[must_use]
    pub fn ready(result: Result<Written>) -> Self {
        Self(
            Arc::new(Shared {
                state: Mutex::new(State::Done(Some(result))),
                resolved: Condvar::new(),
            }),
            None,
        )
    }

    /// A ticket to be resolved later through the resolver.
    #[must_use]
    pub fn pending() -> (TicketResolver, Self) {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::Pending(None)),
            resolved: Condvar::new(),
        });
        (
            TicketResolver(Some(Arc::clone(&shared))),
            Self(shared, None),
        )
    }

    /// Has `hook` called once when somebody is about to [`wait`](Ticket::wait) (a virtual clock then moves on).
    #[must_use]
    pub fn before_wait(self, hook: impl FnOnce() + Send + 'static) -> Self {
        Self(self.0, Some(Box::new(hook)))
    }

    /// Blocks until the file is published and durable.
    pub fn wait(mut self) -> Result<Written> {
        if let Some(hook) = self.1.take() {
            hook();
        }
        let mut state = self
            .0
            .state
            .lock()
            .expect("ticket state is never poisoned: no panic while it is held");
        loop {
            match &mut *state {
                State::Done(result) => return result.take().expect("a ticket is consumed once"),
                State::Pending(_) => {
                    state = self
                        .0
                        .resolved
                        .wait(state)
                        .expect("ticket state is never poisoned");
                }
            }
        }
    }

    /// Calls `then` when the ticket resolves: at once if it has, else later on the backend's thread, so `then` must be
    /// quick (send on a channel).
    pub fn notify(self, then: impl FnOnce(Result<Written>) + Send + 'static) {
        let mut state = self.0.state.lock().expect("ticket state is never poisoned");
        match &mut *state {
            State::Done(result) => {
                let result = result.take().expect("a ticket is consumed once");
                drop(state);
                then(result);
            }
            State::Pending(callback) => *callback = Some(Box::new(then)),
        }
    }
}

impl TicketResolver {
    /// Resolves the ticket.
    pub fn resolve(mut self, result: Result<Written>) {
        self.settle(result);
    }

    fn settle(&mut self, result: Result<Written>) {
        let Some(shared) = self.0.take() else { return };
        let mut state = shared.state.lock().expect("ticket state is never poisoned");
        if let State::Pending(callback) = &mut *state {
            let callback = callback.take();
            if let Some(then) = callback {
                *state = State::Done(None);
                drop(state);
                then(result);
            } else {
                *state = State::Done(Some(result));
                shared.resolved.notify_all();
            }
        }
    }
}

impl Drop for TicketResolver {
    fn drop(&mut self) {
        self.settle(Err(Error::new(
            ErrorKind::Broken,
            Operation::Write,
            "",
            "the storage stopped before the file was stored",
        )));
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}

impl fmt::Debug for TicketResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketResolver")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_thread_gets_the_result() {
        let (resolver, ticket) = Ticket::pending();
        let waiter = std::thread::spawn(move || ticket.wait());
        resolver.resolve(Ok(Written { size: 7 }));
        assert_eq!(waiter.join().unwrap().unwrap().size, 7);
    }

    #[test]
    fn a_dropped_resolver_fails_the_ticket() {
        let (resolver, ticket) = Ticket::pending();
        drop(resolver);
        assert_eq!(ticket.wait().unwrap_err().kind(), ErrorKind::Broken);
    }

    #[test]
    fn a_callback_is_called_whichever_side_is_first() {
        let (send, receive) = std::sync::mpsc::channel();
        let (resolver, ticket) = Ticket::pending();
        let first = send.clone();
        ticket.notify(move |result| first.send(result.unwrap().size).unwrap());
        resolver.resolve(Ok(Written { size: 1 }));
        Ticket::ready(Ok(Written { size: 2 }))
            .notify(move |result| send.send(result.unwrap().size).unwrap());
        assert_eq!(receive.iter().collect::<Vec<_>>(), [1, 2]);
    }
}
