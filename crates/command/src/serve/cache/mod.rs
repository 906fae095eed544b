//! What was read last, and when it is read anew: when somebody asks, not before it is due, and once for all who ask.
//!
//! Reading is done by a thread, which may hang as long as it likes: there is never a second one, and whoever asks meanwhile
//! gets what was read before. So the repository is read at most once in the given time, and memory holds one result (two
//! while a new one is made).

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::error::{Error, ErrorCode, Result};

type Read<T> = Box<dyn Fn() -> Result<T> + Send + Sync>;
type Now = Box<dyn Fn() -> Duration + Send + Sync>;

/// One thing that is read now and then.
pub(super) struct Cache<T>(Arc<Inner<T>>);

struct Inner<T> {
    name: &'static str,
    read: Read<T>,
    /// Time that only goes forward.
    now: Now,
    state: Mutex<State<T>>,
    /// Counts attempts that have ended.
    ended: watch::Sender<u64>,
}

struct State<T> {
    age: Duration,
    kept: Option<(Arc<T>, Duration)>,
    failed: Option<Error>,
    /// When the attempt began that has not ended.
    began: Option<Duration>,
    /// Before that nothing is read.
    due: Option<Duration>,
}

/// What there is for one who asks.
#[derive(Debug)]
pub(super) struct Seen<T> {
    /// What was read last.
    pub(super) kept: Option<Arc<T>>,
    /// Since it was read.
    pub(super) age: Duration,
    /// Why the last attempt brought nothing.
    pub(super) failed: Option<Error>,
    /// How long an attempt has been going on.
    pub(super) reading: Option<Duration>,
    /// Attempts that have ended.
    pub(super) attempt: u64,
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cache of {}", self.0.name)
    }
}

impl<T: Send + Sync + 'static> Cache<T> {
    /// Nothing has been read yet.
    pub(super) fn new(
        name: &'static str,
        age: Duration,
        now: impl Fn() -> Duration + Send + Sync + 'static,
        read: impl Fn() -> Result<T> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            name,
            read: Box::new(read),
            now: Box::new(now),
            state: Mutex::new(State {
                age,
                kept: None,
                failed: None,
                began: None,
                due: None,
            }),
            ended: watch::Sender::new(0),
        }))
    }

    /// The next who asks gets it read anew, and from now on it may be so old.
    pub(super) fn expire(&self, age: Duration) {
        let mut state = self.0.lock();
        state.age = age;
        state.due = None;
    }

    /// What there is; while it is being read, as soon as that has ended, but after `patience` in any case.
    pub(super) async fn get(&self, patience: Duration) -> Seen<T> {
        let mut ended = self.0.ended.subscribe();
        let before = *ended.borrow_and_update();
        if self.begin() {
            // Too long is no error: what there is says so.
            let _ = tokio::time::timeout(patience, ended.wait_for(|now| *now != before)).await;
        }
        self.0.seen()
    }

    /// Begins to read if it is time. Whether it is being read now.
    fn begin(&self) -> bool {
        let mut state = self.0.lock();
        if state.began.is_some() {
            return true;
        }
        let now = (self.0.now)();
        if state.due.is_some_and(|due| now < due) {
            return false;
        }
        state.began = Some(now);
        drop(state);
        let inner = Arc::clone(&self.0);
        let thread = std::thread::Builder::new().name(self.0.name.to_owned());
        let started = thread.spawn(move || {
            let read = catch_unwind(AssertUnwindSafe(|| (inner.read)()));
            inner.end(read.unwrap_or_else(|_| Err(Error::panicked())));
        });
        if let Err(error) = started {
            let told = format!("unable to start a thread: {error}");
            self.0.end(Err(Error::new(ErrorCode::Kernel, told)));
        }
        true
    }
}

impl<T> Inner<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, read: Result<T>) {
        let now = (self.now)();
        let mut state = self.lock();
        let mut old = None;
        match read {
            Ok(read) => {
                old = state.kept.replace((Arc::new(read), now));
                state.failed = None;
            }
            Err(error) => {
                if error.code != ErrorCode::Term {
                    log::warn!("unable to read for the {}: {}", self.name, error.text());
                }
                state.failed = Some(error);
            }
        }
        state.began = None;
        state.due = Some(now.saturating_add(state.age));
        // Together with what it brought.
        self.ended.send_modify(|ended| *ended += 1);
        drop(state);
        drop(old);
    }

    fn seen(&self) -> Seen<T> {
        let now = (self.now)();
        let state = self.lock();
        let since = |moment: Duration| now.saturating_sub(moment);
        Seen {
            kept: state.kept.as_ref().map(|(kept, _)| Arc::clone(kept)),
            age: state
                .kept
                .as_ref()
                .map_or(Duration::ZERO, |(_, read)| since(*read)),
            failed: state.failed.clone(),
            reading: state.began.map(since),
            attempt: *self.ended.borrow(),
        }
    }
}

#[cfg(test)]
mod tests;
