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

    /// The next file of a lane, if it may have one now.
    fn give(&mut self, lane: usize, now: Instant) -> Option<usize> {
        let files = self.files;
        let this = &mut self.lanes[lane];
        // A repository that failed is tried with one file, once its time has come.
        let allowed = match this.failing {
            Some((until, _)) => this.under_way == 0 && now >= until,
            None => this.under_way < OPEN_FILES,
        };
        if !allowed {
            return None;
        }
        let file = match this.again.pop_first() {
            Some(file) => file,
            None if this.next < files => {
                this.next += 1;
                this.next - 1
            }
            None => return None,
        };
        this.under_way += 1;
        Some(file)
    }

    fn fail(&mut self, lane: usize, file: usize, now: Instant) {
        let this = &mut self.lanes[lane];
        this.under_way -= 1;
        this.again.insert(file);
        let times = this.failing.map_or(0, |(_, times)| times);
        let wait = (FIRST_BACK_OFF * 2_u32.saturating_pow(times.min(8))).min(LONGEST_BACK_OFF);
        this.failing = Some((now + wait, times + 1));
        // Alone, it would only be waited for: the next run does better, as it looks at the queue first.
        self.stopped |= self.lanes.len() == 1;
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
            if let Some(file) = state.give(lane, Instant::now()) {
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
        self.lock().fail(lane, file, Instant::now());
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
    fn a_failing_lane_is_tried_with_one_file_after_waits_that_double() {
        let mut state = State {
            files: 9,
            lanes: vec![Lane::default(), Lane::default()],
            stopped: false,
        };
        let mut now = Instant::now();
        assert_eq!(state.give(0, now), Some(0));
        for wait in [1, 2, 4, 8, 16, 30, 30] {
            let wait = Duration::from_secs(wait);
            state.fail(0, 0, now);
            assert_eq!(state.give(0, now + wait - Duration::from_millis(1)), None);
            now += wait;
            assert_eq!(state.give(0, now), Some(0));
            // The others wait for how this one ends.
            assert_eq!(state.give(0, now + LONGEST_BACK_OFF), None);
        }
        // The other lane never noticed.
        for file in 0..9 {
            assert_eq!(state.give(1, now), Some(file));
        }
    }

    #[test]
    fn a_lane_that_works_again_goes_on_with_all_that_failed_and_the_rest() {
        let mut state = State {
            files: 3,
            lanes: vec![Lane::default(), Lane::default()],
            stopped: false,
        };
        let now = Instant::now();
        let later = now + LONGEST_BACK_OFF;
        assert_eq!((state.give(0, now), state.give(0, now)), (Some(0), Some(1)));
        state.fail(0, 0, now);
        state.fail(0, 1, now);
        assert_eq!(state.give(0, later), Some(0));
        let schedule = Schedule {
            state: Mutex::new(state),
            changed: Condvar::new(),
        };
        schedule.done(0);
        assert_eq!((schedule.take(0), schedule.take(0)), (Some(1), Some(2)));
    }

    #[test]
    fn so_many_tickets_are_open_in_a_lane_and_no_more() {
        let mut state = State {
            files: OPEN_FILES + 1,
            lanes: vec![Lane::default(), Lane::default()],
            stopped: false,
        };
        let now = Instant::now();
        for file in 0..OPEN_FILES {
            assert_eq!(state.give(0, now), Some(file));
        }
        assert_eq!(state.give(0, now), None);
        state.lanes[0].under_way -= 1;
        assert_eq!(state.give(0, now), Some(OPEN_FILES));
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
