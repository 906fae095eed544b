//! The command that PostgreSQL waits for: has the background process pushed the file already? If not, see to it and wait.
//!
//! The answer lies in the spool ([`queue`]). One background process at most runs for a stanza; the archive lock says so.

use std::path::Path;
use std::time::{Duration, Instant};

use super::queue::{self, is_of_an_earlier_file};
use super::segment::WalFile;
use super::settings::Settings;
use crate::archiving::background;
use crate::archiving::spool::{OK, Spool, Status};
use crate::error::{Error, ErrorCode, Result};
use crate::hooks::DROPPED;
use crate::run::Context;

/// First wait until the spool is read again; each later one is longer, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(2);
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// Time a background process gets to take its lock before it is taken for dead; each later one gets twice as long.
const TIME_TO_LOCK: Duration = Duration::from_millis(200);

/// Waits until the background process has pushed the file, starting it if none runs.
///
/// # Errors
/// The error that the background process left; [`ErrorCode::ArchiveTimeout`].
pub(super) fn push_in_background(
    context: &Context,
    settings: &Settings,
    path: &Path,
) -> Result<()> {
    let wal_file = WalFile::new(path);
    let file = wal_file.name.clone();
    if !settings.pg_path_set {
        return Err(Error::new(
            ErrorCode::OptionRequired,
            format!(
                "'archive-push' command in async mode requires option 'pg{}-path'",
                settings.pg_key
            ),
        ));
    }
    let spool = queue::results(settings);
    forget_earlier_file(&spool, &wal_file)?;
    let began = Instant::now();
    let mut pause = FIRST_WAIT;
    let mut first = true;
    let mut started: Option<(Instant, Duration)> = None;
    loop {
        context.cancel.check()?;
        match spool.status(&file)? {
            Some(Status::Ok { warning }) => {
                if let Some(warning) = warning {
                    log::warn!("{warning}");
                    if queue::is_drop_warning(&warning) {
                        context.summary.fact(DROPPED, warning);
                    }
                }
                log::info!("pushed WAL file '{file}' to the archive asynchronously");
                context.summary.done(format!(
                    "{file} of {} was pushed in the background",
                    settings.stanza
                ));
                return Ok(());
            }
            // An error of an earlier run may be mended by the next one.
            Some(Status::Failed(error)) if !first => return Err(error),
            Some(Status::Failed(_)) | None => {}
        }
        // One run does all there is to do; a second one helps only if the first was killed. Without this
        // check the command would wait out its timeout for a process that is not there.
        let wanted = match started {
            None => true,
            Some((when, patience)) => {
                when.elapsed() >= patience
                    && !background::own_process_runs(context)?
                    // It may have left word just before it ended.
                    && spool.status(&file)?.is_none()
            }
        };
        if wanted && let Some(locks) = background::try_archive_locks(context)? {
            // Made here, so that a spool that cannot be written is in PostgreSQL's log at once.
            spool.create()?;
            spool.clear_errors(&file)?;
            // The background process takes them itself.
            drop(locks);
            let directory = path
                .parent()
                .unwrap_or(Path::new("/"))
                .to_string_lossy()
                .into_owned();
            background::start(context, &[directory])?;
            let patience = started.map_or(TIME_TO_LOCK, |(_, patience)| patience * 2);
            started = Some((Instant::now(), patience));
        }
        first = false;
        if began.elapsed() >= settings.timeout {
            return Err(Error::new(
                ErrorCode::ArchiveTimeout,
                format!(
                    "unable to push WAL file '{file}' to the archive asynchronously after {} second(s)",
                    settings.timeout_text
                ),
            )
            .with_hint(format!("check '{}' for errors.", settings.async_log.display())));
        }
        context.clock.sleep(pause);
        pause = (pause * 2).min(LONGEST_WAIT);
    }
}

/// Removes the acknowledgement of an earlier cluster's file of this name: without it this one would never be pushed.
fn forget_earlier_file(spool: &Spool, file: &WalFile) -> Result<()> {
    let ok = format!("{}{OK}", file.name);
    match spool.info(&ok)? {
        Some(entry) if is_of_an_earlier_file(&entry, file)? => {
            log::warn!("'{ok}' in the spool is older than the file, which is pushed");
            spool.remove(&ok)?;
        }
        _ => {}
    }
    Ok(())
}
