//! The queue of WAL that PostgreSQL wants archived: `<wal>/archive_status/*.ready`.
//!
//! When it grows beyond `archive-push-queue-max`, WAL is dropped: PostgreSQL is told success for files that no
//! repository has. That is the only case of it. After a promotion history files and unfinished segments stand in the
//! queue too, often in front: what a segment takes is never guessed from the first file.

use std::path::Path;

use pgkeep_postgres::PgVersion;
use pgkeep_postgres::wal::header::{HEADER_SIZE, WalHeader};
use pgkeep_postgres::wal::name;
use pgkeep_storage::{InfoLevel, ListOptions, Storage};

use super::source::{Source, read_piece};
use crate::archiving::wal_path;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;
use crate::report::size_text::size_text;

/// What PostgreSQL appends to the name of a file that is ready to be archived.
const READY: &str = ".ready";
/// Headers that are looked at for the size of a segment; where more are damaged, the files are measured.
const ASKED: usize = 4;

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
    let ready = |info: pgkeep_storage::FileInfo| {
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
        let segments = ready.iter().filter(|name| is_segment(name)).take(ASKED);
        segments
            .filter_map(|name| {
                let mut read = Source::new(&wal_directory.join(name)).open().ok()?;
                let first = read_piece(&mut *read, HEADER_SIZE).ok()?;
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
            _ => Source::new(&wal_directory.join(name))
                .size_now()?
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

/// Whether it is a segment, complete or unfinished: both take the whole size on disk.
pub(super) fn is_segment(file: &str) -> bool {
    name::is_segment(file) || name::is_partial(file)
}

/// The warning about a dropped file.
pub(super) fn drop_warning(file: &str, queue_max: u64) -> String {
    format!(
        "dropped WAL file '{file}' because archive queue exceeded {}",
        size_text(queue_max)
    )
}
