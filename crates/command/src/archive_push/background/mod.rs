//! The background process of asynchronous archiving: everything that is ready, into every repository.
//!
//! A file is acknowledged in the spool when every repository has it, never before ([`results`]); what failed is left for the next
//! run. The repositories advance independently ([`schedule`], [`repo_workers`]). Whatever ends the run as a whole is left as the
//! error of all files, so that the command in front can report it.

mod in_flight;
mod repo_workers;
mod results;
mod schedule;

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::queue;
use super::repositories::{
    Identity, control_file, control_size, identity_of, load_for, no_valid_repository,
    repository_error,
};
use super::segment::compress::SegmentCache;
use super::segment::{WalFile, is_segment};
use super::settings::Settings;
use crate::archiving::background;
use crate::archiving::spool::{OK, Spool};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::locks::{LockType, stop_file};
use crate::run::{Context, begin};
use crate::wal::window::SEGMENT_SIZE;
use in_flight::Event;
use repo_workers::{QueuedFile, RepoWorkers, Shared};
use results::Results;
use schedule::Schedule;

/// How often the queue is compared with its limit and, where a repository lags, searched for more files.
const QUEUE_CHECK: Duration = Duration::from_secs(1);
/// How soon a cancelled run is noticed.
const TICK: Duration = Duration::from_millis(50);
/// Plain bytes kept for repositories that come a little later.
const CACHED_BYTES: u64 = 256 << 20;

/// Pushes all files of a WAL directory that are ready.
///
/// # Errors
/// [`ErrorCode::LockAcquire`] when another process is at it; what ends the run as a whole.
pub(super) fn run(context: &Context, settings: &Settings, wal_directory: &Path) -> Result<()> {
    background::detach();
    begin::take_lock(context, LockType::Archive)?;
    let spool = queue::results(settings);
    let result = push_ready(context, settings, wal_directory, &spool);
    if let Err(error) = &result
        && error.code != ErrorCode::Term
    {
        spool.write_error(None, error)?;
    }
    result
}

fn push_ready(
    context: &Context,
    settings: &Settings,
    wal_directory: &Path,
    spool: &Spool,
) -> Result<()> {
    stop_file::check(context)?;
    let mut names = queue::waiting(spool, wal_directory)?;
    let Some(first) = names.first().cloned() else {
        return Err(Error::new(ErrorCode::Assert, "no WAL files to process"));
    };
    // Of all that is ready, also what a repository has already: PostgreSQL keeps it all the same.
    let ready = queue::ready_list(wal_directory)?;
    let control = control_size(context, settings);
    let size = queue::segment_size(control, settings.version_force, wal_directory, &ready);
    let exceeded = match settings.queue_max {
        Some(max) => queue::exceeds(wal_directory, &ready, size, max)?,
        None => false,
    };
    let segment_size = size.unwrap_or(u64::from(SEGMENT_SIZE));
    let most = usize::try_from(settings.batch_size / segment_size)
        .unwrap_or(usize::MAX)
        .max(1);
    if !exceeded {
        queue::truncate(&mut names, most);
    }
    let last = match names.as_slice() {
        [.., last] if names.len() > 1 => format!("...{last}"),
        _ => String::new(),
    };
    log::info!("push {} WAL file(s) to archive: {first}{last}", names.len());
    if exceeded {
        return queue::drop_all(settings, spool, &names);
    }
    let Some(control) = control_file(context, settings)? else {
        return Err(Error::new(
            ErrorCode::OptionRequired,
            format!(
                "'archive-push' command in async mode requires option 'pg{}-path'",
                settings.pg_key
            ),
        ));
    };
    Run {
        context,
        settings,
        wal_directory,
        spool,
        most,
        segment_size,
    }
    .push(&identity_of(&control), &names)
}

struct Run<'a> {
    context: &'a Context,
    settings: &'a Settings,
    wal_directory: &'a Path,
    spool: &'a Spool,
    /// Segments this run takes on at most.
    most: usize,
    segment_size: u64,
}

/// Ends the workers when the main thread leaves, whatever the reason.
struct StopOnDrop<'a>(&'a Schedule);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Run<'_> {
    fn push(&self, identity: &Identity, names: &[String]) -> Result<()> {
        let keys = repository::keys(&self.context.config);
        let repositories: Vec<RepoWorkers> = match keys.as_slice() {
            // The only one is opened first, so that its error is the error of all files.
            [key] => match load_for(self.context, self.settings, *key, identity) {
                Ok(target) => vec![RepoWorkers::new(*key, Some(target))],
                Err(error) if error.code == ErrorCode::Term => return Err(error),
                Err(error) => return Err(no_valid_repository(&[repository_error(*key, &error)])),
            },
            keys => keys
                .iter()
                .map(|&key| RepoWorkers::new(key, None))
                .collect(),
        };
        let cached = usize::try_from(CACHED_BYTES / self.segment_size)
            .unwrap_or(16)
            .clamp(2, 16);
        let shared = Shared {
            context: self.context,
            settings: self.settings,
            identity,
            cache: SegmentCache::new(if repositories.len() > 1 { cached } else { 0 }),
            schedule: Arc::new(Schedule::new(repositories.len(), names.len())),
        };
        let files = RwLock::new(names.iter().map(|name| self.file(name)).collect::<Vec<_>>());
        let file =
            |index: usize| Arc::clone(&files.read().unwrap_or_else(PoisonError::into_inner)[index]);
        let (send, events) = mpsc::channel();
        std::thread::scope(|scope| {
            // Dropped on every way out, before the scope waits for the workers.
            let _stop = StopOnDrop(&shared.schedule);
            for (index, repository) in repositories.iter().enumerate() {
                for worker in 0..self.settings.workers {
                    let process = u32::try_from(index * self.settings.workers + worker + 1)
                        .unwrap_or(u32::MAX);
                    let (send, file, shared) = (send.clone(), &file, &shared);
                    std::thread::Builder::new()
                        .name(format!("worker-{process}"))
                        .spawn_scoped(scope, move || {
                            repository.work(shared, (index, process), file, &send)
                        })
                        .map_err(|error| {
                            Error::new(
                                ErrorCode::Kernel,
                                format!("unable to start worker thread: {error}"),
                            )
                        })?;
                }
            }
            drop(send);
            let mut results = Results::new(self.spool, keys, names.to_vec());
            self.follow(&shared.schedule, &files, &events, &mut results)?;
            results.conclude()
        })
    }

    fn file(&self, name: &str) -> Arc<QueuedFile> {
        let path = self.wal_directory.join(name);
        Arc::new(QueuedFile::new(WalFile::new(&path)))
    }

    /// Takes in results until the repositories are done, and watches the queue meanwhile.
    fn follow(
        &self,
        schedule: &Schedule,
        files: &RwLock<Vec<Arc<QueuedFile>>>,
        events: &Receiver<Event>,
        results: &mut Results<'_>,
    ) -> Result<()> {
        let mut checked = Instant::now();
        loop {
            self.context.cancel.check()?;
            match events.recv_timeout(TICK) {
                Ok(event) => results.take(event)?,
                Err(RecvTimeoutError::Timeout) => {}
                // All workers have left: in good order when their last events are taken in, else they died.
                Err(RecvTimeoutError::Disconnected) if schedule.finished() => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err(Error::panicked()),
            }
            if schedule.finished() {
                // Every event was sent before that could be.
                return events.try_iter().try_for_each(|event| results.take(event));
            }
            if checked.elapsed() < QUEUE_CHECK {
                continue;
            }
            checked = Instant::now();
            let ready = queue::ready_list(self.wal_directory)?;
            if let Some(max) = self.settings.queue_max
                && queue::exceeds(self.wal_directory, &ready, Some(self.segment_size), max)?
            {
                schedule.stop();
                let waiting: Vec<String> = ready
                    .into_iter()
                    .filter(|name| !results.is_done(name))
                    .collect();
                results.ignore_from_now_on();
                let missing =
                    |name: &String| Ok(self.spool.info(&format!("{name}{}", OK))?.is_none());
                let waiting = waiting.into_iter().filter_map(|name| match missing(&name) {
                    Ok(true) => Some(Ok(name)),
                    Ok(false) => None,
                    Err(error) => Some(Err(error)),
                });
                return queue::drop_all(
                    self.settings,
                    self.spool,
                    &waiting.collect::<Result<Vec<_>>>()?,
                );
            }
            if schedule.wants_more() {
                self.take_on_more(schedule, files, results, &ready);
            }
        }
    }

    /// A repository lags behind the others: let these go on with what has become ready meanwhile.
    fn take_on_more(
        &self,
        schedule: &Schedule,
        files: &RwLock<Vec<Arc<QueuedFile>>>,
        results: &mut Results<'_>,
        ready: &[String],
    ) {
        let mut files = files.write().unwrap_or_else(PoisonError::into_inner);
        let mut segments = files.iter().filter(|file| file.file.is_segment()).count();
        for name in ready {
            if segments < self.most && results.add(name) {
                segments += usize::from(is_segment(name));
                files.push(self.file(name));
            }
        }
        schedule.extend(files.len());
    }
}

#[cfg(test)]
mod tests;
