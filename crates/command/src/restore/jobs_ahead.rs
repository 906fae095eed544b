//! Jobs taken from the queues one ahead of each worker, so that their repository files are open when they begin.
//!
//! On a slow line the first bytes of a job come while the worker still writes the files of the one before. How much waits
//! in memory is bounded by the storage's budget.

use super::file::Worker;
use super::queue::{Job, Queues};

/// What is left to give out.
pub(super) struct JobsAhead<'a, 'w> {
    worker: &'a Worker<'w>,
    queues: Queues,
    /// The next job of each worker.
    waiting: Vec<Option<Job>>,
}

impl<'a, 'w> JobsAhead<'a, 'w> {
    pub(super) fn new(worker: &'a Worker<'w>, queues: Queues) -> Self {
        let workers = worker.settings.pool.workers.max(1);
        Self {
            worker,
            queues,
            waiting: std::iter::repeat_with(|| None).take(workers).collect(),
        }
    }

    /// The next job for a worker.
    pub(super) fn next(&mut self, index: usize) -> Option<Job> {
        let job = match self.waiting[index].take() {
            Some(job) => job,
            None => self.open_next(index).or_else(|| self.of_another())?,
        };
        self.waiting[index] = self.open_next(index);
        Some(job)
    }

    fn open_next(&mut self, index: usize) -> Option<Job> {
        let mut job = self.queues.next(self.worker.manifest, index)?;
        self.worker.open_ahead(&mut job);
        Some(job)
    }

    /// When the queues are empty no worker is idle while a job waits for another.
    fn of_another(&mut self) -> Option<Job> {
        self.waiting.iter_mut().find_map(Option::take)
    }
}
