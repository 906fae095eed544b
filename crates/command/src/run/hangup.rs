//! The wish that a server reads its configuration again: SIGHUP, where that does not end the run.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

type Hook = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Shared {
    wanted: AtomicBool,
    hook: Mutex<Option<Hook>>,
}

/// Shared by the thread of signals and the server; cloning gives another handle to the same wish.
#[derive(Clone, Default)]
pub struct Hangup(Arc<Shared>);

impl Hangup {
    /// Notes the wish and runs the hook. Called by the signal thread.
    pub fn hang_up(&self) {
        self.0.wanted.store(true, Ordering::SeqCst);
        let hook = self.0.hook.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hook) = &*hook {
            hook();
        }
    }

    /// Whether it was wished since the last time this was asked.
    #[must_use]
    pub fn take(&self) -> bool {
        self.0.wanted.swap(false, Ordering::SeqCst)
    }

    /// Calls `hook` from now on whenever it is wished.
    pub fn on_hangup(&self, hook: impl Fn() + Send + Sync + 'static) {
        *self.0.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hook));
    }
}

impl fmt::Debug for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hangup")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_wish_is_taken_once_and_the_hook_hears_of_each() {
        let hangup = Hangup::default();
        assert!(!hangup.take());
        let count = Arc::new(AtomicUsize::new(0));
        let heard = Arc::clone(&count);
        hangup.on_hangup(move || {
            heard.fetch_add(1, Ordering::SeqCst);
        });
        hangup.hang_up();
        hangup.hang_up();
        assert_eq!(count.load(Ordering::SeqCst), 2);
        assert!(hangup.take());
        assert!(!hangup.take());
    }
}
