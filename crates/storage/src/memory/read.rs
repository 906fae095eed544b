//! Reading from memory: a view of the content as it was at open.

use std::io::{self, Read};
use std::sync::Arc;

use super::node::MemoryFile;
use crate::options::Range;

pub(super) struct MemoryRead {
    bytes: Arc<Vec<u8>>,
    /// Start and end of the pieces still to be delivered, the next one last.
    pieces: Vec<(usize, usize)>,
}

impl MemoryRead {
    pub(super) fn new(file: &MemoryFile, ranges: &[Range]) -> Self {
        let bytes = Arc::clone(&file.content().bytes);
        let within =
            |position: u64| usize::try_from(position).map_or(bytes.len(), |at| at.min(bytes.len()));
        let whole = [Range {
            offset: 0,
            length: None,
        }];
        let ranges = if ranges.is_empty() {
            &whole[..]
        } else {
            ranges
        };
        let piece = |range: &Range| {
            let end = range
                .length
                .and_then(|length| range.offset.checked_add(length))
                .unwrap_or(u64::MAX);
            (within(range.offset), within(end))
        };
        let pieces = ranges.iter().rev().map(piece).collect();
        Self { bytes, pieces }
    }
}

impl Read for MemoryRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some((start, end)) = self.pieces.last_mut() {
            let count = buffer.len().min(*end - *start);
            if *start == *end {
                self.pieces.pop();
                continue;
            }
            buffer[..count].copy_from_slice(&self.bytes[*start..*start + count]);
            *start += count;
            return Ok(count);
        }
        Ok(0)
    }
}
