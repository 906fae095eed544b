//! The queue of WAL that PostgreSQL wants archived: `<wal>/archive_status/*.ready`.
//!
//! When it grows beyond `archive-push-queue-max`, WAL is dropped: PostgreSQL is told success for files that no
//! repository has. That is the only case of it.

use std::path::Path;

use pgkeep_storage::{InfoLevel, ListOptions, Storage};

use super::source::Source;
use crate::error::{Error, ErrorCode, Result};
use crate::runtime::size_text::size_text;
use crate::runtime::{open, wal_path};

/// What PostgreSQL appends to the name of a file that is ready to be archived.
const READY: &str = ".ready";

/// Names of all files that are ready, sorted.
///
/// # Errors
/// [`ErrorCode::PathMissing`] when there is no `archive_status`.
pub(super) fn ready_list(wal_directory: &Path) -> Result<Vec<String>> {
    let storage = open::local(Path::new("/"));
    let path = wal_path::from_root(&wal_directory.join("archive_status"));
    let options = ListOptions {
        level: InfoLevel::Exists,
        sort: true,
        ..ListOptions::default()
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
    let ready = |info: pgkeep_storage::FileInfo| {
        info.name.to_string().strip_suffix(READY).map(str::to_owned)
    };
    let mut names: Vec<String> = found.into_iter().filter_map(ready).collect();
    // With the extension gone a partial segment sorts behind the segment.
    names.sort();
    Ok(names)
}

/// Whether the files that are ready are more than `queue_max` bytes: their number times the size of the first.
///
/// # Errors
/// [`ErrorCode::FileOpen`] when the first is not there.
pub(super) fn exceeds(wal_directory: &Path, ready: &[String], queue_max: u64) -> Result<bool> {
    let Some(first) = ready.first() else {
        return Ok(false);
    };
    let size = Source::new(&wal_directory.join(first)).size()?;
    Ok(size.saturating_mul(ready.len() as u64) > queue_max)
}

/// The warning about a dropped file.
pub(super) fn drop_warning(file: &str, queue_max: u64) -> String {
    format!(
        "dropped WAL file '{file}' because archive queue exceeded {}",
        size_text(queue_max)
    )
}
