//! Ending a statement from another thread, so that a signal does not have to wait for a checkpoint.
//!
//! After [`CancelHandle::cancel`] the session refuses further statements: the run is over, and dropping the session ends
//! the backup on the server. A request that reaches the server between two statements is lost there, so it is repeated
//! until the session has come back.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the server is asked, and how long is waited for the statement to end each time.
const REQUESTS: u32 = 50;
const REQUEST_INTERVAL: Duration = Duration::from_millis(100);

/// Ends the statement that a session is waiting for; clones are the same handle.
#[derive(Clone)]
pub struct CancelHandle(Arc<dyn Fn() + Send + Sync>);

impl CancelHandle {
    /// Wraps what ends a statement; it may be called more than once, and when no statement is running.
    pub fn new(cancel: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(cancel))
    }

    /// Ends the running statement with an error of kind `Cancelled`; blocks until it has ended, five seconds at most.
    pub fn cancel(&self) {
        (self.0)();
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelHandle")
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    requested: bool,
    running: bool,
}

/// What a session and its handles share.
#[derive(Debug, Default)]
pub(super) struct CancelState {
    state: Mutex<State>,
    ended: Condvar,
}

impl CancelState {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is two flags, whole at every moment, so a panic elsewhere does not spoil it
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_requested(&self) -> bool {
        self.lock().requested
    }

    /// Marks a statement as running, unless the run was cancelled.
    pub(super) fn begin(&self) -> bool {
        let mut state = self.lock();
        state.running = !state.requested;
        state.running
    }

    pub(super) fn end(&self) {
        self.lock().running = false;
        self.ended.notify_all();
    }

    /// Sends requests until no statement runs; at least one is not sent if none is running.
    pub(super) fn cancel(&self, send: impl Fn()) {
        self.lock().requested = true;
        for _ in 0..REQUESTS {
            if !self.lock().running {
                return;
            }
            send();
            let state = self.lock();
            let waited = self
                .ended
                .wait_timeout_while(state, REQUEST_INTERVAL, |state| state.running);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn requests_are_repeated_until_the_statement_has_ended() {
        let state = CancelState::default();
        assert!(state.begin());
        let sent = AtomicU32::new(0);
        state.cancel(|| {
            // The first request is lost
            if sent.fetch_add(1, Ordering::Relaxed) == 1 {
                state.end();
            }
        });
        assert_eq!(sent.load(Ordering::Relaxed), 2);
        assert!(
            state.is_requested() && !state.begin(),
            "a cancelled session runs nothing more"
        );
    }

    #[test]
    fn nothing_is_sent_when_nothing_runs() {
        let state = CancelState::default();
        state.cancel(|| panic!("no statement is running"));
        assert!(state.is_requested());
    }
}
