//! Time as the protocol needs it: how much has passed, and a wait that ends early when there is something to do.
//!
//! Tests hand in a [`ManualTimer`] and move it on, so no test waits.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Ends a wait of a [`Timer`]. Once rung it stays so until the wait that sees it.
#[derive(Debug, Default)]
pub struct Alarm {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Alarm {
    /// Ends the present wait, or else the next one.
    pub fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn poke(&self) {
        drop(self.rung.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn is_rung(&self) -> bool {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is rung, or `late` gives no more time to wait.
    fn wait(&self, mut left: impl FnMut() -> Option<Duration>) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !*rung {
            let Some(left) = left() else { return };
            let waited = self.changed.wait_timeout(rung, left);
            rung = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *rung = false;
    }
}

/// A clock that only goes forward, and waiting by it.
pub trait Timer: Debug + Send + Sync {
    /// Time since a moment that does not change.
    fn now(&self) -> Duration;

    /// Returns at `until`, or when `alarm` rings.
    fn wait(&self, until: Duration, alarm: &Arc<Alarm>);
}

/// The system's clock.
#[derive(Debug)]
pub struct SystemTimer(Instant);

impl Default for SystemTimer {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Timer for SystemTimer {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wait(&self, until: Duration, alarm: &Arc<Alarm>) {
        alarm.wait(|| {
            let left = until.saturating_sub(self.now());
            (!left.is_zero()).then_some(left)
        });
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug, Default)]
pub struct ManualTimer(Mutex<Manual>);

#[derive(Debug, Default)]
struct Manual {
    now: Duration,
    /// By the address of the alarm: who waits and until when.
    waiting: HashMap<usize, (Arc<Alarm>, Duration)>,
    /// Whose time had come and who has not come back to wait.
    busy: HashMap<usize, Arc<Alarm>>,
}

impl ManualTimer {
    /// Whether anybody waits for the clock to move.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        let manual = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !manual.waiting.is_empty()
    }

    /// Moves the clock on, and returns once whoever waited for that moment has done its work.
    pub fn advance(&self, by: Duration) {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting: Vec<Arc<Alarm>> = {
            let mut manual = lock();
            manual.now += by;
            manual
                .waiting
                .values()
                .map(|(alarm, _)| Arc::clone(alarm))
                .collect()
        };
        waiting.iter().for_each(|alarm| alarm.poke());
        loop {
            let manual = lock();
            let due = manual
                .waiting
                .values()
                .any(|(_, until)| *until <= manual.now);
            if !due && manual.busy.values().all(|alarm| alarm.is_rung()) {
                return;
            }
            drop(manual);
            std::thread::yield_now();
        }
    }
}

impl Timer for ManualTimer {
    fn now(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    fn wait(&self, until: Duration, alarm: &Arc<Alarm>) {
        let key = Arc::as_ptr(alarm) as usize;
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut manual = lock();
            manual.busy.remove(&key);
            manual.waiting.insert(key, (Arc::clone(alarm), until));
        }
        let mut due = false;
        alarm.wait(|| {
            due = self.now() >= until;
            // Woken by `advance`; the long time never passes.
            (!due).then_some(Duration::from_secs(3600))
        });
        let mut manual = lock();
        manual.waiting.remove(&key);
        if due {
            manual.busy.insert(key, Arc::clone(alarm));
        }
    }
}
