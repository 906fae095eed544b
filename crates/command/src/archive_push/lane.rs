//! The work of one repository in the background: its workers take files from the schedule and store them.
//!
//! Making a file durable is mostly waiting, so each worker hands it to a helper and hashes the next file meanwhile.
//! Results go to the main thread as [`Event`]s; nothing here writes to the spool or logs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::existing::{self, Listing, Presence};
use super::push_file::{compression, pieces_of};
use super::schedule::Schedule;
use super::settings::Settings;
use super::shared_file::{Recent, Shared};
use super::source::{Source, read_piece};
use super::store::Writing;
use super::target::{Identity, Target, load_for, panicked};
use crate::error::{Error, Result};
use crate::runtime::Context;

/// One file of the run.
#[derive(Debug)]
pub(super) struct File {
    pub source: Source,
    shared: Mutex<Weak<Shared>>,
}

impl File {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            shared: Mutex::new(Weak::new()),
        }
    }
}

/// Why a file is not in a repository.
#[derive(Debug)]
pub(super) enum Failure {
    /// The repository was not found fit to take any file.
    Unfit(Error),
    /// The repository did not take this file.
    Repository(Error),
    /// The file is not right, whatever the repository.
    File(Error),
}

/// The result of one file in one lane; on success the warning about it, if any.
#[derive(Debug)]
pub(super) struct Event {
    pub file: usize,
    pub lane: usize,
    /// Number of the worker in log lines.
    pub process: u32,
    pub result: std::result::Result<Option<String>, Failure>,
}

/// One repository and what was learnt of it.
#[derive(Debug)]
pub(super) struct Lane {
    pub key: u32,
    target: Mutex<Option<Arc<Target>>>,
    listing: Listing,
}

/// What all lanes work with.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub identity: &'a Identity,
    pub recent: Recent,
    pub schedule: Arc<Schedule>,
}

/// Tells the main thread and the schedule how a file ended.
#[derive(Clone)]
struct Reporter {
    schedule: Arc<Schedule>,
    events: Sender<Event>,
    lane: usize,
    process: u32,
}

impl Reporter {
    fn report(&self, file: usize, result: std::result::Result<Option<String>, Failure>) {
        let (failed, stop) = (result.is_err(), matches!(result, Err(Failure::File(_))));
        // First the event: once the schedule is finished, every event has been sent.
        let _ = self.events.send(Event {
            file,
            lane: self.lane,
            process: self.process,
            result,
        });
        if stop {
            self.schedule.stop();
        }
        if failed {
            self.schedule.failed(self.lane, file);
        } else {
            self.schedule.done(self.lane);
        }
    }
}

enum Pushed {
    There(Option<String>),
    Writing(Writing),
}

impl Lane {
    pub(super) fn new(key: u32, target: Option<Target>) -> Self {
        Self {
            key,
            target: Mutex::new(target.map(Arc::new)),
            listing: Listing::default(),
        }
    }

    /// One worker: takes files until there are no more. `file` gives the file of an index.
    pub(super) fn work(
        &self,
        work: &Work<'_>,
        (lane, process): (usize, u32),
        file: &(dyn Fn(usize) -> Arc<File> + Sync),
        events: &Sender<Event>,
    ) {
        let reporter = Reporter {
            schedule: Arc::clone(&work.schedule),
            events: events.clone(),
            lane,
            process,
        };
        // One waits while the next is written: more would only delay what is done.
        let (give, take) = mpsc::sync_channel::<(usize, Writing)>(1);
        let helper = reporter.clone();
        std::thread::scope(|scope| {
            scope.spawn(move || finish_each(&take, &helper));
            while let Some(index) = work.schedule.take(lane) {
                let pushed = catch_unwind(AssertUnwindSafe(|| self.push(work, &file(index))));
                match pushed.unwrap_or_else(|_| Err(Failure::File(panicked()))) {
                    Ok(Pushed::There(warning)) => reporter.report(index, Ok(warning)),
                    Ok(Pushed::Writing(writing)) => {
                        if give.send((index, writing)).is_err() {
                            reporter.report(index, Err(Failure::File(panicked())));
                        }
                    }
                    Err(failure) => reporter.report(index, Err(failure)),
                }
            }
            drop(give);
        });
    }

    fn push(&self, work: &Work<'_>, file: &File) -> std::result::Result<Pushed, Failure> {
        let (settings, cancel, source) = (work.settings, &work.context.cancel, &file.source);
        let target = self.fit(work).map_err(Failure::Unfit)?;
        if !source.is_segment() {
            return self.push_small(work, source, &target);
        }
        let shared = work.recent.of(&file.shared);
        let checksum = shared
            .checksum(source, settings, work.identity, cancel)
            .map_err(Failure::File)?;
        let stored = self
            .listing
            .stored_checksum(work.context, settings, &target, &source.name);
        let stored = stored.map_err(Failure::Repository)?;
        match existing::judge(settings, &target, &source.name, stored.as_deref(), checksum)
            .map_err(Failure::File)?
        {
            Presence::Same(warning) => return Ok(Pushed::There(warning)),
            Presence::Missing => {}
        }
        let name = source.stored_name(Some(checksum), settings.compress);
        let pieces = shared.compressed(settings, cancel).map_err(Failure::File)?;
        let mut writing = Writing::open(settings, &target, &name).map_err(Failure::Repository)?;
        match pieces {
            Some(pieces) => {
                for piece in &*pieces {
                    cancel.check().map_err(Failure::File)?;
                    writing.push(piece).map_err(Failure::Repository)?;
                }
            }
            None => stream(work, source, &mut writing)?,
        }
        Ok(Pushed::Writing(writing))
    }

    /// History and backup files are stored as they are.
    fn push_small(
        &self,
        work: &Work<'_>,
        source: &Source,
        target: &Target,
    ) -> std::result::Result<Pushed, Failure> {
        let settings = work.settings;
        let mut read = source.open().map_err(Failure::File)?;
        let name = source.stored_name(None, settings.compress);
        let mut writing = Writing::open(settings, target, &name).map_err(Failure::Repository)?;
        loop {
            let piece = read_piece(&mut *read, settings.buffer_size).map_err(Failure::File)?;
            if piece.is_empty() {
                return Ok(Pushed::Writing(writing));
            }
            writing.push(&piece).map_err(Failure::Repository)?;
        }
    }

    /// The repository, looked at before the first file and again after each failure to.
    fn fit(&self, work: &Work<'_>) -> Result<Arc<Target>> {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = &*target {
            return Ok(Arc::clone(target));
        }
        let found = Arc::new(load_for(
            work.context,
            work.settings,
            self.key,
            work.identity,
        )?);
        *target = Some(Arc::clone(&found));
        Ok(found)
    }
}

/// Compresses a file that is too big to be kept straight into the repository.
fn stream(
    work: &Work<'_>,
    source: &Source,
    writing: &mut Writing,
) -> std::result::Result<(), Failure> {
    let mut running = compression(work.settings);
    let mut out = Vec::new();
    for piece in pieces_of(source, work.settings) {
        work.context.cancel.check().map_err(Failure::File)?;
        let piece = piece.map_err(Failure::File)?;
        running
            .push(&piece, &mut out)
            .map_err(|error| Failure::File(error.into()))?;
        writing.push(&out).map_err(Failure::Repository)?;
        out.clear();
    }
    running
        .finish(&mut out)
        .map_err(|error| Failure::File(error.into()))?;
    writing.push(&out).map_err(Failure::Repository)
}

fn finish_each(take: &Receiver<(usize, Writing)>, reporter: &Reporter) {
    for (file, writing) in take {
        match catch_unwind(AssertUnwindSafe(|| writing.finish())) {
            Ok(Ok(ticket)) => {
                let reporter = reporter.clone();
                ticket.notify(move |written| {
                    let result = written
                        .map(|_| None)
                        .map_err(|error| Failure::Repository(error.into()));
                    reporter.report(file, result);
                });
            }
            Ok(Err(error)) => reporter.report(file, Err(Failure::Repository(error))),
            Err(_) => reporter.report(file, Err(Failure::File(panicked()))),
        }
    }
}
