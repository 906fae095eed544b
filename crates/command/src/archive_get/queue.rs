//! The queue of segments fetched ahead: which should be in it, which are, which are still wanted.

use std::collections::BTreeSet;

use pgkeep_postgres::WalSegment;
use pgkeep_postgres::wal::name;
use pgkeep_storage::temporary::final_name;

use crate::error::Result;
use crate::runtime::spool::{OK, Spool};

/// Names of segments in the queue.
///
/// # Errors
/// When the queue cannot be listed.
pub(super) fn segments(spool: &Spool) -> Result<Vec<String>> {
    let segment = |name: &String| name::is_segment(name) || name::is_partial(name);
    Ok(spool.list()?.into_iter().filter(segment).collect())
}

/// Whether a process with so many workers is past this segment: they begin in order, so if as many that come after it have
/// come or are on their way, and it is not itself, it came before and somebody took it.
///
/// # Errors
/// When the queue cannot be listed.
pub(super) fn is_past(spool: &Spool, segment: &str, workers: usize) -> Result<bool> {
    let names = spool.list()?;
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
/// Wanted are the segment asked for, or the one after it when that was `found`, and those that follow, `queue_max`
/// bytes in all but two at least.
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
    let asked = WalSegment::parse(segment)?;
    let first = if found {
        asked.next(segment_size)
    } else {
        asked
    };
    let total = usize::try_from(queue_max / u64::from(segment_size.max(1)))
        .unwrap_or(usize::MAX)
        .max(2);
    let wanted: BTreeSet<String> =
        std::iter::successors(Some(first), |segment| Some(segment.next(segment_size)))
            .take(total)
            .map(|segment| segment.to_string())
            .collect();
    let actual = spool.list()?;
    for name in &actual {
        // Beside a segment that stays, an ok file holds warnings about it.
        let kept = wanted.contains(name)
            || name.strip_suffix(OK).is_some_and(|segment| {
                wanted.contains(segment) && actual.iter().any(|other| other == segment)
            });
        if !kept {
            spool.remove(name)?;
        }
    }
    Ok(wanted
        .into_iter()
        .filter(|name| actual.binary_search(name).is_err())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::spool::Queue;
    use pgkeep_repo::Stanza;
    use pgkeep_storage::WriteOptions;
    use pgkeep_storage::copy::write_all;

    fn queue_of(dir: &tempfile::TempDir, names: &[&str]) -> Spool {
        let spool = Spool::new(
            dir.path().to_str().unwrap(),
            &Stanza::new("demo").unwrap(),
            Queue::In,
        );
        spool.create().unwrap();
        for name in names {
            write_all(
                spool.storage(),
                &spool.file(name),
                &WriteOptions::default(),
                b"x",
            )
            .unwrap();
        }
        spool
    }

    const MIB16: u32 = 16 << 20;

    #[test]
    fn the_queue_begins_with_what_was_asked_for_and_crosses_the_end_of_a_log() {
        let dir = tempfile::tempdir().unwrap();
        let spool = queue_of(&dir, &[]);
        let wanted = prepare(&spool, "0000000100000001000000FE", false, 48 << 20, MIB16).unwrap();
        assert_eq!(
            wanted,
            [
                "0000000100000001000000FE",
                "0000000100000001000000FF",
                "000000010000000200000000"
            ]
        );
        let wanted = prepare(&spool, "0000000100000001000000FE", true, 0, MIB16).unwrap();
        assert_eq!(
            wanted,
            ["0000000100000001000000FF", "000000010000000200000000"]
        );
    }

    #[test]
    fn what_is_not_wanted_goes_and_what_is_there_is_not_fetched_again() {
        let dir = tempfile::tempdir().unwrap();
        let spool = queue_of(
            &dir,
            &[
                "000000010000000100000001",
                "000000010000000100000001.ok",
                "000000010000000100000003",
                "000000010000000100000003.ok",
                "000000010000000100000004.ok",
                "000000010000000100000004.pgbackrest.tmp",
                "global.error",
            ],
        );
        let wanted = prepare(&spool, "000000010000000100000002", false, 48 << 20, MIB16).unwrap();
        assert_eq!(
            wanted,
            ["000000010000000100000002", "000000010000000100000004"]
        );
        assert_eq!(
            spool.list().unwrap(),
            ["000000010000000100000003", "000000010000000100000003.ok"]
        );
        assert_eq!(segments(&spool).unwrap(), ["000000010000000100000003"]);
    }

    #[test]
    fn a_process_is_past_a_segment_when_its_workers_are_all_at_later_ones() {
        let dir = tempfile::tempdir().unwrap();
        let spool = queue_of(
            &dir,
            &[
                "000000010000000100000002.ok",
                "000000010000000100000003",
                "000000010000000100000004.pgbackrest.tmp",
                "000000010000000100000004.0123456789abcdef0.pgbackrest.tmp",
            ],
        );
        let past = |segment, workers| is_past(&spool, segment, workers).unwrap();
        assert!(past("000000010000000100000001", 2));
        assert!(!past("000000010000000100000001", 3));
        // It is on its way, or there.
        assert!(!past("000000010000000100000003", 1));
        assert!(!past("000000010000000100000004", 0));
    }
}
