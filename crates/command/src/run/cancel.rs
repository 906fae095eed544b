//! The wish to stop: set by the signal handler, seen by every loop.
//!
//! A worker asks [`Cancel::check`] between pieces of work. What blocks elsewhere (a query that waits for a checkpoint)
//! registers a hook that ends the wait. Nothing else in the program is shared and changes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::error::{Error, ErrorCode, Result};

type Hook = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Shared {
    signal: AtomicI32,
    next: AtomicU64,
    hooks: Mutex<BTreeMap<u64, Hook>>,
}

/// Shared by all threads of a run; cloning gives another handle to the same wish.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Shared>);

/// Removes its hook when dropped.
#[must_use]
pub struct HookGuard {
    cancel: Cancel,
    id: u64,
}

impl Cancel {
    /// Asks for the stop because of `signal` and runs the hooks. Called by the signal thread.
    pub fn cancel(&self, signal: i32) {
        self.0.signal.store(signal, Ordering::SeqCst);
        let hooks = self
            .0
            .hooks
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for hook in hooks.values() {
            hook();
        }
    }

    /// The signal that asked for the stop.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        match self.0.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// Fails with the code of a terminated run once a stop was asked for.
    ///
    /// # Errors
    /// [`ErrorCode::Term`].
    pub fn check(&self) -> Result<()> {
        match self.signal() {
            None => Ok(()),
            Some(signal) => Err(Error::new(
                ErrorCode::Term,
                format!("terminated on signal {}", signal_name(signal)),
            )),
        }
    }

    /// Calls `hook` when the stop is asked for; at once if it has been.
    pub fn on_cancel(&self, hook: impl Fn() + Send + Sync + 'static) -> HookGuard {
        let id = self.0.next.fetch_add(1, Ordering::SeqCst);
        let mut hooks = self
            .0
            .hooks
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.signal().is_some() {
            hook();
        }
        hooks.insert(id, Box::new(hook));
        HookGuard {
            cancel: self.clone(),
            id,
        }
    }
}

impl Drop for HookGuard {
    fn drop(&mut self) {
        self.cancel
            .0
            .hooks
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .remove(&self.id);
    }
}

/// `SIGTERM` for 15, and so on, for the signals that end a run.
#[must_use]
pub fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        15 => "SIGTERM",
        _ => "signal",
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancel({:?})", self.signal())
    }
}

impl fmt::Debug for HookGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookGuard({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn hooks_run_once_asked_and_not_after_their_guard_is_gone() {
        let cancel = Cancel::default();
        let count = Arc::new(AtomicUsize::new(0));
        let hook = || {
            let count = Arc::clone(&count);
            move || {
                count.fetch_add(1, Ordering::SeqCst);
            }
        };
        let kept = cancel.on_cancel(hook());
        drop(cancel.on_cancel(hook()));
        assert!(cancel.check().is_ok());
        cancel.cancel(15);
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert_eq!(
            cancel.check().unwrap_err().message,
            "terminated on signal SIGTERM"
        );
        let _late = cancel.on_cancel(hook());
        assert_eq!(count.load(Ordering::SeqCst), 2);
        drop(kept);
    }
}
