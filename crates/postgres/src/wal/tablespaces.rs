//! Whether WAL creates tablespaces: replay does so at the place of the original, wherever the cluster is restored to.
//!
//! A record may lie in two segments; they may come in any order, for a server reads the one with the checkpoint first. Invariant:
//! whatever a server may replay is looked at, or [`Found::Unclear`] says that it was not.

use super::ended::data;
use super::records::{self, RECORD_HEADER};
use crate::lsn::Lsn;

/// `RM_TBLSPC_ID`, and `XLOG_TBLSPC_CREATE` in the upper half of the info byte.
const TABLESPACE: u8 = 5;
const CREATE: u8 = 0x00;
/// How many records in two segments are remembered: a server goes back by a few segments at most.
const CUTS: usize = 8;

/// What must not be replayed elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A tablespace is created at this place.
    Created(String),
    /// WAL could not be followed, and why: what it does is not known.
    Unclear(String),
}

/// Looks through segments for records that create a tablespace.
#[derive(Debug, Default)]
pub struct TablespaceScan {
    /// Records before it are not replayed.
    from: Lsn,
    /// Beginnings of records that go on in the segment at an address, and what is there of such records.
    heads: Vec<(u64, Vec<u8>)>,
    rests: Vec<(u64, Vec<u8>)>,
}

impl TablespaceScan {
    /// For replay that begins at this address.
    #[must_use]
    pub fn starting_at(from: Lsn) -> Self {
        Self {
            from,
            ..Self::default()
        }
    }

    /// What is in this segment, or in a record that it shares with one that was seen before.
    pub fn segment(&mut self, segment: &[u8]) -> Vec<Found> {
        let from = self.from.0;
        let mut found = Vec::new();
        let ends = records::read(segment, &mut |address, record| {
            if address >= from {
                found.extend(judged(record));
            }
        });
        found.extend(ends.unclear.map(Found::Unclear));
        self.heads.retain(|(at, _)| *at != ends.end);
        self.rests.retain(|(at, _)| *at != ends.start);
        if let Some((_, head)) = ends.head.filter(|(address, _)| *address >= from) {
            if let Some((_, rest)) = self.rests.iter().find(|(at, _)| *at == ends.end) {
                found.extend(judged(&[head.as_slice(), rest].concat()));
            }
            keep(&mut self.heads, ends.end, head);
        }
        if let Some(rest) = ends.rest {
            if let Some((_, head)) = self.heads.iter().find(|(at, _)| *at == ends.start) {
                found.extend(judged(&[head.as_slice(), &rest].concat()));
            }
            keep(&mut self.rests, ends.start, rest);
        }
        found
    }
}

fn keep(cuts: &mut Vec<(u64, Vec<u8>)>, at: u64, bytes: Vec<u8>) {
    cuts.push((at, bytes));
    cuts.drain(..cuts.len().saturating_sub(CUTS));
}

/// The place, if the record creates a tablespace that has one of its own.
fn judged(record: &[u8]) -> Option<Found> {
    let Some(header) = record.get(..RECORD_HEADER) else {
        return Some(Found::Unclear("a record is too short".to_owned()));
    };
    if header[17] != TABLESPACE || header[16] & 0xF0 != CREATE {
        return None;
    }
    let Some(path) = data(record).and_then(|data| data.get(4..)) else {
        return Some(Found::Unclear(
            "a record that creates a tablespace cannot be read".to_owned(),
        ));
    };
    let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
    // Without a place it lies in the data directory.
    (!path.is_empty()).then(|| Found::Created(String::from_utf8_lossy(path).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::made_segment::{PAGE, record, segment};

    const SIZE: u64 = 1 << 20;
    const START: u64 = 0x500_0000;

    fn create(path: &str) -> Vec<u8> {
        let body = [
            &[255, 5 + path.len() as u8, 1, 0, 0, 0],
            path.as_bytes(),
            &[0],
        ]
        .concat();
        record(TABLESPACE, CREATE, &body)
    }

    fn at(place: &str) -> Vec<Found> {
        vec![Found::Created(place.to_owned())]
    }

    /// Two segments, and the bytes `whole` over their border.
    fn cut(whole: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let pages = SIZE as usize / PAGE;
        // Fills the segment but for the last eight bytes, into which the record begins.
        let room = pages * (PAGE - 24) - 16;
        let filler = record(4, 0, &vec![0; room - 8 - 24]);
        let first = segment(0, &[filler, whole[..8].to_vec()]);
        let mut second = segment(whole.len() - 8, &[]);
        // What the helper puts before the first record is replaced by the rest of ours.
        second[40..40 + whole.len() - 8].copy_from_slice(&whole[8..]);
        for page in 0..pages {
            let address = START + SIZE + (page * PAGE) as u64;
            second[page * PAGE + 8..page * PAGE + 16].copy_from_slice(&address.to_le_bytes());
        }
        (first, second)
    }

    #[test]
    fn tablespaces_are_found_and_those_in_the_data_directory_are_not() {
        let drop = record(TABLESPACE, 0x10, &[255, 4, 1, 0, 0, 0]);
        let other = record(4, 0, &[255, 4, 1, 0, 0, 0]);
        let bytes = segment(0, &[other, create(""), create("/space/one"), drop]);
        assert_eq!(TablespaceScan::default().segment(&bytes), at("/space/one"));
        // Replay that begins behind it does not create it.
        let mut later = TablespaceScan::starting_at(Lsn(START + 200));
        assert_eq!(later.segment(&bytes), []);
    }

    #[test]
    fn a_record_in_two_segments_is_found_in_whatever_order_they_come() {
        let (first, second) = cut(&create("/space/two"));
        let mut scan = TablespaceScan::default();
        assert_eq!(scan.segment(&first), []);
        assert_eq!(scan.segment(&second), at("/space/two"));
        let mut scan = TablespaceScan::default();
        assert_eq!(scan.segment(&second), []);
        assert_eq!(scan.segment(&first), at("/space/two"));
        // The server comes back to the second one.
        assert_eq!(scan.segment(&second), at("/space/two"));
        let mut later = TablespaceScan::starting_at(Lsn(START + SIZE));
        assert_eq!(later.segment(&first), []);
        assert_eq!(later.segment(&second), []);
    }

    #[test]
    fn a_tablespace_is_found_behind_a_record_that_was_never_finished() {
        let mut bytes = segment(0, &[record(10, 0, &[7; 9000])]);
        let whole = create("/space/three");
        let second = &mut bytes[PAGE..2 * PAGE];
        second[2] = 0x08;
        second[16..].fill(0);
        second[24..24 + whole.len()].copy_from_slice(&whole);
        assert_eq!(
            TablespaceScan::default().segment(&bytes),
            at("/space/three")
        );
        // The same over two segments: the second begins with records of its own.
        let (first, _) = cut(&record(10, 0, &[7; 100]));
        let mut scan = TablespaceScan::default();
        assert_eq!(scan.segment(&first), []);
        let (_, mut second) = cut(&record(10, 0, &[7; 100]));
        second[2] = 0x02 | 0x08;
        second[16..20].fill(0);
        second[40..PAGE].fill(0);
        second[40..40 + whole.len()].copy_from_slice(&whole);
        assert_eq!(scan.segment(&second), at("/space/three"));
    }

    #[test]
    fn what_cannot_be_followed_is_told() {
        let unclear = |bytes: &[u8]| {
            let found = TablespaceScan::default().segment(bytes);
            assert!(matches!(found.as_slice(), [Found::Unclear(_)]), "{found:?}");
        };
        unclear(b"no segment");
        unclear(&segment(0, &[record(TABLESPACE, CREATE, &[0; 40])]));
        let mut odd = segment(0, &[record(10, 0, &[7; 9000]), create("/space/four")]);
        odd[PAGE + 16] ^= 4;
        unclear(&odd);
        let mut unknown = segment(0, &[create("/space/five")]);
        unknown[0] ^= 0xFF;
        unclear(&unknown);
    }
}
