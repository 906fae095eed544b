//! A pool of worker threads, their jobs, and the one channel through which everything comes back.
//!
//! The main thread alone gives jobs out (so it may own the manifest while it does) and takes results in. A worker does
//! a job and reports; a job that wrote to a repository may report with a [`Ticket`] that is
//! still open, and the worker goes on. The main thread reads one channel and sees a job only when its ticket has
//! resolved, so what it records is published and durable. A failed job is put back at most `job-retry` times: at once,
//! then after `job-retry-interval`.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use pgkeep_storage::Ticket;

use super::process;
use crate::error::{Error, ErrorCode, Result};
use crate::run::cancel::Cancel;

/// What a worker says of a job.
#[derive(Debug)]
pub enum Outcome<R> {
    /// Finished, nothing left to wait for.
    Done(R),
    /// Finished once the ticket resolves.
    Written(R, Ticket),
}

/// How a pool runs its jobs.
#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    /// Threads, from `process-max`.
    pub workers: usize,
    /// How often a failed job is tried again, from `job-retry`.
    pub retry: u32,
    /// Wait before the second and later retries, from `job-retry-interval`.
    pub retry_interval: Duration,
    /// Tickets that may be open at once; workers wait when there are more.
    pub open_tickets: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            workers: 1,
            retry: 2,
            retry_interval: Duration::from_secs(15),
            open_tickets: 256,
        }
    }
}

/// A job on its way: how often it failed, and why at first.
struct Attempt<J> {
    job: J,
    tries: u32,
    failures: Vec<Error>,
}

enum Message<J, R> {
    /// The worker is free (after a job, or at the start).
    Free(usize),
    /// The job is finished and published.
    Finished(Attempt<J>, R, u32),
    Failed(Attempt<J>, Error),
    Panicked,
}

/// The steps of a run that happen on the calling thread.
pub struct Steps<'a, J, R> {
    /// Gives the next job for the worker with this index (from 0), or `None` when there is no more for it.
    pub next: &'a mut dyn FnMut(usize) -> Result<Option<J>>,
    /// Takes a finished job; the number is the worker's process (from 1).
    pub done: &'a mut dyn FnMut(J, R, u32) -> Result<()>,
    /// Called about ten times a second.
    pub tick: &'a mut dyn FnMut() -> Result<()>,
}

impl<J, R> std::fmt::Debug for Steps<'_, J, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Steps")
    }
}

/// Runs every job that `steps.next` gives out and calls `steps.done` for each finished one.
///
/// The first job that fails for good ends the run: no further job is given out, those under way are waited for, and the
/// error is returned.
///
/// # Errors
/// The first final error of a job or of a step; [`ErrorCode::Term`] when the run was cancelled; a panic of a worker as
/// [`ErrorCode::Assert`].
pub fn run<'a, J, R>(
    settings: PoolSettings,
    cancel: &'a Cancel,
    work: &(dyn Fn(&J) -> Result<Outcome<R>> + Sync),
    steps: Steps<'a, J, R>,
) -> Result<()>
where
    J: Send + 'static,
    R: Send + 'static,
{
    let (send, receive) = mpsc::channel::<Message<J, R>>();
    std::thread::scope(|scope| {
        let mut inboxes = Vec::new();
        for index in 0..settings.workers.max(1) {
            let (give, take) = mpsc::channel::<Attempt<J>>();
            let send = send.clone();
            std::thread::Builder::new()
                .name(format!("worker-{}", index + 1))
                .spawn_scoped(scope, move || worker(index, work, &take, &send))
                .map_err(|error| {
                    Error::new(
                        ErrorCode::Kernel,
                        format!("unable to start worker thread: {error}"),
                    )
                })?;
            inboxes.push(give);
        }
        drop(send);
        // Dropping the inboxes ends the workers, so the scope can close.
        Dispatcher {
            settings,
            cancel,
            inboxes,
            receive,
            steps,
            free: VecDeque::new(),
            again: Vec::new(),
            under_way: 0,
        }
        .run()
    })
}

fn worker<J: Send + 'static, R: Send + 'static>(
    index: usize,
    work: &(dyn Fn(&J) -> Result<Outcome<R>> + Sync),
    take: &Receiver<Attempt<J>>,
    send: &Sender<Message<J, R>>,
) {
    let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
    process::set(number);
    // The main thread may have stopped listening after an error; there is nobody to tell then.
    let _ = send.send(Message::Free(index));
    while let Ok(attempt) = take.recv() {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&attempt.job)));
        let message = match result {
            Err(_) => Message::Panicked,
            Ok(Err(error)) => Message::Failed(attempt, error),
            Ok(Ok(Outcome::Done(result))) => Message::Finished(attempt, result, number),
            Ok(Ok(Outcome::Written(result, ticket))) => {
                let report = send.clone();
                ticket.notify(move |written| {
                    let _ = match written {
                        Ok(_) => report.send(Message::Finished(attempt, result, number)),
                        Err(error) => report.send(Message::Failed(attempt, error.into())),
                    };
                });
                let _ = send.send(Message::Free(index));
                continue;
            }
        };
        let _ = send.send(message);
        let _ = send.send(Message::Free(index));
    }
}

struct Dispatcher<'a, J, R> {
    settings: PoolSettings,
    cancel: &'a Cancel,
    inboxes: Vec<Sender<Attempt<J>>>,
    receive: Receiver<Message<J, R>>,
    steps: Steps<'a, J, R>,
    /// Workers without a job.
    free: VecDeque<usize>,
    /// Failed jobs with the time before which they must not run again.
    again: Vec<(Instant, Attempt<J>)>,
    /// Jobs given out whose result has not come back.
    under_way: usize,
}

/// How often [`Steps::tick`] is called at least, and how soon a cancelled run is noticed.
const TICK: Duration = Duration::from_millis(100);

impl<J, R> Dispatcher<'_, J, R> {
    fn run(mut self) -> Result<()> {
        let result = self.dispatch();
        // Results of jobs still under way are of no interest after an error: drop the inboxes and let workers finish.
        self.inboxes.clear();
        result
    }

    fn dispatch(&mut self) -> Result<()> {
        let mut exhausted = vec![false; self.inboxes.len()];
        let mut last_tick = Instant::now();
        loop {
            self.cancel.check()?;
            self.give_out(&mut exhausted)?;
            let nothing_left = exhausted.iter().all(|&done| done);
            if nothing_left && self.under_way == 0 && self.again.is_empty() {
                return Ok(());
            }
            match self.receive.recv_timeout(TICK) {
                Ok(message) => self.take_in(message)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::new(
                        ErrorCode::Assert,
                        "worker threads ended before their work",
                    ));
                }
            }
            if last_tick.elapsed() >= TICK {
                last_tick = Instant::now();
                (self.steps.tick)()?;
            }
        }
    }

    fn give_out(&mut self, exhausted: &mut [bool]) -> Result<()> {
        let mut waiting = VecDeque::new();
        while let Some(index) = self.free.pop_front() {
            let busy = self.inboxes.len() - self.free.len() - waiting.len() - 1;
            if self.under_way.saturating_sub(busy) >= self.settings.open_tickets {
                waiting.push_back(index);
                break;
            }
            let attempt = if let Some(at) = self
                .again
                .iter()
                .position(|(when, _)| *when <= Instant::now())
            {
                Some(self.again.swap_remove(at).1)
            } else if exhausted[index] {
                None
            } else {
                let job = (self.steps.next)(index)?;
                exhausted[index] = job.is_none();
                job.map(|job| Attempt {
                    job,
                    tries: 0,
                    failures: Vec::new(),
                })
            };
            match attempt {
                Some(attempt) => {
                    self.under_way += 1;
                    self.inboxes[index].send(attempt).map_err(|_| {
                        Error::new(ErrorCode::Assert, "worker thread ended before its work")
                    })?;
                }
                None => waiting.push_back(index),
            }
        }
        waiting.append(&mut self.free);
        self.free = waiting;
        Ok(())
    }

    fn take_in(&mut self, message: Message<J, R>) -> Result<()> {
        match message {
            Message::Free(index) => self.free.push_back(index),
            Message::Panicked => {
                return Err(Error::new(
                    ErrorCode::Assert,
                    "a worker thread panicked, see the log",
                ));
            }
            Message::Finished(attempt, result, process) => {
                self.under_way -= 1;
                (self.steps.done)(attempt.job, result, process)?;
            }
            Message::Failed(mut attempt, error) => {
                self.under_way -= 1;
                self.cancel.check()?;
                attempt.failures.push(error);
                if attempt.tries >= self.settings.retry || !is_worth_retrying(&attempt.failures) {
                    return Err(combine(attempt.failures));
                }
                // The first retry is immediate: most failures are a lost connection that a new one mends.
                let wait = if attempt.tries == 0 {
                    Duration::ZERO
                } else {
                    self.settings.retry_interval
                };
                attempt.tries += 1;
                self.again.push((Instant::now() + wait, attempt));
            }
        }
        Ok(())
    }
}

/// An internal error or a stop is not mended by trying again.
fn is_worth_retrying(failures: &[Error]) -> bool {
    !failures
        .iter()
        .any(|error| matches!(error.code, ErrorCode::Assert | ErrorCode::Term))
}

/// One error for a job that failed several times: the first, then each different later one on its own line.
fn combine(failures: Vec<Error>) -> Error {
    let mut failures = failures.into_iter();
    let mut first = failures
        .next()
        .expect("a job fails at least once before its failures are combined");
    let mut seen = vec![first.text()];
    for (index, error) in failures.enumerate() {
        let text = error.text();
        if !seen.contains(&text) {
            first.message.push_str(&format!(
                "\n[{}] on retry {}: {}",
                error.code.name(),
                index + 1,
                text
            ));
            seen.push(text);
        }
    }
    first
}
