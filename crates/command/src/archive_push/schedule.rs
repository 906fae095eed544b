//! Which file goes to which repository next: every repository has a lane of its own through the same list of files.
//!
//! Lanes do not wait for each other. A lane whose repository failed is left alone for a while and then tried with one
//! file; it never keeps the run alive, so the run ends when the lanes that work are through, and the only lane ends it at
//! once. Invariant: a file is under
//! way at most once in a lane, and done at most once.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Wait after the first failure of a repository; it doubles with each further one, up to [`LONGEST_BACK_OFF`].
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);
/// Files of one lane whose tickets may be open at once.
const OPEN_FILES: usize = 64;
/// How long an idle worker waits before it looks again by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct Lane {
    /// Index of the next file that was never given out.
    next: usize,
    /// Files that failed and are to be tried again.
    again: BTreeSet<usize>,
    /// Files given out whose result is not known.
    under_way: usize,
    /// The repository failed and has not worked since: not before this time, and so many times.
    failing: Option<(Instant, u32)>,
}

#[derive(Debug)]
struct State {
    files: usize,
    lanes: Vec<Lane>,
    stopped: bool,
}

/// Gives out files to the workers of all lanes.
#[derive(Debug)]
pub(super) struct Schedule {
    state: Mutex<State>,
    changed: Condvar,
}

impl State {
    fn has_work(&self, lane: &Lane) -> bool {
        lane.next < self.files || !lane.again.is_empty()
    }

    /// Every lane that works is through and nothing is under way: what is left belongs to lanes that fail.
    fn finished(&self) -> bool {
        let idle = |lane: &Lane| lane.under_way == 0;
        let through = |lane: &Lane| self.stopped || lane.failing.is_some() || !self.has_work(lane);
        self.lanes.iter().all(|lane| idle(lane) && through(lane))
    }
}

impl Schedule {
    pub(super) fn new(lanes: usize, files: usize) -> Self {
        let lanes = std::iter::repeat_with(Lane::default).take(lanes).collect();
        Self {
            state: Mutex::new(State {
                files,
                lanes,
                stopped: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next file for a worker of this lane, waiting for one; `None` once there will be no more.
    pub(super) fn take(&self, lane: usize) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.finished() {
                self.changed.notify_all();
                return None;
            }
            let files = state.files;
            let this = &mut state.lanes[lane];
            // A repository that failed is tried with one file, once its time has come.
            let allowed = match this.failing {
                Some((until, _)) => this.under_way == 0 && Instant::now() >= until,
                None => this.under_way < OPEN_FILES,
            };
            let file = match this.again.pop_first() {
                Some(file) if allowed => Some(file),
                Some(file) => {
                    this.again.insert(file);
                    None
                }
                None if allowed && this.next < files => {
                    this.next += 1;
                    Some(this.next - 1)
                }
                None => None,
            };
            if let Some(file) = file {
                this.under_way += 1;
                return Some(file);
            }
            let waited = self.changed.wait_timeout(state, LOOK_AGAIN);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A file is in the repository of this lane.
    pub(super) fn done(&self, lane: usize) {
        let mut state = self.lock();
        state.lanes[lane].under_way -= 1;
        state.lanes[lane].failing = None;
        self.changed.notify_all();
    }

    /// A file could not be stored in the repository of this lane.
    pub(super) fn failed(&self, lane: usize, file: usize) {
        let mut state = self.lock();
        let this = &mut state.lanes[lane];
        this.under_way -= 1;
        this.again.insert(file);
        let times = this.failing.map_or(0, |(_, times)| times);
        let wait = (FIRST_BACK_OFF * 2_u32.saturating_pow(times.min(8))).min(LONGEST_BACK_OFF);
        this.failing = Some((Instant::now() + wait, times + 1));
        // Alone, it would only be waited for: the next run does better, as it looks at the queue first.
        state.stopped |= state.lanes.len() == 1;
        self.changed.notify_all();
    }

    /// Gives nothing out any more.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Whether nothing is under way and nothing more will be given out.
    pub(super) fn finished(&self) -> bool {
        self.lock().finished()
    }

    /// Whether a lane that works has nothing to do while another still has: more files would not be in the way.
    pub(super) fn wants_more(&self) -> bool {
        let state = self.lock();
        let idle = |lane: &Lane| lane.failing.is_none() && !state.has_work(lane);
        !state.stopped && !state.finished() && state.lanes.len() > 1 && state.lanes.iter().any(idle)
    }

    /// The list of files has grown to this number.
    pub(super) fn extend(&self, files: usize) {
        self.lock().files = files;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_gets_every_file_in_order() {
        let schedule = Schedule::new(2, 2);
        for lane in 0..2 {
            assert_eq!(
                (schedule.take(lane), schedule.take(lane)),
                (Some(0), Some(1))
            );
        }
        assert!(!schedule.finished());
        for lane in [0, 0, 1, 1] {
            schedule.done(lane);
        }
        assert!(schedule.finished());
        assert_eq!((schedule.take(0), schedule.take(1)), (None, None));
    }

    #[test]
    fn the_only_lane_stops_at_its_first_failure() {
        let schedule = Schedule::new(1, 9);
        assert_eq!((schedule.take(0), schedule.take(0)), (Some(0), Some(1)));
        schedule.failed(0, 0);
        assert!(!schedule.finished(), "one file is still under way");
        schedule.failed(0, 1);
        assert!(schedule.finished());
        assert_eq!(schedule.take(0), None);
    }

    #[test]
    fn a_failing_lane_neither_stops_nor_delays_the_others() {
        let schedule = Schedule::new(2, 3);
        assert_eq!(schedule.take(0), Some(0));
        schedule.failed(0, 0);
        for file in 0..3 {
            assert_eq!(schedule.take(1), Some(file));
            schedule.done(1);
        }
        assert!(schedule.finished());
        assert_eq!(schedule.take(0), None);
    }

    #[test]
    fn a_lane_that_is_through_wants_more_while_another_is_not() {
        let schedule = Schedule::new(2, 1);
        assert_eq!((schedule.take(0), schedule.take(1)), (Some(0), Some(0)));
        schedule.done(0);
        assert!(schedule.wants_more());
        schedule.extend(2);
        assert!(!schedule.wants_more());
        assert_eq!(schedule.take(0), Some(1));
        schedule.stop();
        assert_eq!(schedule.take(1), None);
    }
}
