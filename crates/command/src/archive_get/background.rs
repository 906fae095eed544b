//! The background process of asynchronous fetching: brings the wanted segments into the queue, as far as there are any.
//!
//! A segment gets its name in the queue only when it is whole, and after its warnings were written, so that the command
//! that waits finds both. The first segment that is not in the archive is marked last of all, right before the process
//! ends: then the command that waits can start the next one at once.

use pgkeep_postgres::wal::name;
use pgkeep_storage::temporary::temp_name;
use pgkeep_storage::{StoragePath, WriteMode, WriteOptions};

use super::archives::{self, Archives};
use super::fetch::{Fetched, fetch};
use super::find::{Candidate, Failed, Find, Found};
use super::settings::Settings;
use crate::archiving::background;
use crate::archiving::spool::{Queue, Spool};
use crate::error::{Error, ErrorCode, Result};
use crate::jobs::{self, Outcome, PoolSettings, Steps};
use crate::locks::LockType;
use crate::run::{Context, begin};

/// Workers at least where a file takes long to begin: most of the time they wait.
pub(super) const SLOW_WORKERS: usize = 4;

/// Fetches the segments named as parameters.
///
/// # Errors
/// [`ErrorCode::LockAcquire`] when another process is at it; what ends the run as a whole.
pub(super) fn run(context: &Context, settings: &Settings) -> Result<()> {
    background::detach();
    begin::take_lock(context, LockType::Archive)?;
    let spool = Spool::new(&settings.spool_path, &settings.stanza, Queue::In);
    let result = fetch_all(context, settings, &spool);
    if let Err(error) = &result
        && error.code != ErrorCode::Term
    {
        spool.write_error(None, error)?;
    }
    result
}

/// One segment to fetch.
struct Wanted {
    segment: String,
    /// Where it is until it is whole. A name of its own: whatever else writes into this spool, what gets the name of the
    /// segment is what this run has brought.
    temporary: StoragePath,
    copies: Vec<Candidate>,
    warnings: Vec<String>,
}

fn fetch_all(context: &Context, settings: &Settings, spool: &Spool) -> Result<()> {
    let requests = context.config.parameters();
    let Some(first) = requests.first() else {
        return Err(Error::new(
            ErrorCode::ParamInvalid,
            "at least one wal segment is required",
        ));
    };
    if let Some(other) = requests.iter().find(|request| !name::is_segment(request)) {
        return Err(Error::new(
            ErrorCode::ParamInvalid,
            format!("'{other}' is not the name of a WAL segment"),
        ));
    }
    let last = match requests {
        [_, .., last] => format!("...{last}"),
        _ => String::new(),
    };
    log::info!(
        "get {} WAL file(s) from archive: {first}{last}",
        requests.len()
    );
    let archives = archives::open_all(context, settings)?;
    let mut find = Find::new(&archives, settings);
    let (mut wanted, mut missing, mut failed) = (Vec::new(), None, None);
    for request in requests {
        match find.find(request) {
            Ok(Found::Copies(copies, warnings)) => wanted.push(Wanted {
                segment: request.clone(),
                temporary: StoragePath::new(temp_name(spool.file(request).as_bytes())),
                copies,
                warnings,
            }),
            Ok(Found::Missing) => {
                missing = Some(request);
                break;
            }
            Err(failure) => {
                failed = Some((request, failure));
                break;
            }
        }
    }
    // Opens what so much is worth while the first segment comes.
    for (index, archive) in archives.usable.iter().enumerate() {
        let first = wanted.iter().filter_map(|wanted| wanted.copies.first());
        let sizes = first
            .filter(|copy| copy.archive == index)
            .map(|copy| copy.size);
        archive.repository.storage.announce(sizes.sum());
    }
    // First what is there: as much as possible must be in the queue before an error can end recovery.
    bring(context, settings, spool, &archives, wanted)?;
    if let Some((request, Failed { error, warnings })) = failed {
        log::warn!("{}", error.named_text());
        let mut written = error;
        written.message = std::iter::once(written.text())
            .chain(warnings)
            .collect::<Vec<_>>()
            .join("\n");
        written.hints.clear();
        // Without any repository it is the error of all segments.
        let segment = (!archives.usable.is_empty()).then_some(request.as_str());
        return spool.write_error(segment, &written);
    }
    if let Some(request) = missing {
        crate::detail!("unable to find {request} in the archive");
        return spool.write_ok(request, &[]);
    }
    Ok(())
}

fn bring(
    context: &Context,
    settings: &Settings,
    spool: &Spool,
    archives: &Archives,
    wanted: Vec<Wanted>,
) -> Result<()> {
    let work = |wanted: &Wanted| {
        let options = WriteOptions {
            mode: WriteMode::InPlace,
            create_path: false,
            sync: false,
            ..WriteOptions::default()
        };
        let open = || Ok(spool.storage().open_write(&wanted.temporary, &options)?);
        let fetched = fetch(
            archives,
            settings,
            &context.cancel,
            &wanted.segment,
            &wanted.copies,
            &open,
        );
        match fetched {
            Err(error) if error.code == ErrorCode::Term => Err(error),
            // A segment that fails does not keep the others from coming.
            other => Ok(Outcome::Done(other)),
        }
    };
    let mut waiting = wanted.into_iter();
    let workers = if archives.slow() {
        settings.workers.max(SLOW_WORKERS)
    } else {
        settings.workers
    };
    let pool_settings = PoolSettings {
        workers,
        retry: 0,
        ..PoolSettings::default()
    };
    jobs::run(
        pool_settings,
        &context.cancel,
        &work,
        Steps {
            next: &mut |_| Ok(waiting.next()),
            done: &mut |wanted, fetched, process| {
                jobs::as_process(process, || settle(spool, archives, &wanted, fetched))
            },
            tick: &mut || Ok(()),
        },
    )
}

fn settle(
    spool: &Spool,
    archives: &Archives,
    wanted: &Wanted,
    fetched: Result<Fetched>,
) -> Result<()> {
    let segment = &wanted.segment;
    let fetched = match fetched {
        Ok(fetched) => fetched,
        Err(mut error) => {
            log::warn!("{}", error.named_text());
            spool.storage().remove(&wanted.temporary)?;
            error.message = std::iter::once(error.text())
                .chain(wanted.warnings.clone())
                .collect::<Vec<_>>()
                .join("\n");
            error.hints.clear();
            return spool.write_error(Some(segment), &error);
        }
    };
    for warning in &fetched.warnings {
        log::warn!("{warning}");
    }
    let warnings: Vec<String> = wanted
        .warnings
        .iter()
        .chain(&fetched.warnings)
        .cloned()
        .collect();
    if !warnings.is_empty() {
        spool.write_ok(segment, &warnings)?;
    }
    let copy = &wanted.copies[fetched.copy];
    let repository = archives.usable[copy.archive].repository.name();
    crate::detail!(
        "found {segment} in the {repository}: {} archive",
        copy.archive_id
    );
    Ok(spool
        .storage()
        .rename(&wanted.temporary, &spool.file(segment))?)
}
