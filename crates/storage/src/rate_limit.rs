//! Bytes a second at most, shared by all threads of a run that move them.
//!
//! A thread pays for what it has moved: it waits until the limit allows that much. So one piece always passes at once, and no
//! thread takes from what another one has waited for. What was not used lapses after [`BURST`]. Time comes from outside.

use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Operation};

/// How long an unused part of the limit can be made up for.
const BURST: Duration = Duration::from_millis(100);
/// Bytes that are moved at once: what the limit allows in [`BURST`], within these bounds.
const PIECE: (u64, u64) = (1024, 1 << 20);

/// The time, and waiting for a later one.
pub trait Pause: Debug + Send + Sync {
    /// The time since any moment in the past. It may be set back.
    fn now(&self) -> Duration;

    /// Waits. `false`: the run was asked to stop, and nothing is waited for any more.
    fn wait(&self, time: Duration) -> bool;

    /// The run was asked to stop.
    fn is_stopped(&self) -> bool;
}

#[derive(Debug, Default)]
struct State {
    /// The time when it was looked at last.
    seen: Duration,
    /// When all that was moved is paid for.
    paid: Duration,
}

/// A limit for the bytes of one repository or cluster.
#[derive(Debug)]
pub struct RateLimit {
    bytes_per_second: u64,
    pause: Arc<dyn Pause>,
    state: Mutex<State>,
}

impl RateLimit {
    /// At most so many bytes a second, at least one.
    #[must_use]
    pub fn new(bytes_per_second: u64, pause: Arc<dyn Pause>) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            pause,
            state: Mutex::default(),
        }
    }

    /// Bytes that should be moved at once at most, so that nobody waits for long.
    #[must_use]
    pub fn piece(&self) -> usize {
        let share = self.bytes_per_second / (1000 / BURST.as_millis() as u64);
        share.clamp(PIECE.0, PIECE.1) as usize
    }

    /// So many bytes were moved: waits until the limit allows them.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] when the run is to stop.
    pub fn moved(&self, bytes: u64) -> io::Result<()> {
        let wait = self.wait_for(bytes);
        if wait.is_zero() || self.pause.wait(wait) {
            return Ok(());
        }
        let stopped = Error::new(
            ErrorKind::Cancelled,
            Operation::Read,
            "",
            "the run was asked to stop",
        );
        Err(stopped.into_io())
    }

    /// As [`Self::moved`] for bytes of a file that says where a run has come to. A copy ends with the wait in which the stop came.
    /// What is written after that is little, and the next run needs it: it waits for nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] when the run is asked to stop meanwhile.
    pub fn moved_or_stopped(&self, bytes: u64) -> io::Result<()> {
        match self.pause.is_stopped() {
            true => Ok(()),
            false => self.moved(bytes),
        }
    }

    fn wait_for(&self, bytes: u64) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.pause.now();
        // A clock that is set back must not make anybody wait for the time to come again.
        let back = state.seen.saturating_sub(now);
        let paid = state.paid.saturating_sub(back);
        state.seen = now;
        state.paid = paid
            .max(now.saturating_sub(BURST))
            .saturating_add(self.time_of(bytes));
        state.paid.saturating_sub(now)
    }

    /// How long so many bytes take.
    fn time_of(&self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A clock that moves by waiting only.
    #[derive(Debug, Default)]
    pub(crate) struct Hands {
        pub(crate) now: Mutex<Duration>,
        pub(crate) stopped: std::sync::atomic::AtomicBool,
    }

    impl Pause for Hands {
        fn now(&self) -> Duration {
            *self.now.lock().unwrap()
        }

        fn wait(&self, time: Duration) -> bool {
            *self.now.lock().unwrap() += time;
            !self.is_stopped()
        }

        fn is_stopped(&self) -> bool {
            self.stopped.load(std::sync::atomic::Ordering::SeqCst)
        }
    }

    const START: Duration = Duration::from_secs(1_800_000_000);

    fn limit(bytes_per_second: u64) -> (Arc<Hands>, RateLimit) {
        let hands = Arc::new(Hands::default());
        *hands.now.lock().unwrap() = START;
        let pause = Arc::clone(&hands) as Arc<dyn Pause>;
        (hands, RateLimit::new(bytes_per_second, pause))
    }

    #[test]
    fn what_is_moved_takes_its_time_but_for_a_burst() {
        for rate in [1024, 1_000_000, 20 << 20, 7 << 30] {
            let (hands, limit) = limit(rate);
            let mut moved = 0;
            while moved < 10 * rate {
                let piece = limit.piece() as u64;
                limit.moved(piece).unwrap();
                moved += piece;
            }
            let passed = (hands.now() - START).as_secs_f64();
            let due = moved as f64 / rate as f64;
            assert!(
                (due - 0.101..=due).contains(&passed),
                "{rate}: {passed} of {due}"
            );
        }
    }

    #[test]
    fn time_without_work_is_made_up_for_by_a_burst_only() {
        let (hands, limit) = limit(1000);
        limit.moved(1000).unwrap();
        *hands.now.lock().unwrap() += Duration::from_secs(3600);
        let idle = hands.now();
        limit.moved(1000).unwrap();
        limit.moved(1000).unwrap();
        assert_eq!(hands.now() - idle, Duration::from_millis(1900));
    }

    #[test]
    fn a_clock_that_is_set_makes_nobody_wait_for_it() {
        let (hands, limit) = limit(1000);
        limit.moved(100).unwrap();
        *hands.now.lock().unwrap() -= Duration::from_secs(3600);
        let before = hands.now();
        limit.moved(500).unwrap();
        assert_eq!(hands.now() - before, Duration::from_millis(500));
        *hands.now.lock().unwrap() += Duration::from_secs(7200);
        let before = hands.now();
        limit.moved(500).unwrap();
        assert_eq!(hands.now() - before, Duration::from_millis(400));
    }

    #[test]
    fn threads_share_the_limit() {
        let (_hands, limit) = limit(1 << 20);
        let longest = |_| (0..64).map(|_| limit.wait_for(16 << 10)).max().unwrap();
        let longest = std::thread::scope(|scope| {
            let threads = [0; 4].map(|one| scope.spawn(move || longest(one)));
            threads
                .map(|thread| thread.join().unwrap())
                .into_iter()
                .max()
        });
        // The clock stands still: whoever is last waits for what all have moved, 4 MiB.
        assert_eq!(longest, Some(Duration::from_millis(3900)));
    }

    #[test]
    fn the_wish_to_stop_ends_the_wait() {
        let (hands, limit) = limit(1000);
        hands
            .stopped
            .store(true, std::sync::atomic::Ordering::SeqCst);
        limit.moved(100).unwrap();
        let error = limit.moved(100).unwrap_err();
        let error = Error::from_stream(Operation::Read, "file", error);
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }

    #[test]
    fn pieces_are_neither_tiny_nor_huge() {
        let piece = |rate| limit(rate).1.piece();
        assert_eq!(
            (piece(1), piece(1 << 20), piece(1 << 40)),
            (1024, (1 << 20) / 10, 1 << 20)
        );
    }
}
