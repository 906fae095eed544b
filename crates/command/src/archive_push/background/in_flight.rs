//! A file on its way into one repository, from the schedule to the report of how it ended.
//!
//! Invariant: whatever becomes of a file that was taken from the schedule, threads that panic included, it is reported.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::schedule::Schedule;
use crate::error::Error;

/// Why a file is not in a repository.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The repository cannot take any file.
    Unusable(Error),
    /// The repository did not take this file.
    Repository(Error),
    /// The file is not right, whatever the repository.
    File(Error),
}

/// On success the warning about the file, if any.
pub(crate) type FileResult = Result<Option<String>, Failure>;

/// The result of one file in one repository.
#[derive(Debug)]
pub(crate) struct Event {
    pub file: usize,
    /// Its place in the list of the repositories of the run.
    pub repository: usize,
    /// Number of the worker in log lines.
    pub process: u32,
    pub result: FileResult,
}

/// Tells the main thread and the schedule how a file ended.
#[derive(Clone)]
pub(crate) struct Reporter {
    schedule: Arc<Schedule>,
    events: Sender<Event>,
    repository: usize,
    process: u32,
}

impl Reporter {
    pub(crate) fn new(
        schedule: Arc<Schedule>,
        events: Sender<Event>,
        (repository, process): (usize, u32),
    ) -> Self {
        Self {
            schedule,
            events,
            repository,
            process,
        }
    }

    fn report(&self, file: usize, result: FileResult) {
        let (failed, stop) = (result.is_err(), matches!(result, Err(Failure::File(_))));
        // First the event: once the schedule is finished, every event has been sent.
        let _ = self.events.send(Event {
            file,
            repository: self.repository,
            process: self.process,
            result,
        });
        if stop {
            self.schedule.stop();
        }
        if failed {
            self.schedule.failed(self.repository, file);
        } else {
            self.schedule.done(self.repository);
        }
    }
}

/// A file that was taken from the schedule. It goes from thread to thread with what is done for the file.
///
/// Dropped without a result it counts as failed: a thread that panics drops what it works on and what waits for it, and the run
/// must not wait for ever for these files.
pub(crate) struct InFlight {
    file: usize,
    reporter: Option<Reporter>,
}

impl InFlight {
    pub(crate) fn new(file: usize, reporter: Reporter) -> Self {
        Self {
            file,
            reporter: Some(reporter),
        }
    }

    pub(crate) fn report(mut self, result: FileResult) {
        if let Some(reporter) = self.reporter.take() {
            reporter.report(self.file, result);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(reporter) = self.reporter.take() {
            reporter.report(self.file, Err(Failure::File(Error::panicked())));
        }
    }
}
