//! Jobs taken from the queues ahead of the workers, so that their repository files are open when they begin.
//!
//! On a network with latency the first bytes of a job come while the worker still writes the files of those before. What waits in memory
//! is bounded by the storage's budget.

use std::collections::VecDeque;

use super::queue::{Job, Queues};
use super::worker::Worker;

/// Stored bytes of the jobs ahead of all workers together; each worker has one ahead, however large it is.
const AHEAD: u64 = 16 << 20;
/// Most jobs ahead of a worker.
const JOBS_AHEAD: usize = 8;

/// What is left to give out.
pub(super) struct JobsAhead<'a, 'w> {
    worker: &'a Worker<'w>,
    queues: Queues,
    /// The next jobs of each worker, opened.
    waiting: Vec<VecDeque<Job>>,
}

impl<'a, 'w> JobsAhead<'a, 'w> {
    pub(super) fn new(worker: &'a Worker<'w>, queues: Queues) -> Self {
        let workers = worker.settings.pool.workers.max(1);
        Self {
            worker,
            queues,
            waiting: std::iter::repeat_with(VecDeque::new)
                .take(workers)
                .collect(),
        }
    }

    /// The next job for a worker.
    pub(super) fn next(&mut self, index: usize) -> Option<Job> {
        if !self.worker.opens_ahead() {
            return self.queues.next(self.worker.manifest, index);
        }
        let job = match self.waiting[index].pop_front() {
            Some(job) => job,
            None => self.open_next(index).or_else(|| self.of_another())?,
        };
        while (self.waiting[index].is_empty() || self.bytes() < AHEAD)
            && self.waiting[index].len() < JOBS_AHEAD
            && let Some(job) = self.open_next(index)
        {
            self.waiting[index].push_back(job);
        }
        Some(job)
    }

    fn open_next(&mut self, index: usize) -> Option<Job> {
        let mut job = self.queues.next(self.worker.manifest, index)?;
        self.worker.open_ahead(&mut job);
        Some(job)
    }

    fn bytes(&self) -> u64 {
        let jobs = self.waiting.iter().flatten();
        jobs.map(|job| job.stored).fold(0, u64::saturating_add)
    }

    /// When the queues are empty no worker is idle while a job waits for another.
    fn of_another(&mut self) -> Option<Job> {
        self.waiting.iter_mut().find_map(VecDeque::pop_back)
    }
}
