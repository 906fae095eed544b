//! How many files are tried again at once: fewer where the connection breaks before any of them is stored.
//!
//! Files share a connection. If it lives shorter than all of them together need to be acknowledged, none would ever be.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Files at once on a connection that lasts.
const MOST: usize = 256;

#[derive(Debug)]
pub(crate) struct RetryLimit {
    room: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Files that may be tried again at once.
    limit: usize,
    /// Permits above the limit that are still in use.
    excess: usize,
    /// Files stored since the limit was looked at.
    stored: usize,
    /// Files that lost their connection since one was stored.
    losses: usize,
}

impl Default for RetryLimit {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(MOST)),
            state: Mutex::new(State {
                limit: MOST,
                excess: 0,
                stored: 0,
                losses: 0,
            }),
        }
    }
}

impl RetryLimit {
    /// Waits for room before a file is tried again; give it back with [`Self::lost`] or [`Self::stored`].
    pub(crate) async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    /// A file lost its connection and leaves. When as many as may be here have done so with nothing stored between,
    /// half of them may come back.
    pub(crate) fn lost(&self, permit: Option<OwnedSemaphorePermit>) {
        let mut state = self.state();
        state.losses += 1;
        if state.losses >= state.limit.min(16) && state.limit > 1 {
            let fewer = state.limit / 2;
            state.limit -= fewer;
            state.losses = 0;
            state.excess += fewer;
            state.excess -= self.room.forget_permits(state.excess);
        }
        leave(&mut state, permit);
    }

    /// A file was stored and leaves; after enough of them more may come.
    pub(crate) fn stored(&self, permit: Option<OwnedSemaphorePermit>) {
        let mut state = self.state();
        state.losses = 0;
        state.stored += 1;
        if state.limit < MOST && state.stored >= 2 * state.limit {
            let more = state.limit.min(MOST - state.limit);
            state.limit += more;
            state.stored = 0;
            let kept = state.excess.min(more);
            state.excess -= kept;
            self.room.add_permits(more - kept);
        }
        leave(&mut state, permit);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a permit back, or takes it out of use. Whoever waits would take it at once, so this comes after the counting.
fn leave(state: &mut State, permit: Option<OwnedSemaphorePermit>) {
    if let Some(permit) = permit
        && state.excess > 0
    {
        permit.forget();
        state.excess -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_without_a_stored_file_make_it_smaller_and_stored_files_larger() {
        let retries = RetryLimit::default();
        let limit = || retries.state().limit;
        for _ in 0..15 {
            retries.lost(None);
        }
        retries.stored(None);
        for _ in 0..15 {
            retries.lost(None);
        }
        assert_eq!((limit(), retries.room.available_permits()), (256, 256));
        retries.lost(None);
        assert_eq!((limit(), retries.room.available_permits()), (128, 128));
        for _ in 0..1000 {
            retries.lost(None);
        }
        assert_eq!((limit(), retries.room.available_permits()), (1, 1));
        // Permits above the limit go out of use when they come back.
        let full = RetryLimit::default();
        let permits: Vec<_> = (0..256)
            .map(|_| Arc::clone(&full.room).try_acquire_owned().ok())
            .collect();
        for permit in permits {
            assert!(permit.is_some());
            full.lost(permit);
        }
        assert_eq!(full.state().limit, 1);
        assert_eq!(full.room.available_permits(), 1);
        for _ in 0..1000 {
            retries.stored(None);
        }
        assert_eq!((limit(), retries.room.available_permits()), (256, 256));
    }
}
