//! The work of one repository in the background: its workers take files from the schedule and store them.
//!
//! A worker reads and hashes a file and asks whether it is there; a helper beside it compresses and writes the one before,
//! and another makes the one before that durable.
//! Results go to the main thread as [`Event`]s; nothing here writes to the spool or logs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pgkeep_pipeline::Sha1Digest;

use super::existing::{self, Listing, Presence};
use super::pieces::{ReadAgain, changed};
use super::push_file::{compression, pieces_of};
use super::schedule::Schedule;
use super::settings::Settings;
use super::shared_file::{Recent, Shared};
use super::source::Source;
use super::store::Writing;
use super::stored_content::{self, Content};
use super::target::{Identity, Target, load_for, panicked};
use crate::error::{Error, Result};
use crate::run::Context;

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

/// What the worker found out about a file.
enum Checked {
    /// The repository has it; the warning about that, if any.
    There(Option<String>),
    /// It is to be stored.
    Missing(Missing),
}

/// A file that the repository does not have.
struct Missing {
    index: usize,
    file: Arc<File>,
    target: Arc<Target>,
    /// Its name in the archive.
    name: String,
    /// What was made of a segment, and the checksum in its name; small files are stored as they are.
    shared: Option<(Arc<Shared>, Sha1Digest)>,
    /// What is to be said when it is stored.
    warning: Option<String>,
}

/// A file whose bytes are with the repository, and which has no name yet.
struct Written {
    index: usize,
    writing: Writing,
    warning: Option<String>,
}

type Outcome<T> = std::result::Result<T, Failure>;

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
        // One waits while the one before it is stored: more would only take memory.
        let (give, take) = mpsc::sync_channel::<Missing>(1);
        let helper = reporter.clone();
        std::thread::scope(|scope| {
            scope.spawn(move || store_each(work, &take, &helper));
            while let Some(index) = work.schedule.take(lane) {
                let checked =
                    catch_unwind(AssertUnwindSafe(|| self.check(work, index, file(index))));
                match checked.unwrap_or_else(|_| Err(Failure::File(panicked()))) {
                    Ok(Checked::There(warning)) => reporter.report(index, Ok(warning)),
                    Ok(Checked::Missing(missing)) => {
                        if give.send(missing).is_err() {
                            reporter.report(index, Err(Failure::File(panicked())));
                        }
                    }
                    Err(failure) => reporter.report(index, Err(failure)),
                }
            }
            drop(give);
        });
    }

    /// Is the file right, and is it in the repository already?
    fn check(&self, work: &Work<'_>, index: usize, file: Arc<File>) -> Outcome<Checked> {
        let (settings, source) = (work.settings, &file.source);
        let target = self.fit(work).map_err(Failure::Unfit)?;
        if !source.is_segment() {
            let name = source.stored_name(None, settings.compress);
            return Ok(Checked::Missing(Missing {
                index,
                file,
                target,
                name,
                shared: None,
                warning: None,
            }));
        }
        let shared = work.recent.of(&file.shared);
        let checksum = shared
            .checksum(source, settings, work.identity, &work.context.cancel)
            .map_err(Failure::File)?;
        let stored = self
            .listing
            .stored_segment(work.context, settings, &target, &source.name)
            .map_err(Failure::Repository)?;
        let presence = existing::judge(settings, &target, &source.name, stored.as_ref(), checksum)
            .map_err(Failure::File)?;
        let mut replaced = None;
        if let (Presence::Same(warning), Some(stored)) = (presence, &stored) {
            let content = stored_content::look(settings, &target, stored, &work.context.cancel)
                .map_err(Failure::Repository)?;
            let Content::Damaged(why) = content else {
                return Ok(Checked::There(warning));
            };
            let warning = stored_content::replaced(settings, &target, stored, &why);
            replaced = Some(warning.map_err(Failure::Repository)?);
        }
        let name = source.stored_name(Some(checksum), settings.compress);
        Ok(Checked::Missing(Missing {
            index,
            file,
            target,
            name,
            shared: Some((shared, checksum)),
            warning: replaced,
        }))
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

fn store_each(work: &Work<'_>, take: &Receiver<Missing>, reporter: &Reporter) {
    // Making a file durable is mostly waiting for the disk: the next one is compressed meanwhile.
    let (give, written) = mpsc::sync_channel::<Written>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || finish_each(&written, reporter));
        for missing in take {
            let (index, warning) = (missing.index, missing.warning.clone());
            let failure = match catch_unwind(AssertUnwindSafe(|| store(work, missing))) {
                Ok(Ok(writing)) => match give.send(Written {
                    index,
                    writing,
                    warning,
                }) {
                    Ok(()) => continue,
                    Err(_) => Failure::File(panicked()),
                },
                Ok(Err(failure)) => failure,
                Err(_) => Failure::File(panicked()),
            };
            reporter.report(index, Err(failure));
        }
        drop(give);
    });
}

/// Publishes files in the order in which they were written, and reports each when it is durable.
fn finish_each(written: &Receiver<Written>, reporter: &Reporter) {
    for Written {
        index,
        writing,
        warning,
    } in written
    {
        match catch_unwind(AssertUnwindSafe(|| writing.finish())) {
            Ok(Ok(ticket)) => {
                let reporter = reporter.clone();
                ticket.notify(move |written| {
                    let result = written
                        .map(|_| warning)
                        .map_err(|error| Failure::Repository(error.into()));
                    reporter.report(index, result);
                });
            }
            Ok(Err(error)) => reporter.report(index, Err(Failure::Repository(error))),
            Err(_) => reporter.report(index, Err(Failure::File(panicked()))),
        }
    }
}

/// Writes a file into the repository, all but its end.
fn store(work: &Work<'_>, missing: Missing) -> Outcome<Writing> {
    let (settings, cancel, source) = (work.settings, &work.context.cancel, &missing.file.source);
    let open =
        || Writing::open(settings, &missing.target, &missing.name).map_err(Failure::Repository);
    let writing = match &missing.shared {
        // History and backup files are stored as they are.
        None => {
            let mut writing = open()?;
            for piece in pieces_of(source, settings) {
                writing
                    .push(&piece.map_err(Failure::File)?)
                    .map_err(Failure::Repository)?;
            }
            writing
        }
        Some((shared, checksum)) => {
            match shared.compressed(settings, cancel).map_err(Failure::File)? {
                Some(pieces) => {
                    let mut writing = open()?;
                    for piece in &*pieces {
                        cancel.check().map_err(Failure::File)?;
                        writing.push(piece).map_err(Failure::Repository)?;
                    }
                    writing
                }
                None => {
                    let mut writing = open()?;
                    stream(work, source, *checksum, &mut writing)?;
                    writing
                }
            }
        }
    };
    Ok(writing)
}

/// Compresses a file that is too big to be kept straight into the repository.
fn stream(
    work: &Work<'_>,
    source: &Source,
    checksum: Sha1Digest,
    writing: &mut Writing,
) -> std::result::Result<(), Failure> {
    let mut running = compression(work.settings);
    let mut out = Vec::new();
    let mut again = ReadAgain::of(pieces_of(source, work.settings));
    for piece in again.by_ref() {
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
    writing.push(&out).map_err(Failure::Repository)?;
    if again.checksum() == checksum {
        Ok(())
    } else {
        Err(Failure::File(changed(&source.shown)))
    }
}
