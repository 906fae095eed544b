//! Which file goes to which repository next: every repository goes through the same list of files at its own pace.
//!
//! Repositories do not wait for each other. One that failed is left alone for a while and then tried with one file. It never
//! keeps the run alive, so the run ends when the repositories that work are done, and the only repository ends it at once.
//! Invariant: a file is in flight at most once in a repository, and done at most once.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Wait after the first failure of a repository; it doubles with each further one, up to [`LONGEST_BACK_OFF`].
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);
/// Files of one repository whose tickets may be open at the same time.
const OPEN_FILES: usize = 64;
/// How long an idle worker waits before it checks by itself whether there is a file for it.
const IDLE_CHECK: Duration = Duration::from_millis(100);

/// How far one repository is.
#[derive(Debug, Default)]
struct RepositoryQueue {
    /// Index of the next file that was never given out.
    next: usize,
    /// Files that failed and are to be tried again.
    retry: BTreeSet<usize>,
    /// Files given out whose result is not known.
    in_flight: usize,
    /// The repository failed and has not worked since: not before this time, and so many times.
    failing: Option<(Instant, u32)>,
}

#[derive(Debug)]
struct State {
    files: usize,
    repositories: Vec<RepositoryQueue>,
    stopped: bool,
}

/// Gives out files to the workers of all repositories.
#[derive(Debug)]
pub(super) struct Schedule {
    state: Mutex<State>,
    changed: Condvar,
}

impl State {
    fn has_work(&self, queue: &RepositoryQueue) -> bool {
        queue.next < self.files || !queue.retry.is_empty()
    }

    /// The next file of a repository, if it may have one now.
    fn next(&mut self, repository: usize, now: Instant) -> Option<usize> {
        let files = self.files;
        let queue = &mut self.repositories[repository];
        // A repository that failed is tried with one file, once its time has come.
        let allowed = match queue.failing {
            Some((until, _)) => queue.in_flight == 0 && now >= until,
            None => queue.in_flight < OPEN_FILES,
        };
        if !allowed {
            return None;
        }
        let file = match queue.retry.pop_first() {
            Some(file) => file,
            None if queue.next < files => {
                queue.next += 1;
                queue.next - 1
            }
            None => return None,
        };
        queue.in_flight += 1;
        Some(file)
    }

    fn fail(&mut self, repository: usize, file: usize, now: Instant) {
        let queue = &mut self.repositories[repository];
        queue.in_flight -= 1;
        queue.retry.insert(file);
        let times = queue.failing.map_or(0, |(_, times)| times);
        let wait = (FIRST_BACK_OFF * 2_u32.saturating_pow(times.min(8))).min(LONGEST_BACK_OFF);
        queue.failing = Some((now + wait, times + 1));
        // Alone, it would only be waited for: the next run does better, as it looks at the queue first.
        self.stopped |= self.repositories.len() == 1;
    }

    /// Every repository that works is done and nothing is in flight: what is left belongs to repositories that fail.
    fn finished(&self) -> bool {
        let done = |queue: &RepositoryQueue| {
            self.stopped || queue.failing.is_some() || !self.has_work(queue)
        };
        self.repositories
            .iter()
            .all(|queue| queue.in_flight == 0 && done(queue))
    }
}

impl Schedule {
    pub(super) fn new(repositories: usize, files: usize) -> Self {
        let queues = std::iter::repeat_with(RepositoryQueue::default).take(repositories);
        Self {
            state: Mutex::new(State {
                files,
                repositories: queues.collect(),
                stopped: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next file for a worker of this repository, waiting for one; `None` once there will be no more.
    pub(super) fn take(&self, repository: usize) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.finished() {
                self.changed.notify_all();
                return None;
            }
            if let Some(file) = state.next(repository, Instant::now()) {
                return Some(file);
            }
            let waited = self.changed.wait_timeout(state, IDLE_CHECK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A file is in this repository.
    pub(super) fn done(&self, repository: usize) {
        let mut state = self.lock();
        state.repositories[repository].in_flight -= 1;
        state.repositories[repository].failing = None;
        self.changed.notify_all();
    }

    /// A file could not be stored in this repository.
    pub(super) fn failed(&self, repository: usize, file: usize) {
        self.lock().fail(repository, file, Instant::now());
        self.changed.notify_all();
    }

    /// Gives nothing out any more.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Whether nothing is in flight and nothing more will be given out.
    pub(super) fn finished(&self) -> bool {
        self.lock().finished()
    }

    /// Whether a repository that works has nothing to do while another still has: more files would not be in the way.
    pub(super) fn wants_more(&self) -> bool {
        let state = self.lock();
        let idle = |queue: &RepositoryQueue| queue.failing.is_none() && !state.has_work(queue);
        !state.stopped
            && !state.finished()
            && state.repositories.len() > 1
            && state.repositories.iter().any(idle)
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
    fn every_repository_gets_every_file_in_order() {
        let schedule = Schedule::new(2, 2);
        for repository in 0..2 {
            assert_eq!(
                (schedule.take(repository), schedule.take(repository)),
                (Some(0), Some(1))
            );
        }
        assert!(!schedule.finished());
        for repository in [0, 0, 1, 1] {
            schedule.done(repository);
        }
        assert!(schedule.finished());
        assert_eq!((schedule.take(0), schedule.take(1)), (None, None));
    }

    #[test]
    fn the_only_repository_stops_at_its_first_failure() {
        let schedule = Schedule::new(1, 9);
        assert_eq!((schedule.take(0), schedule.take(0)), (Some(0), Some(1)));
        schedule.failed(0, 0);
        assert!(!schedule.finished(), "one file is still in flight");
        schedule.failed(0, 1);
        assert!(schedule.finished());
        assert_eq!(schedule.take(0), None);
    }

    #[test]
    fn a_failing_repository_neither_stops_nor_delays_the_others() {
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
    fn a_failing_repository_is_tried_with_one_file_after_waits_that_double() {
        let mut state = State {
            files: 9,
            repositories: vec![RepositoryQueue::default(), RepositoryQueue::default()],
            stopped: false,
        };
        let mut now = Instant::now();
        assert_eq!(state.next(0, now), Some(0));
        for wait in [1, 2, 4, 8, 16, 30, 30] {
            let wait = Duration::from_secs(wait);
            state.fail(0, 0, now);
            assert_eq!(state.next(0, now + wait - Duration::from_millis(1)), None);
            now += wait;
            assert_eq!(state.next(0, now), Some(0));
            // The others wait for how this one ends.
            assert_eq!(state.next(0, now + LONGEST_BACK_OFF), None);
        }
        // The other repository never noticed.
        for file in 0..9 {
            assert_eq!(state.next(1, now), Some(file));
        }
    }

    #[test]
    fn a_repository_that_works_again_goes_on_with_all_that_failed_and_the_rest() {
        let mut state = State {
            files: 3,
            repositories: vec![RepositoryQueue::default(), RepositoryQueue::default()],
            stopped: false,
        };
        let now = Instant::now();
        let later = now + LONGEST_BACK_OFF;
        assert_eq!((state.next(0, now), state.next(0, now)), (Some(0), Some(1)));
        state.fail(0, 0, now);
        state.fail(0, 1, now);
        assert_eq!(state.next(0, later), Some(0));
        let schedule = Schedule {
            state: Mutex::new(state),
            changed: Condvar::new(),
        };
        schedule.done(0);
        assert_eq!((schedule.take(0), schedule.take(0)), (Some(1), Some(2)));
    }

    #[test]
    fn so_many_tickets_are_open_in_a_repository_and_no_more() {
        let mut state = State {
            files: OPEN_FILES + 1,
            repositories: vec![RepositoryQueue::default(), RepositoryQueue::default()],
            stopped: false,
        };
        let now = Instant::now();
        for file in 0..OPEN_FILES {
            assert_eq!(state.next(0, now), Some(file));
        }
        assert_eq!(state.next(0, now), None);
        state.repositories[0].in_flight -= 1;
        assert_eq!(state.next(0, now), Some(OPEN_FILES));
    }

    #[test]
    fn a_repository_that_is_done_wants_more_while_another_is_not() {
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
