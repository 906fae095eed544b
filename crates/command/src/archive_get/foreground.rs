//! The command in front of asynchronous fetching: takes the segment from the queue, and sees that the queue is filled.
//!
//! The background process says "not in the archive" with an `.ok` file without segment. One left by an earlier process
//! is not believed (unless `archive-missing-retry` is off), as the segment may have arrived since.

use std::path::Path;
use std::time::{Duration, Instant};

use super::background::SLOW_WORKERS;
use super::settings::Settings;
use super::{NOT_FOUND, get_now, missing, queue};
use crate::error::{Error, ErrorCode, Result};
use crate::runtime::spool::{OK, Queue, Spool, Status};
use crate::runtime::{Context, background, cluster, open};

/// First wait between two looks at the queue; each later one is longer, up to [`LONGEST_WAIT`].
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
    let spool = Spool::new(&settings.spool_path, &settings.stanza, Queue::In);
    let began = Instant::now();
    let mut pause = FIRST_WAIT;
    let mut first = true;
    let mut started: Option<Instant> = None;
    let mut told = false;
    loop {
        context.cancel.check()?;
        let found = spool.exists(segment)?;
        let retry_missing = first && settings.missing_retry;
        match spool.status(segment)? {
            Some(Status::Ok { warning }) => {
                if let (Some(warning), true) = (&warning, found || !retry_missing) {
                    log::warn!("{warning}");
                }
                spool.remove(&format!("{segment}{OK}"))?;
                if !found && !retry_missing {
                    if warning.is_some() {
                        // Some repository was not read: that is no proof that the segment is missing.
                        return get_now(context, settings, segment, destination);
                    }
                    log::info!("unable to find {segment} in the archive asynchronously");
                    context.summary.done(missing(settings, segment));
                    return Ok(NOT_FOUND);
                }
            }
            // An error of an earlier run may be mended by the next one.
            Some(Status::Failed(error)) if !first && !found => return Err(error),
            Some(Status::Failed(_)) | None => {}
        }
        let mut half_full = false;
        if found {
            let size = spool.move_out(segment, destination)?;
            log::info!("found {segment} in the archive asynchronously");
            let left = queue::segments(&spool)?.len() as u64;
            half_full = left > 0 && left.saturating_mul(size) > settings.queue_max / 2;
        }
        if started.is_none() && !half_full && fill(context, settings, &spool, segment, found)? {
            started = Some(Instant::now());
        }
        if found {
            context.summary.done(format!(
                "{segment} of {} fetched in the background to {}",
                settings.stanza,
                destination.display()
            ));
            return Ok(0);
        }
        // Nothing will bring it: the process that runs fetches other segments (of the old timeline, say), or ours died.
        // Waiting could end in a timeout, and so end recovery early, for a segment that is there.
        if started.unwrap_or(began).elapsed() >= TIME_TO_LOCK {
            if is_on_its_way(context, settings, &spool, segment, began)? {
                if started.is_none() && !told {
                    log::debug!("wait for the process of an earlier command to bring {segment}");
                    told = true;
                }
            } else if !spool.exists(segment)? && spool.status(segment)?.is_none() {
                // It did not bring the segment just before it ended.
                return get_now(context, settings, segment, destination);
            }
        }
        first = false;
        if began.elapsed() >= settings.timeout {
            return Err(timed_out(settings, segment));
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
) -> Result<bool> {
    if background::own_process_runs(context)? {
        return Ok(true);
    }
    // One that an earlier command started was told to, and is not past it. It gets half the time, as there is another way.
    let workers = settings.workers.max(SLOW_WORKERS);
    Ok(began.elapsed() < settings.timeout / 2
        && background::process_runs_with(context, segment)?
        && !queue::is_past(spool, segment, workers)?)
}

/// Starts the background process with what is missing in the queue, unless one runs.
fn fill(
    context: &Context,
    settings: &Settings,
    spool: &Spool,
    segment: &str,
    found: bool,
) -> Result<bool> {
    let Some(locks) = background::try_archive_locks(context)? else {
        return Ok(false);
    };
    let host = open::pg_host(context, settings.pg_key)?;
    let (control, _) = cluster::read_control(context, &host)?;
    spool.create()?;
    let wanted = queue::prepare(
        spool,
        segment,
        found,
        settings.queue_max,
        control.wal_segment_size,
    )?;
    spool.clear_errors(segment)?;
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
