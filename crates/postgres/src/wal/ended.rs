//! When transactions ended, from the records of one WAL segment (`access/xlogrecord.h`, `access/xact.h`).
//!
//! Only what recovery to a time looks at is read: commits and aborts with their times. The form of records is that of 9.5 and
//! later; bytes that make no sense end the reading, as they end recovery. Sums are not checked.

use super::records::{self, RECORD_HEADER};
use crate::version::PgVersion;
use crate::wal::header::WalHeader;

/// `RM_XACT_ID`.
const XACT: u8 = 1;
/// `XLOG_XACT_OPMASK`, and in it the kinds that end a transaction: commit, abort, and both of a prepared one.
const XACT_KIND: u8 = 0x70;
const ENDS: [u8; 4] = [0x00, 0x20, 0x30, 0x40];
/// Headers of parts that may stand before the data of a record: origin, id of the top transaction.
const ORIGIN: u8 = 253;
const TOP_XID: u8 = 252;
const DATA_LONG: u8 = 254;
const DATA_SHORT: u8 = 255;
/// PostgreSQL counts microseconds from 2000-01-01.
const EPOCH: i64 = 946_684_800_000_000;

/// First and last time at which a transaction ended in the segment, microseconds since 1970; `None`: none did, or the bytes
/// are not of a segment of a version that is known.
#[must_use]
pub fn times(segment: &[u8]) -> Option<(i64, i64)> {
    let header = WalHeader::parse(segment, None).ok()?;
    if header.version < PgVersion::V9_5 {
        return None;
    }
    let mut found: Option<(i64, i64)> = None;
    let _ = records::read(segment, &mut |_, record| {
        if let Some(time) = ended(record) {
            found = Some(found.map_or((time, time), |(low, high)| (low.min(time), high.max(time))));
        }
    });
    found
}

/// Whether the last record of a segment goes on in the next one: [`times`] of neither has it.
#[must_use]
pub fn is_cut(segment: &[u8]) -> bool {
    records::read(segment, &mut |_, _| {}).head.is_some()
}

/// When the record's transaction ended, if it ends one.
fn ended(record: &[u8]) -> Option<i64> {
    if record[17] != XACT || !ENDS.contains(&(record[16] & XACT_KIND)) {
        return None;
    }
    let time = i64::from_le_bytes(data(record)?.get(..8)?.try_into().ok()?);
    time.checked_add(EPOCH)
}

/// The data of a record that has no blocks: it follows its header.
pub(super) fn data(record: &[u8]) -> Option<&[u8]> {
    let mut rest = &record[RECORD_HEADER..];
    loop {
        match *rest.first()? {
            ORIGIN => rest = rest.get(3..)?,
            TOP_XID => rest = rest.get(5..)?,
            DATA_SHORT => return rest.get(2..),
            DATA_LONG => return rest.get(5..),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wal::made_segment::{LONG_HEADER, PAGE, SHORT_HEADER, record, segment};

    const XLOG: u8 = 0;
    const SWITCH: u8 = 0x40;

    fn end(info: u8, before: &[u8], time: i64) -> Vec<u8> {
        let data = [before, &[DATA_SHORT, 8], &(time - EPOCH).to_le_bytes()].concat();
        record(XACT, info, &data)
    }

    #[test]
    fn times_are_those_of_the_records_that_end_transactions() {
        let (early, late) = (1_795_492_873_000_000, 1_795_492_999_123_456);
        let records = [
            record(10, 0, &[7; 9000]),
            end(0x80, &[], late),
            end(0x20, &[ORIGIN, 1, 0], early),
            // Prepared only; an assignment.
            end(0x10, &[], early - 10),
            end(0x50, &[], late + 10),
            end(0x30, &[TOP_XID, 1, 0, 0, 0], early + 5),
        ];
        for rest in [0, 13, 20_000] {
            assert_eq!(
                times(&segment(rest, &records)),
                Some((early, late)),
                "{rest}"
            );
        }
        assert_eq!(times(&segment(0, &records[..1])), None);
        assert_eq!(
            times(&segment(2 << 20, &records)),
            None,
            "the rest fills the segment"
        );
    }

    #[test]
    fn nothing_counts_that_follows_a_switch_or_is_of_an_older_use() {
        let (time, other) = (1_795_492_873_000_000, 1_895_492_873_000_000);
        let switched = [
            end(0, &[], time),
            record(XLOG, SWITCH, &[]),
            end(0, &[], other),
        ];
        assert_eq!(times(&segment(0, &switched)), Some((time, time)));
        let long = [
            end(0, &[], time),
            record(10, 0, &[7; 9000]),
            end(0, &[], other),
        ];
        let mut reused = segment(0, &long);
        reused[PAGE + 8] ^= 1;
        assert_eq!(times(&reused), Some((time, time)));
    }

    #[test]
    fn a_record_that_goes_on_in_the_next_segment_is_known() {
        let transaction = end(0, &[], 1_795_492_873_000_000);
        let content = (1 << 20) - LONG_HEADER - ((1 << 20) / PAGE - 1) * SHORT_HEADER;
        // What is left of the segment after a record that fills it up to there.
        let left = |left: usize| {
            let filler = record(10, 0, &vec![7; content - RECORD_HEADER - left]);
            segment(0, &[filler, transaction.clone()])
        };
        assert!(transaction.len() > 32 && transaction.len() <= 40);
        for (bytes, cut) in [
            (8, true),
            (32, true),
            (40, false),
            (4000, false),
            (0, false),
        ] {
            assert_eq!(is_cut(&left(bytes)), cut, "{bytes} bytes are left");
            assert_eq!(times(&left(bytes)).is_some(), bytes >= 40, "{bytes}");
        }
        let switched = segment(0, &[record(XLOG, SWITCH, &[]), transaction]);
        assert!(!is_cut(&switched) && !is_cut(b"no segment"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..20_000), page in 0_u32..9000) {
            let _ = (times(&bytes), is_cut(&bytes));
            if bytes.len() > 40 {
                let made = segment(0, &[]);
                bytes[..40].copy_from_slice(&made[..40]);
                bytes[36..40].copy_from_slice(&page.to_le_bytes());
                bytes[2] |= 1;
                let _ = (times(&bytes), is_cut(&bytes));
            }
        }
    }
}
