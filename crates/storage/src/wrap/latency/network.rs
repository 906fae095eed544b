//! The network with its latency and its limits, and a virtual clock.
//!
//! Time moves in three ways only: a call that needs its answers, a wait for a ticket, and a full network.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::error::Result;
use crate::ticket::{Ticket, Written};

/// What the network can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencySettings {
    /// Time between a request and its answer.
    pub round_trip: Duration,
    /// Small requests (look up, remove, list) of one call that are under way together.
    pub requests_in_flight: usize,
    /// Written files whose tickets are open together.
    pub files_in_flight: usize,
    /// Bytes of one file that are under way together.
    pub window: u64,
    /// Names in one answer to a listing.
    pub names_per_answer: usize,
}

impl Default for LatencySettings {
    fn default() -> Self {
        Self {
            round_trip: Duration::from_millis(50),
            requests_in_flight: 512,
            files_in_flight: 64,
            window: 4 << 20,
            names_per_answer: 100,
        }
    }
}

#[derive(Clone)]
pub(super) struct Network {
    pub(super) settings: LatencySettings,
    clock: Arc<Mutex<Clock>>,
}

#[derive(Default)]
struct Clock {
    now: Duration,
    /// When the files under way will be done.
    files: Vec<Duration>,
    requests: u64,
}

impl Clock {
    fn wait_until(&mut self, time: Duration) {
        self.now = self.now.max(time);
        self.files.retain(|&done| done > self.now);
    }
}

impl Network {
    pub(super) fn new(settings: LatencySettings) -> Self {
        Self {
            settings,
            clock: Arc::default(),
        }
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock
            .lock()
            .expect("no panic happens while the clock is held")
    }

    fn round_trips(&self, count: usize) -> Duration {
        self.settings
            .round_trip
            .saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Sends `requests` that do not depend on each other and waits for all answers.
    pub(super) fn serial(&self, requests: usize) {
        let mut clock = self.clock();
        clock.requests += requests as u64;
        let rounds = requests.div_ceil(self.settings.requests_in_flight.max(1));
        let done = clock.now + self.round_trips(rounds);
        clock.wait_until(done);
    }

    /// Sends requests that depend on each other, does not wait, and says when the last answer comes.
    pub(super) fn send(&self, chain: usize) -> Duration {
        let mut clock = self.clock();
        clock.requests += chain as u64;
        clock.now + self.round_trips(chain)
    }

    pub(super) fn wait_until(&self, time: Duration) {
        self.clock().wait_until(time);
    }

    /// Waits until one more file may be under way and says when it starts.
    pub(super) fn admit(&self) -> Duration {
        let mut clock = self.clock();
        while clock.files.len() >= self.settings.files_in_flight.max(1) {
            let first = *clock
                .files
                .iter()
                .min()
                .expect("the list is not empty: it has reached the limit");
            clock.wait_until(first);
        }
        clock.now
    }

    /// A ticket that resolves at the virtual time `done`.
    pub(super) fn ticket(&self, written: Result<Written>, done: Duration) -> Ticket {
        self.clock().files.push(done);
        let network = self.clone();
        Ticket::ready(written).before_wait(move || network.wait_until(done))
    }

    /// When the last of `bytes` bytes of one file is through, if the first is sent at `start`.
    pub(super) fn streamed(&self, start: Duration, bytes: u64) -> Duration {
        let windows = bytes.div_ceil(self.settings.window.max(1)).max(1);
        start + self.round_trips(usize::try_from(windows).unwrap_or(usize::MAX))
    }

    pub(super) fn after(&self, start: Duration, round_trips: usize) -> Duration {
        start + self.round_trips(round_trips)
    }

    pub(super) fn now(&self) -> Duration {
        self.clock().now
    }

    /// Sets the clock, for what happens at the same time as something that was counted already.
    pub(super) fn rewind(&self, to: Duration) {
        self.clock().now = to;
    }

    pub(super) fn count(&self, requests: usize) {
        self.clock().requests += requests as u64;
    }

    /// Waits for every file under way.
    pub(super) fn settle(&self) {
        let done = self.elapsed();
        self.wait_until(done);
    }

    pub(super) fn elapsed(&self) -> Duration {
        let clock = self.clock();
        clock
            .files
            .iter()
            .copied()
            .max()
            .unwrap_or_default()
            .max(clock.now)
    }

    pub(super) fn serial_round_trips(&self) -> u64 {
        let one = self.settings.round_trip.as_nanos().max(1);
        u64::try_from(self.elapsed().as_nanos().div_ceil(one)).unwrap_or(u64::MAX)
    }

    pub(super) fn requests(&self) -> u64 {
        self.clock().requests
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({:?} elapsed)", self.elapsed())
    }
}
