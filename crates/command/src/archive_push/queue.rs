//! The queue of a push: what PostgreSQL wants archived, and what of it is done.
//!
//! PostgreSQL keeps it as `<wal>/archive_status/*.ready`. Asynchronous archiving adds its results, one file each: `.ok` and
//! `.error` in `<spool-path>/archive/<stanza>/out` ([`Spool`]). When the queue grows beyond `archive-push-queue-max`, WAL is
//! dropped: PostgreSQL is told success for files that no repository has. That is the only case of it. After a promotion
//! history files and unfinished segments are in the queue too, often in front, so the size of a segment is never guessed from
//! the first file.

use std::collections::BTreeSet;
use std::path::Path;

use pgkeep_postgres::PgVersion;
use pgkeep_postgres::wal::header::{HEADER_SIZE, WalHeader};
use pgkeep_postgres::wal::name;
use pgkeep_storage::{FileInfo, InfoLevel, ListOptions, Storage};

use super::segment::read::read_chunk;
use super::segment::{WalFile, is_segment};
use super::settings::Settings;
use crate::archiving::spool::{OK, Queue, Spool};
use crate::archiving::wal_path;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;
use crate::report::size_text::size_text;

/// What PostgreSQL appends to the name of a file that is ready to be archived.
const READY: &str = ".ready";
/// How the warning about a dropped file begins.
const DROPPED: &str = "dropped WAL file ";
/// Headers that are read for the size of a segment; where more are damaged, the files are measured.
const HEADERS_READ: usize = 4;
/// Clocks of two file systems that are not exactly the same.
const CLOCK_DIFFERENCE: i64 = 60;

/// The part of the spool that has the results of pushes.
pub(super) fn results(settings: &Settings) -> Spool {
    Spool::new(&settings.spool_path, &settings.stanza, Queue::Out)
}

/// Names of all files that are ready, sorted.
///
/// # Errors
/// [`ErrorCode::PathMissing`] when there is no `archive_status`.
pub(super) fn ready_list(wal_directory: &Path) -> Result<Vec<String>> {
    let storage = this_host::directory(Path::new("/"));
    let path = wal_path::from_root(&wal_directory.join("archive_status"));
    let options = ListOptions {
        level: InfoLevel::Exists,
        sort: true,
    };
    let Some(found) = storage.list(&path, &options)? else {
        return Err(Error::new(
            ErrorCode::PathMissing,
            format!(
                "unable to list file info for missing path '{}'",
                storage.display(&path)
            ),
        ));
    };
    // PostgreSQL passes over what else lies there; pushed, it would fail and keep all that follows waiting.
    let ready = |info: FileInfo| {
        let name = info.name.to_string();
        let file = name.strip_suffix(READY)?;
        name::is_archived(file).then(|| file.to_owned())
    };
    let mut names: Vec<String> = found.into_iter().filter_map(ready).collect();
    // With the extension gone a partial segment sorts behind the segment.
    names.sort();
    Ok(names)
}

/// Bytes of a segment of this cluster: as `control` says, or else the header of a segment that is ready; `None`: not known.
pub(super) fn segment_size(
    control: Option<u32>,
    version_force: Option<PgVersion>,
    wal_directory: &Path,
    ready: &[String],
) -> Option<u64> {
    let from_header = || {
        let segments = ready
            .iter()
            .filter(|name| is_segment(name))
            .take(HEADERS_READ);
        segments
            .filter_map(|name| {
                let mut read = WalFile::new(&wal_directory.join(name)).open().ok()?;
                let first = read_chunk(&mut *read, HEADER_SIZE).ok()?;
                WalHeader::parse(&first, version_force).ok()
            })
            .map(|header| header.segment_size)
            .next()
    };
    control.or_else(from_header).map(u64::from)
}

/// Whether the files that are ready take more than `queue_max` bytes: whole and unfinished segments of `segment_size` each,
/// and all others, small as they are, as the directory has them.
///
/// # Errors
/// When a file cannot be looked at.
pub(super) fn exceeds(
    wal_directory: &Path,
    ready: &[String],
    segment_size: Option<u64>,
    queue_max: u64,
) -> Result<bool> {
    let mut total = 0_u64;
    for name in ready {
        let size = match segment_size {
            Some(size) if is_segment(name) => size,
            // One that is gone was taken notice of meanwhile.
            _ => WalFile::new(&wal_directory.join(name))
                .size_if_present()?
                .unwrap_or(0),
        };
        total = total.saturating_add(size);
    }
    Ok(total > queue_max)
}

/// Keeps as many files as hold `most` segments; the small files among them count for nothing.
pub(super) fn truncate(names: &mut Vec<String>, most: usize) {
    let mut segments = (0..names.len()).filter(|&index| is_segment(&names[index]));
    if let Some(first_beyond) = segments.nth(most) {
        names.truncate(first_beyond);
    }
}

/// The warning about a dropped file.
pub(super) fn drop_warning(file: &str, queue_max: u64) -> String {
    format!(
        "{DROPPED}'{file}' because archive queue exceeded {}",
        size_text(queue_max)
    )
}

/// Whether it is one.
pub(super) fn is_drop_warning(warning: &str) -> bool {
    warning.starts_with(DROPPED)
}

/// Whether an `.ok` was written before the file it stands for: it is of an earlier cluster, whose segments had the same names.
///
/// # Errors
/// When the file cannot be looked at.
pub(super) fn is_of_an_earlier_file(ok: &FileInfo, file: &WalFile) -> Result<bool> {
    let written = file.info()?.map(|info| info.modified);
    Ok(written.is_some_and(|written| ok.modified.saturating_add(CLOCK_DIFFERENCE) < written))
}

/// What is ready and not acknowledged in the spool, sorted. All else is removed from the spool.
///
/// # Errors
/// When one of the two cannot be read, or the spool cannot be changed.
pub(super) fn waiting(spool: &Spool, wal_directory: &Path) -> Result<Vec<String>> {
    let ready = ready_list(wal_directory)?;
    let mut acknowledged = BTreeSet::new();
    for entry in spool.list()? {
        let name = entry.name.to_string();
        if let Some(file) = name.strip_suffix(OK)
            // Of others PostgreSQL has taken notice.
            && ready.binary_search_by(|ready| ready.as_str().cmp(file)).is_ok()
            && spool.is_ok(&entry)?
            && !is_of_an_earlier_file(&entry, &WalFile::new(&wal_directory.join(file)))?
        {
            acknowledged.insert(file.to_owned());
        } else {
            // Also errors of earlier runs, and whatever a killed one or a crash of the machine left. The command in front takes
            // none of that for an answer, so it must not keep the file from being pushed.
            spool.remove(&name)?;
        }
    }
    Ok(ready
        .into_iter()
        .filter(|file| !acknowledged.contains(file))
        .collect())
}

/// Gives files up: PostgreSQL is told that they are archived, with a warning.
///
/// # Errors
/// When the spool cannot be written.
pub(super) fn drop_all(settings: &Settings, spool: &Spool, names: &[String]) -> Result<()> {
    for name in names {
        let warning = drop_warning(name, settings.queue_max.unwrap_or_default());
        spool.write_ok(name, std::slice::from_ref(&warning))?;
        log::warn!("{warning}");
    }
    Ok(())
}
