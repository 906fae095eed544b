//! Counts for tests and debugging: what was asked over all channels of a storage.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// The counts; every channel adds to them.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) batches: AtomicUsize,
    pub(crate) requests: AtomicUsize,
    /// Batches sent while no answer was waited for, on one channel: round trips of what is done one after the other.
    pub(crate) rounds: AtomicUsize,
    /// Microseconds of the quickest answer; 0: there was none.
    pub(crate) quickest: AtomicU64,
    pub(crate) connections: AtomicUsize,
    pub(crate) channels: AtomicUsize,
}

impl Counters {
    /// Took so long: the quickest tells the round trip.
    pub(super) fn note_answer(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let less = |old: u64| (old == 0 || took < old).then_some(took);
        let _ = self
            .quickest
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}
