//! WAL segments of made-up records, for tests.

use crate::control::layout;

pub(super) const PAGE: usize = 8192;
pub(super) const LONG_HEADER: usize = 40;
pub(super) const SHORT_HEADER: usize = 24;
const RECORD_HEADER: usize = 24;

/// A record without blocks.
pub(super) fn record(manager: u8, info: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; RECORD_HEADER];
    bytes[..4].copy_from_slice(&((RECORD_HEADER + body.len()) as u32).to_le_bytes());
    (bytes[16], bytes[17]) = (info, manager);
    bytes.extend_from_slice(body);
    bytes
}

/// A segment of these records, the first of them after `rest` bytes of an older one.
pub(super) fn segment(rest: usize, records: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = vec![0xAA; rest.next_multiple_of(8)];
    let mut parts = vec![(0, rest)];
    for record in records {
        parts.push((stream.len(), stream.len() + record.len()));
        stream.extend_from_slice(record);
        stream.resize(stream.len().next_multiple_of(8), 0);
    }
    let magic = layout::LAYOUTS.last().unwrap().wal_magic;
    let mut bytes = Vec::new();
    let mut left = &stream[..];
    for number in 0_u64..(1 << 20) / PAGE as u64 {
        let header = if number == 0 {
            LONG_HEADER
        } else {
            SHORT_HEADER
        };
        let mut page = vec![0; PAGE];
        page[..2].copy_from_slice(&magic.to_le_bytes());
        page[2] = if number == 0 { 2 } else { 0 };
        let at = stream.len() - left.len();
        let over = |(from, to): &&(usize, usize)| *to > at && (*from < at || at == 0 && rest > 0);
        if let Some((_, to)) = parts.iter().find(over).filter(|_| at > 0 || rest > 0) {
            page[2] |= 1;
            page[16..20].copy_from_slice(&((to - at) as u32).to_le_bytes());
        }
        page[8..16].copy_from_slice(&(0x500_0000 + number * PAGE as u64).to_le_bytes());
        if number == 0 {
            page[32..36].copy_from_slice(&(1_u32 << 20).to_le_bytes());
            page[36..40].copy_from_slice(&(PAGE as u32).to_le_bytes());
        }
        let taken = left.len().min(PAGE - header);
        page[header..header + taken].copy_from_slice(&left[..taken]);
        left = &left[taken..];
        bytes.extend(page);
    }
    bytes
}
