//! The command that PostgreSQL waits for: takes the segment from the queue, and sees that the queue is filled.
//!
//! The background process says "not in the archive" with an `.ok` file without segment. One left by an earlier process
//! is not believed (unless `archive-missing-retry` is off), as the segment may have arrived since. Where the spool cannot
//! be used the segment is fetched without it: PostgreSQL would take an error for the end of the archive.

use std::path::Path;
use std::time::{Duration, Instant};

use pgkeep_postgres::control::ControlFile;

use super::background::SLOW_WORKERS;
use super::queue::{self, Queued};
use super::settings::Settings;
use super::synchronous::{self, NOT_FOUND, missing};
use crate::archiving::background;
use crate::archiving::spool::{OK, Queue, Spool, Status};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{cluster, pg_host};
use crate::run::Context;

/// First wait until the queue is read again; each later one is longer, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(2);
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// Time a background process gets to take its lock before it is taken for dead, or for busy with other segments.
const TIME_TO_LOCK: Duration = Duration::from_millis(200);

/// Gets one segment; the value is the exit status.
///
/// # Errors
/// The error that the background process left; those of a synchronous get; [`ErrorCode::ArchiveTimeout`].
pub(super) fn get_from_queue(
    context: &Context,
    settings: &Settings,
    segment: &str,
    destination: &Path,
) -> Result<u8> {
    let get = || synchronous::get(context, settings, segment, destination);
    match wait_for_queue(context, settings, segment, destination) {
        Ok(Answer::Exit(status)) => Ok(status),
        Ok(Answer::GetNow) => get(),
        Err(Failure::Spool(error)) => {
            log::warn!(
                "the spool cannot be used, {segment} is fetched without it: {}",
                error.text()
            );
            get()
        }
        Err(Failure::Other(error)) => Err(error),
    }
}

/// What waiting for the queue came to.
enum Answer {
    /// The exit status.
    Exit(u8),
    /// The queue does not help: fetch the segment now.
    GetNow,
}

/// Why it failed.
enum Failure {
    /// The spool cannot be read or changed.
    Spool(Error),
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn wait_for_queue(
    context: &Context,
    settings: &Settings,
    segment: &str,
    destination: &Path,
) -> std::result::Result<Answer, Failure> {
    let host = pg_host::open(context, settings.pg_key)?;
    let (control, _) = cluster::read_control(context, &*host)?;
    let spool = Spool::new(&settings.spool_path, &settings.stanza, Queue::In)
        .since(context.clock.boot_seconds());
    let status = || spool.status(segment).map_err(Failure::Spool);
    let began = Instant::now();
    let mut pause = FIRST_WAIT;
    let mut first = true;
    let mut started: Option<Instant> = None;
    let mut logged = false;
    loop {
        context.cancel.check()?;
        let found = match queue::check(&spool, segment, &control).map_err(Failure::Spool)? {
            Queued::Whole => true,
            Queued::Missing => false,
            // What is in the archive may begin so as well: fetched again by way of the queue, it would never be handed over.
            Queued::Foreign => return Ok(Answer::GetNow),
        };
        let retry_missing = first && settings.missing_retry;
        match status()? {
            Some(Status::Ok { warning }) => {
                if let (Some(warning), true) = (&warning, found || !retry_missing) {
                    log::warn!("{warning}");
                }
                spool
                    .remove(&format!("{segment}{OK}"))
                    .map_err(Failure::Spool)?;
                if !found && !retry_missing {
                    if warning.is_some() {
                        // Some repository was not read: that is no proof that the segment is missing.
                        return Ok(Answer::GetNow);
                    }
                    log::info!("unable to find {segment} in the archive asynchronously");
                    context.summary.fact("found", false);
                    context.summary.done(missing(settings, segment));
                    return Ok(Answer::Exit(NOT_FOUND));
                }
            }
            // An error of an earlier run may be mended by the next one.
            Some(Status::Failed(error)) if !first && !found => return Err(error.into()),
            Some(Status::Failed(_)) | None => {}
        }
        if found {
            spool
                .move_out(segment, destination)
                .map_err(Failure::Spool)?;
            log::info!("found {segment} in the archive asynchronously");
            context.summary.fact("found", true);
            // PostgreSQL has its segment, whatever becomes of those that follow. A process that this command started was told
            // to bring them.
            if started.is_none()
                && let Err(Failure::Spool(error) | Failure::Other(error)) =
                    refill(context, settings, &spool, &control, segment)
            {
                log::warn!("unable to fetch WAL ahead: {}", error.text());
            }
            context.summary.done(format!(
                "{segment} of {} fetched in the background to {}",
                settings.stanza,
                destination.display()
            ));
            return Ok(Answer::Exit(0));
        }
        if started.is_none() && fill(context, settings, &spool, &control, (segment, false))? {
            started = Some(Instant::now());
        }
        // Nothing will bring it: the process that runs fetches other segments (of the old timeline, say), or ours died.
        // Waiting could end in a timeout, and so end recovery early, for a segment that is there.
        if started.unwrap_or(began).elapsed() >= TIME_TO_LOCK {
            if is_on_its_way(context, settings, &spool, segment, began)? {
                if started.is_none() && !logged {
                    log::debug!("wait for the process of an earlier command to bring {segment}");
                    logged = true;
                }
            } else if spool.info(segment).map_err(Failure::Spool)?.is_none() && status()?.is_none()
            {
                // It did not bring the segment just before it ended.
                return Ok(Answer::GetNow);
            }
        }
        first = false;
        if began.elapsed() >= settings.timeout {
            return Err(timed_out(settings, segment).into());
        }
        context.clock.sleep(pause);
        pause = (pause * 2).min(LONGEST_WAIT);
    }
}

/// Whether a background process will bring the segment.
fn is_on_its_way(
    context: &Context,
    settings: &Settings,
    spool: &Spool,
    segment: &str,
    began: Instant,
) -> std::result::Result<bool, Failure> {
    if background::own_process_runs(context)? {
        return Ok(true);
    }
    // One that an earlier command started was told to, and is not past it. It gets half the time, as there is another way.
    let workers = settings.workers.max(SLOW_WORKERS);
    Ok(began.elapsed() < settings.timeout / 2
        && background::process_runs_with(context, segment)?
        && !queue::is_past(spool, segment, workers).map_err(Failure::Spool)?)
}

/// Fills the queue again after a segment was taken from it, once it is not more than half full.
fn refill(
    context: &Context,
    settings: &Settings,
    spool: &Spool,
    control: &ControlFile,
    segment: &str,
) -> std::result::Result<(), Failure> {
    let left = queue::count(spool).map_err(Failure::Spool)? as u64;
    let size = u64::from(control.wal_segment_size);
    if left == 0 || left.saturating_mul(size) <= settings.queue_max / 2 {
        fill(context, settings, spool, control, (segment, true))?;
    }
    Ok(())
}

/// Starts the background process with what is missing in the queue, unless one runs.
fn fill(
    context: &Context,
    settings: &Settings,
    spool: &Spool,
    control: &ControlFile,
    (segment, found): (&str, bool),
) -> std::result::Result<bool, Failure> {
    let Some(locks) = background::try_archive_locks(context)? else {
        return Ok(false);
    };
    let prepare = || {
        spool.create()?;
        let (max, size) = (settings.queue_max, control.wal_segment_size);
        let wanted = queue::prepare(spool, segment, found, max, size)?;
        spool.clear_errors(segment)?;
        Ok(wanted)
    };
    let wanted = prepare().map_err(Failure::Spool)?;
    // The background process takes them itself.
    drop(locks);
    if wanted.is_empty() {
        return Ok(false);
    }
    background::start(context, &wanted)?;
    Ok(true)
}

fn timed_out(settings: &Settings, segment: &str) -> Error {
    let seconds = settings.timeout.as_millis() as f64 / 1000.0;
    Error::new(
        ErrorCode::ArchiveTimeout,
        format!("unable to get WAL file '{segment}' from the archive asynchronously after {seconds} second(s)"),
    )
    .with_hint(format!("check '{}' for errors.", settings.async_log.display()))
}
