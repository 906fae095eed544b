//! The same work for several things at a time, where each is mostly waiting: for hosts, as a rule.
//!
//! What computes, and whose results are taken while others are still at work, is for the pool.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Most things at a time that [`side_by_side`] is given where nothing else speaks for a number. A thread that waits costs
/// nothing here, but a server of SSH turns logins away when more than ten come at once (`MaxStartups`).
pub const AT_ONCE: usize = 8;

/// Works on all items, at most `most` at a time. The results are in the order of the items.
pub fn side_by_side<I: Sync, T: Send>(
    items: &[I],
    most: usize,
    work: impl Fn(&I) -> T + Sync,
) -> Vec<T> {
    if let [] | [_] = items {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else {
                return done;
            };
            done.push((number, work(item)));
        }
    };
    let mut all: Vec<(usize, T)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..most.clamp(1, items.len()))
            .map(|_| scope.spawn(worker))
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<_>>| {
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().flat_map(join).collect()
    });
    all.sort_unstable_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    use super::*;

    /// Counts who is at work.
    #[derive(Default)]
    struct AtWork {
        now: Mutex<(usize, usize)>,
        more: Condvar,
    }

    impl AtWork {
        /// Comes, waits until so many have come, and goes. Whether they came.
        fn meet(&self, wanted: usize) -> bool {
            let mut now = self.now.lock().unwrap();
            now.0 += 1;
            now.1 = now.1.max(now.0);
            self.more.notify_all();
            let patience = Duration::from_secs(60);
            let waited = self
                .more
                .wait_timeout_while(now, patience, |now| now.1 < wanted);
            let (mut now, _) = waited.unwrap();
            now.0 -= 1;
            now.1 >= wanted
        }

        fn most(&self) -> usize {
            self.now.lock().unwrap().1
        }
    }

    #[test]
    fn no_more_than_allowed_are_at_work_and_results_keep_their_order() {
        let at_work = AtWork::default();
        let items: Vec<usize> = (0..50).collect();
        let results = side_by_side(&items, 3, |number| (*number, at_work.meet(3)));
        let expected: Vec<(usize, bool)> = items.iter().map(|number| (*number, true)).collect();
        assert_eq!(results, expected);
        assert_eq!(at_work.most(), 3);
    }

    #[test]
    fn none_and_one_are_done_without_threads() {
        let here = std::thread::current().id();
        let thread = |_: &()| std::thread::current().id();
        assert!(side_by_side(&[], AT_ONCE, thread).is_empty());
        assert_eq!(side_by_side(&[()], AT_ONCE, thread), [here]);
    }
}
