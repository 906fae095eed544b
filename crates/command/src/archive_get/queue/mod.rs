//! The queue of segments fetched ahead, `<spool-path>/archive/<stanza>/in`: which should be in it, which are, which are still
//! wanted.
//!
//! A segment in it is handed over only if it is one: what a crash of the machine left of it is fetched again.

use std::collections::BTreeSet;
use std::io::Read;

use pgkeep_postgres::WalSegment;
use pgkeep_postgres::control::ControlFile;
use pgkeep_postgres::wal::header::{HEADER_SIZE, WalHeader};
use pgkeep_postgres::wal::name;
use pgkeep_storage::temporary::final_name;
use pgkeep_storage::{FileInfo, FileType};

use crate::archiving::spool::{OK, Spool};
use crate::error::Result;

/// What the queue has under the name of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Queued {
    /// Nothing (any more).
    Missing,
    /// A whole segment of this cluster.
    Whole,
    /// A file of the right size which does not begin as a segment of this cluster does.
    Foreign,
}

/// Checks what is there of a segment; what is certainly none is removed, so that it is fetched again.
///
/// # Errors
/// When the spool cannot be read or changed.
pub(super) fn check(spool: &Spool, segment: &str, control: &ControlFile) -> Result<Queued> {
    let Some(entry) = spool.info(segment)? else {
        return Ok(Queued::Missing);
    };
    let queued = if !is_whole(spool, &entry, control.wal_segment_size) {
        Queued::Missing
    } else if begins_as_segment(spool, segment, control) {
        return Ok(Queued::Whole);
    } else {
        Queued::Foreign
    };
    log::warn!(
        "'{}' in the spool is not a whole WAL segment, it is fetched again",
        spool.storage().display(&spool.file(segment))
    );
    spool.remove(segment)?;
    Ok(queued)
}

/// Whether it can be a segment, as far as the directory knows.
fn is_whole(spool: &Spool, entry: &FileInfo, segment_size: u32) -> bool {
    entry.kind == FileType::File
        && entry.size == u64::from(segment_size)
        && !spool.is_in_doubt(entry)
}

/// Whether the file can be read and its first page is that of a segment of this cluster.
fn begins_as_segment(spool: &Spool, segment: &str, control: &ControlFile) -> bool {
    let mut first = Vec::with_capacity(HEADER_SIZE);
    let read = spool.open(segment).and_then(|read| {
        let mut read = read.take(HEADER_SIZE as u64);
        Ok(read.read_to_end(&mut first)?)
    });
    read.is_ok()
        && WalHeader::parse(&first, Some(control.version)).is_ok_and(|header| {
            header.segment_size == control.wal_segment_size && header.system_id == control.system_id
        })
}

/// Number of segments in the queue.
///
/// # Errors
/// When the queue cannot be listed.
pub(super) fn count(spool: &Spool) -> Result<usize> {
    let segment = |name: &&String| name::is_segment(name) || name::is_partial(name);
    Ok(spool.names()?.iter().filter(segment).count())
}

/// Whether a process with so many workers is past this segment: they begin in order, so if as many that come after it have
/// come or are on their way, and it is not itself, it came before and somebody took it.
///
/// # Errors
/// When the queue cannot be listed.
pub(super) fn is_past(spool: &Spool, segment: &str, workers: usize) -> Result<bool> {
    let names = spool.names()?;
    let segments = || {
        names.iter().map(|name| {
            final_name(name.as_bytes())
                .and_then(|whole| std::str::from_utf8(whole).ok())
                .unwrap_or(name)
        })
    };
    // A segment that a killed run left half done may be there a second time.
    let after: BTreeSet<&str> = segments()
        .filter(|name| name::is_segment(name) && *name > segment)
        .collect();
    Ok(!segments().any(|name| name == segment) && after.len() >= workers)
}

/// Removes from the queue what is no longer wanted, and returns the segments to fetch, in order.
///
/// Wanted are the given segment, or the one after it when that was `found`, and those that follow, `queue_max` bytes in
/// all but two at least.
///
/// # Errors
/// When the queue cannot be listed or changed, or `segment` is not a whole segment.
pub(super) fn prepare(
    spool: &Spool,
    segment: &str,
    found: bool,
    queue_max: u64,
    segment_size: u32,
) -> Result<Vec<String>> {
    let wanted_now = WalSegment::parse(segment)?;
    let first = if found {
        wanted_now.next(segment_size)
    } else {
        wanted_now
    };
    let name = |entry: &FileInfo| entry.name.to_string();
    let total = usize::try_from(queue_max / u64::from(segment_size.max(1)))
        .unwrap_or(usize::MAX)
        .max(2);
    let wanted: BTreeSet<String> =
        std::iter::successors(Some(first), |segment| Some(segment.next(segment_size)))
            .take(total)
            .map(|segment| segment.to_string())
            .collect();
    let actual = spool.list()?;
    let is_kept =
        |entry: &&FileInfo| is_whole(spool, entry, segment_size) && wanted.contains(&name(entry));
    let kept: BTreeSet<String> = actual.iter().filter(is_kept).map(name).collect();
    for entry in &actual {
        let name = name(entry);
        // Beside a segment that stays, an ok file has warnings about it.
        let beside = name.strip_suffix(OK).is_some_and(|of| kept.contains(of));
        if !beside && !kept.contains(&name) {
            spool.remove(&name)?;
        }
    }
    Ok(wanted.difference(&kept).cloned().collect())
}

#[cfg(test)]
mod tests;
