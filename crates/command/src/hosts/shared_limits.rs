//! The limits of a run, each shared by all who move bytes of the same repository or cluster, and the clock they go by.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pgkeep_storage::RateLimit;
use pgkeep_storage::rate_limit::Pause;

use crate::run::cancel::Cancel;
use crate::run::clock::Clock;

/// The wish to stop is noticed this soon.
const STEP: Duration = Duration::from_millis(50);

/// Of what, and of how many bytes a second: another stanza may say another number for the same key.
type Key = (&'static str, u32, u64);

/// The limits of a run, shared by all its contexts.
#[derive(Debug, Clone, Default)]
pub struct SharedLimits(Arc<Mutex<BTreeMap<Key, Arc<RateLimit>>>>);

impl SharedLimits {
    /// The limit of what has this name and number; `pause` is for the first who asks.
    pub(super) fn get(
        &self,
        (name, key): (&'static str, u32),
        bytes_per_second: u64,
        pause: impl FnOnce() -> Arc<dyn Pause>,
    ) -> Arc<RateLimit> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = all
            .entry((name, key, bytes_per_second))
            .or_insert_with(|| Arc::new(RateLimit::new(bytes_per_second, pause())));
        Arc::clone(limit)
    }
}

/// The clock of the run, and its wish to stop.
pub(super) struct ByClock {
    pub(super) clock: Clock,
    pub(super) cancel: Cancel,
}

impl Pause for ByClock {
    fn now(&self) -> Duration {
        Duration::try_from(self.clock.now().as_duration()).unwrap_or_default()
    }

    fn wait(&self, time: Duration) -> bool {
        let mut left = time;
        while !left.is_zero() && !self.is_stopped() {
            let step = left.min(STEP);
            self.clock.sleep(step);
            left -= step;
        }
        !self.is_stopped()
    }

    fn is_stopped(&self) -> bool {
        self.cancel.signal().is_some()
    }
}

impl fmt::Debug for ByClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByClock")
    }
}
