//! Whether WAL creates tablespaces: replay does so at the place of the original, wherever the cluster is restored to.
//!
//! Segments are given in the order of replay, for a record may lie in two of them. Bytes that make no sense end the reading of a
//! segment, as they end recovery.

use super::ended::{data, first_record, record, stream};
use crate::control::field_u64;
use crate::wal::header::WalHeader;

/// `RM_TBLSPC_ID`, and `XLOG_TBLSPC_CREATE` in the upper half of the info byte.
const TABLESPACE: u8 = 5;
const CREATE: u8 = 0x00;
/// What is kept of a record that is cut: more than the longest path.
const KEPT: usize = 8192;

/// Looks through segments for records that create a tablespace.
#[derive(Debug, Default)]
pub struct TablespaceScan {
    /// The beginning of a record that goes on in the segment at this address.
    cut: Option<(u64, Vec<u8>)>,
}

impl TablespaceScan {
    /// The places of tablespaces that this segment creates.
    pub fn segment(&mut self, segment: &[u8]) -> Vec<String> {
        let cut = self.cut.take();
        let Ok(header) = WalHeader::parse(segment, None) else {
            return Vec::new();
        };
        let stream = stream(segment, header.page_size as usize);
        let (address, mut at) = (field_u64(segment, 8), first_record(segment));
        let mut found = Vec::new();
        if let Some((_, begun)) = cut.filter(|(expected, _)| *expected == address) {
            let rest = &stream[..at.min(stream.len()).min(KEPT)];
            found.extend(record(&[&begun, rest].concat(), 0).and_then(created));
        }
        while let Some(record) = record(&stream, at) {
            found.extend(created(record));
            at += record.len().next_multiple_of(8);
        }
        if let Some(rest) = stream.get(at..).filter(|rest| !rest.is_empty()) {
            let kept = rest[..rest.len().min(KEPT)].to_vec();
            self.cut = Some((address.wrapping_add(segment.len() as u64), kept));
        }
        found
    }
}

/// The place, if the record creates a tablespace that has one of its own.
fn created(record: &[u8]) -> Option<String> {
    if record[17] != TABLESPACE || record[16] & 0xF0 != CREATE {
        return None;
    }
    let path = data(record)?.get(4..)?;
    let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
    (!path.is_empty()).then(|| String::from_utf8_lossy(path).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::ended::tests::{record, segment};
    use super::*;

    fn create(path: &str) -> Vec<u8> {
        let body = [
            &[255, 5 + path.len() as u8, 1, 0, 0, 0],
            path.as_bytes(),
            &[0],
        ]
        .concat();
        record(TABLESPACE, CREATE, &body)
    }

    #[test]
    fn tablespaces_are_found_and_those_in_the_data_directory_are_not() {
        let drop = record(TABLESPACE, 0x10, &[255, 4, 1, 0, 0, 0]);
        let other = record(4, 0, &[255, 4, 1, 0, 0, 0]);
        let bytes = segment(0, &[other, create(""), create("/space/one"), drop]);
        assert_eq!(TablespaceScan::default().segment(&bytes), ["/space/one"]);
    }

    #[test]
    fn a_record_in_two_segments_is_found_only_where_the_second_follows() {
        let whole = create("/space/two");
        // Fills the segment but for the last eight bytes, into which the record begins.
        let pages = (1_usize << 20) / 8192;
        let room = pages * (8192 - 24) - 16;
        let filler = record(4, 0, &vec![0; room - 8 - 24]);
        let first = segment(0, &[filler, whole[..8].to_vec()]);
        let mut second = segment(whole.len() - 8, &[]);
        // What the helper puts before the first record is replaced by the rest of ours.
        second[40..40 + whole.len() - 8].copy_from_slice(&whole[8..]);
        for page in 0..pages {
            let at = page * 8192 + 8;
            let address = field_u64(&second, at) + (1 << 20);
            second[at..at + 8].copy_from_slice(&address.to_le_bytes());
        }
        let mut scan = TablespaceScan::default();
        assert_eq!(scan.segment(&first), Vec::<String>::new());
        assert_eq!(scan.segment(&second), ["/space/two"]);
        assert_eq!(scan.segment(&second), Vec::<String>::new());
    }
}
