//! The workers of one repository in the background: they take files from the schedule and store them.
//!
//! A worker reads and hashes a file and asks whether it is there. A helper beside it compresses and writes the one before, and
//! another makes the one before that durable. Results go to the main thread as [`Event`]s; nothing here writes to the spool or
//! logs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pgkeep_pipeline::Sha1Digest;

use super::in_flight::{Event, Failure, InFlight, Reporter};
use super::schedule::Schedule;
use crate::archive_push::repositories::{Identity, Target, load_for};
use crate::archive_push::segment::WalFile;
use crate::archive_push::segment::compress::{CachedSegment, SegmentCache, compression};
use crate::archive_push::segment::duplicate::{self, Content, Listing, Presence};
use crate::archive_push::segment::read::{Rehash, changed_meanwhile, chunks_of};
use crate::archive_push::segment::store::ArchiveWrite;
use crate::archive_push::settings::Settings;
use crate::error::Result;
use crate::run::Context;

/// One file of the run.
#[derive(Debug)]
pub(crate) struct QueuedFile {
    pub file: WalFile,
    cached: Mutex<Weak<CachedSegment>>,
}

impl QueuedFile {
    pub(crate) fn new(file: WalFile) -> Self {
        Self {
            file,
            cached: Mutex::new(Weak::new()),
        }
    }
}

/// What the workers of all repositories work with.
#[derive(Debug)]
pub(crate) struct Shared<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub identity: &'a Identity,
    pub cache: SegmentCache,
    pub schedule: Arc<Schedule>,
}

/// What the worker found out about a file.
enum Checked {
    /// The repository has it; the warning about that, if any.
    Stored(Option<String>),
    Missing(Missing),
}

/// A file that the repository does not have.
struct Missing {
    file: Arc<QueuedFile>,
    target: Arc<Target>,
    /// Its name in the archive.
    name: String,
    /// A segment, and the checksum in its name; small files are stored as they are.
    segment: Option<(Arc<CachedSegment>, Sha1Digest)>,
    /// What is to be said when it is stored.
    warning: Option<String>,
}

/// A file whose bytes are with the repository, and which has no name yet.
struct Written {
    in_flight: InFlight,
    write: ArchiveWrite,
    warning: Option<String>,
}

type Outcome<T> = std::result::Result<T, Failure>;

/// One repository and what its workers know of it.
#[derive(Debug)]
pub(crate) struct RepoWorkers {
    pub key: u32,
    target: Mutex<Option<Arc<Target>>>,
    listing: Listing,
}

impl RepoWorkers {
    pub(crate) fn new(key: u32, target: Option<Target>) -> Self {
        Self {
            key,
            target: Mutex::new(target.map(Arc::new)),
            listing: Listing::default(),
        }
    }

    /// One worker: takes files until there are no more. `file` gives the file of an index.
    pub(crate) fn work(
        &self,
        shared: &Shared<'_>,
        (repository, process): (usize, u32),
        file: &(dyn Fn(usize) -> Arc<QueuedFile> + Sync),
        events: &Sender<Event>,
    ) {
        let schedule = Arc::clone(&shared.schedule);
        let reporter = Reporter::new(schedule, events.clone(), (repository, process));
        // One waits while the one before it is stored: more would only take memory.
        let (send, missing) = mpsc::sync_channel(1);
        std::thread::scope(|scope| {
            scope.spawn(move || survive_panic(|| store_each(shared, missing)));
            survive_panic(|| {
                while let Some(index) = shared.schedule.take(repository) {
                    let in_flight = InFlight::new(index, reporter.clone());
                    match self.check(shared, file(index)) {
                        Ok(Checked::Stored(warning)) => in_flight.report(Ok(warning)),
                        // Where nobody stores any more, dropping it reports it.
                        Ok(Checked::Missing(missing)) => drop(send.send((in_flight, missing))),
                        Err(failure) => in_flight.report(Err(failure)),
                    }
                }
            });
            drop(send);
        });
    }

    /// Is the file right, and is it in the repository already?
    fn check(&self, shared: &Shared<'_>, queued: Arc<QueuedFile>) -> Outcome<Checked> {
        let (settings, file) = (shared.settings, &queued.file);
        let target = self.usable(shared).map_err(Failure::Unusable)?;
        if !file.is_segment() {
            if duplicate::small_file_is_there(settings, &target, file)
                .map_err(Failure::Repository)?
            {
                return Ok(Checked::Stored(None));
            }
            let name = file.stored_name(None, settings.compress);
            return Ok(Checked::Missing(Missing {
                file: queued,
                target,
                name,
                segment: None,
                warning: None,
            }));
        }
        let cached = shared.cache.get(&queued.cached);
        let checksum = cached
            .checksum(file, settings, shared.identity, &shared.context.cancel)
            .map_err(Failure::File)?;
        let stored = self
            .listing
            .stored_segment(shared.context, settings, &target, &file.name)
            .map_err(Failure::Repository)?;
        let presence = duplicate::compare(settings, &target, &file.name, stored.as_ref(), checksum)
            .map_err(Failure::File)?;
        let mut replaced = None;
        if let (Presence::Same(warning), Some(stored)) = (presence, &stored) {
            let content =
                duplicate::check_content(settings, &target, stored, &shared.context.cancel)
                    .map_err(Failure::Repository)?;
            let Content::Damaged(why) = content else {
                return Ok(Checked::Stored(warning));
            };
            let warning = duplicate::replaced_warning(settings, &target, stored, &why);
            replaced = Some(warning.map_err(Failure::Repository)?);
        }
        let name = file.stored_name(Some(checksum), settings.compress);
        Ok(Checked::Missing(Missing {
            file: queued,
            target,
            name,
            segment: Some((cached, checksum)),
            warning: replaced,
        }))
    }

    /// The repository, opened before the first file and again after each failure to.
    fn usable(&self, shared: &Shared<'_>) -> Result<Arc<Target>> {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = &*target {
            return Ok(Arc::clone(target));
        }
        let (context, settings) = (shared.context, shared.settings);
        let opened = Arc::new(load_for(context, settings, self.key, shared.identity)?);
        *target = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

/// A panic ends the thread and not the program: what it leaves undone is reported by [`InFlight`].
fn survive_panic(work: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(work));
}

fn store_each(shared: &Shared<'_>, missing: Receiver<(InFlight, Missing)>) {
    // Making a file durable is mostly waiting for the disk: the next one is compressed meanwhile.
    let (send, written) = mpsc::sync_channel(0);
    std::thread::scope(|scope| {
        scope.spawn(move || survive_panic(|| finish_each(written)));
        // In here, so that a panic ends the channel and with it the other thread.
        let send = send;
        for (in_flight, mut missing) in missing {
            let warning = missing.warning.take();
            match store(shared, missing) {
                Ok(write) => {
                    let written = Written {
                        in_flight,
                        write,
                        warning,
                    };
                    // Where nobody finishes any more, dropping it reports it.
                    drop(send.send(written));
                }
                Err(failure) => in_flight.report(Err(failure)),
            }
        }
    });
}

/// Publishes files in the order in which they were written, and reports each when it is durable.
fn finish_each(written: Receiver<Written>) {
    for Written {
        in_flight,
        write,
        warning,
    } in written
    {
        match write.finish() {
            Ok(storing) => storing.notify(move |stored| {
                in_flight.report(stored.map(|()| warning).map_err(Failure::Repository));
            }),
            Err(error) => in_flight.report(Err(Failure::Repository(error))),
        }
    }
}

/// Writes a file into the repository, all but its end.
fn store(shared: &Shared<'_>, missing: Missing) -> Outcome<ArchiveWrite> {
    let (settings, cancel) = (shared.settings, &shared.context.cancel);
    let file = &missing.file.file;
    let open = || {
        ArchiveWrite::open(settings, &missing.target, &missing.name).map_err(Failure::Repository)
    };
    let Some((segment, checksum)) = &missing.segment else {
        // History and backup files are stored as they are.
        let mut write = open()?;
        for chunk in chunks_of(file, settings.buffer_size) {
            let chunk = chunk.map_err(Failure::File)?;
            write.push(&chunk).map_err(Failure::Repository)?;
        }
        return Ok(write);
    };
    let compressed = segment
        .compressed(settings, cancel)
        .map_err(Failure::File)?;
    let mut write = open()?;
    match compressed {
        Some(chunks) => {
            for chunk in &*chunks {
                cancel.check().map_err(Failure::File)?;
                write.push(chunk).map_err(Failure::Repository)?;
            }
        }
        None => stream(shared, file, *checksum, &mut write)?,
    }
    Ok(write)
}

/// Compresses a file that is too big to be kept straight into the repository.
fn stream(
    shared: &Shared<'_>,
    file: &WalFile,
    checksum: Sha1Digest,
    write: &mut ArchiveWrite,
) -> Outcome<()> {
    let mut running = compression(shared.settings);
    let mut out = Vec::new();
    let mut second = Rehash::new(chunks_of(file, shared.settings.buffer_size));
    for chunk in second.by_ref() {
        shared.context.cancel.check().map_err(Failure::File)?;
        let chunk = chunk.map_err(Failure::File)?;
        running
            .push(&chunk, &mut out)
            .map_err(|error| Failure::File(error.into()))?;
        write.push(&out).map_err(Failure::Repository)?;
        out.clear();
    }
    running
        .finish(&mut out)
        .map_err(|error| Failure::File(error.into()))?;
    write.push(&out).map_err(Failure::Repository)?;
    if second.checksum() == checksum {
        Ok(())
    } else {
        Err(Failure::File(changed_meanwhile(&file.shown)))
    }
}
