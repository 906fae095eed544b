//! The records of one WAL segment, page by page as a server reads them (`access/xlogrecord.h`, `access/xlog_internal.h`).
//!
//! Only the form of 9.5 and later. Sums are not checked, and of a long record only the beginning is kept. Invariant: the reading
//! ends where a server's would, or later; where it ends because bytes make no sense it says so.

use crate::control::{field_u16, field_u32, field_u64};
use crate::wal::header::WalHeader;

/// Headers of pages: the first of a segment is longer.
const SHORT_HEADER: usize = 24;
const LONG_HEADER: usize = 40;
/// `XLP_FIRST_IS_CONTRECORD`: the page begins with the rest of a record.
const CONTINUED: u16 = 0x0001;
/// `XLP_FIRST_IS_OVERWRITE_CONTRECORD`: the rest of a record was never written, others are there instead.
const OVERWRITTEN: u16 = 0x0008;
/// `SizeOfXLogRecord`.
pub(super) const RECORD_HEADER: usize = 24;
/// `RM_XLOG_ID`, and `XLOG_SWITCH`: nothing follows in the segment.
const XLOG: u8 = 0;
const SWITCH: u8 = 0x40;
/// What is kept of a record.
pub(super) const KEPT: usize = 8192;

/// What lies at the ends of a segment, and how the reading ended.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Address of the segment, and the bytes at its beginning that belong to a record of the one before.
    pub(super) start: u64,
    pub(super) rest: Option<Vec<u8>>,
    /// Address and beginning of the record that goes on in the next segment, and where that begins.
    pub(super) end: u64,
    pub(super) head: Option<(u64, Vec<u8>)>,
    /// Why WAL could not be followed to its end.
    pub(super) unclear: Option<String>,
}

/// Reads a segment; `each` gets the address and the beginning of every record that is whole in it.
pub(super) fn read(segment: &[u8], each: &mut dyn FnMut(u64, &[u8])) -> Ends {
    let header = match WalHeader::parse(segment, None) {
        Ok(header) => header,
        Err(error) => return unclear(error.message().to_owned()),
    };
    let size = header.page_size as usize;
    if size <= LONG_HEADER || !size.is_multiple_of(8) {
        return unclear(format!("WAL pages have {size} bytes"));
    }
    let (magic, start) = (field_u16(segment, 0), field_u64(segment, 8));
    let mut reading = Reading {
        each,
        open: None,
        rest: None,
    };
    let mut ends = Ends {
        start,
        end: start.wrapping_add(u64::from(header.segment_size)),
        ..Ends::default()
    };
    for (number, page) in (0_u64..).zip(segment.chunks_exact(size)) {
        let address = start.wrapping_add(number.wrapping_mul(size as u64));
        // A page of zeros, or one left of an older use of the file: WAL ends before it.
        if field_u16(page, 0) != magic || field_u64(page, 8) != address {
            reading.open = None;
            break;
        }
        match reading.page(page, address, number == 0) {
            Ok(true) => {}
            Ok(false) => break,
            Err(why) => {
                reading.open = None;
                ends.unclear = Some(why);
                break;
            }
        }
    }
    ends.rest = reading.rest;
    match reading.open {
        Some(Open {
            address: Some(address),
            bytes,
            ..
        }) => ends.head = Some((address, bytes)),
        Some(open) => ends.rest = Some(open.bytes),
        None => {}
    }
    ends
}

fn unclear(why: String) -> Ends {
    Ends {
        unclear: Some(why),
        ..Ends::default()
    }
}

/// A record of which not all was read.
#[derive(Debug)]
struct Open {
    /// `None`: it begins in the segment before.
    address: Option<u64>,
    left: usize,
    bytes: Vec<u8>,
}

impl Open {
    /// Takes what belongs to it; gives how much that is.
    fn take(&mut self, content: &[u8]) -> usize {
        let count = self.left.min(content.len());
        let kept = count.min(KEPT.saturating_sub(self.bytes.len()));
        self.bytes.extend_from_slice(&content[..kept]);
        self.left -= count;
        count
    }
}

struct Reading<'a> {
    each: &'a mut dyn FnMut(u64, &[u8]),
    open: Option<Open>,
    rest: Option<Vec<u8>>,
}

impl Reading<'_> {
    /// Reads a page; `false`: WAL ends in it.
    fn page(&mut self, page: &[u8], address: u64, first: bool) -> Result<bool, String> {
        let (info, left) = (field_u16(page, 2), field_u32(page, 16) as usize);
        let header = if first { LONG_HEADER } else { SHORT_HEADER };
        let content = &page[header..];
        match (&self.open, info & CONTINUED != 0) {
            (None, false) => {}
            (None, true) if first => {
                self.open = Some(Open {
                    address: None,
                    left,
                    bytes: Vec::new(),
                });
            }
            (Some(open), true) if open.left == left => {}
            (Some(_), false) if info & OVERWRITTEN != 0 => self.open = None,
            _ => {
                return Err(format!(
                    "the page at {address:X} does not go on with a record"
                ));
            }
        }
        let mut at = 0;
        if let Some(mut open) = self.open.take() {
            at = open.take(content).next_multiple_of(8);
            if !self.close(open) {
                return Ok(self.open.is_some());
            }
        }
        while let Some(rest) = content.get(at..).filter(|rest| rest.len() >= 8) {
            let length = field_u32(rest, 0) as usize;
            let place = address.wrapping_add((header + at) as u64);
            match length {
                0 => return Ok(false),
                1..RECORD_HEADER => {
                    return Err(format!("the record at {place:X} has {length} bytes"));
                }
                _ => {}
            }
            let mut open = Open {
                address: Some(place),
                left: length,
                bytes: Vec::new(),
            };
            at += open.take(rest).next_multiple_of(8);
            if !self.close(open) {
                return Ok(self.open.is_some());
            }
        }
        Ok(true)
    }

    /// Hands on a record that is whole, and keeps one that is not. Whether others follow in the page.
    fn close(&mut self, open: Open) -> bool {
        if open.left > 0 {
            self.open = Some(open);
            return false;
        }
        let Some(address) = open.address else {
            self.rest = Some(open.bytes);
            return true;
        };
        (self.each)(address, &open.bytes);
        open.bytes[17] != XLOG || open.bytes[16] & 0xF0 != SWITCH
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::made_segment::{PAGE, record, segment};

    fn lengths(segment: &[u8]) -> (Vec<usize>, Ends) {
        let mut found = Vec::new();
        let ends = read(segment, &mut |_, record| found.push(record.len()));
        (found, ends)
    }

    #[test]
    fn records_go_over_pages_and_what_is_cut_is_kept() {
        let (small, large) = (record(10, 0, &[7; 6]), record(10, 0, &vec![7; 20_000]));
        let bytes = segment(13, &[small.clone(), large, small.clone()]);
        let (found, ends) = lengths(&bytes);
        assert_eq!(found, [30, KEPT, 30]);
        assert_eq!(ends.rest.map(|rest| rest.len()), Some(13));
        assert!(ends.head.is_none() && ends.unclear.is_none());
        let beyond = record(10, 0, &vec![7; 2 << 20]);
        let (found, ends) = lengths(&segment(0, &[small, beyond]));
        assert_eq!(found, [30]);
        assert_eq!(ends.head.unwrap().0, 0x500_0000 + 40 + 32);
    }

    #[test]
    fn records_follow_where_the_rest_of_one_was_never_written() {
        let begun = record(10, 0, &[7; 9000]);
        let after = record(10, 0, &[7; 6]);
        let mut bytes = segment(0, &[begun]);
        let second = &mut bytes[PAGE..2 * PAGE];
        second[2] = 0x08;
        second[16..20].fill(0);
        second[24..].fill(0);
        second[24..24 + after.len()].copy_from_slice(&after);
        let (found, ends) = lengths(&bytes);
        assert_eq!(found, [30]);
        assert!(ends.unclear.is_none() && ends.head.is_none());
        // Without the mark a server does not go on, and neither does this.
        bytes[PAGE + 2] = 0;
        let (found, ends) = lengths(&bytes);
        assert!(found.is_empty() && ends.unclear.is_some());
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        assert!(lengths(b"no segment").1.unclear.is_some());
        let mut odd = segment(0, &[record(10, 0, &[7; 6]), record(10, 0, &[7; 6])]);
        odd[40 + 32] = 5;
        let (found, ends) = lengths(&odd);
        assert_eq!((found.len(), ends.unclear.is_some()), (1, true));
        let mut odd = segment(0, &[record(10, 0, &[7; 9000])]);
        odd[PAGE + 16] ^= 1;
        assert!(lengths(&odd).1.unclear.is_some());
        let mut odd = segment(0, &[]);
        odd[36..40].copy_from_slice(&40_u32.to_le_bytes());
        assert!(lengths(&odd).1.unclear.is_some());
    }
}
