//! Reading a file: the whole of it or pieces.
//!
//! The kernel prefetches; it is told how the file will be read. Reads go straight into the caller's buffer, so a big
//! buffer there means few system calls.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::fs::{Advice, Mode, OFlags};

use super::failure::failure;
use crate::error::{Error, Operation, Result};
use crate::options::{Range, ReadOptions};

/// Files expected to be smaller are read in one go; a hint would be a wasted call.
const ADVISE_FROM: u64 = 512 * 1024;
/// So many pieces are asked of the kernel ahead of the one being read.
const PIECES_AHEAD: usize = 64;

pub(super) struct PosixRead {
    file: File,
    path: PathBuf,
    /// Pieces still to be read, the next one last; the position moves inside the last one.
    pieces: Vec<Range>,
    ahead: usize,
}

impl PosixRead {
    pub(super) fn open(path: PathBuf, read: &ReadOptions) -> Result<Self> {
        let file = rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| failure(Operation::OpenRead, &path, errno))?;
        let mut pieces = merged(&read.ranges);
        if pieces.is_empty() && read.ranges.is_empty() {
            pieces.push(Range {
                offset: 0,
                length: None,
            });
            if read.expect.is_none_or(|size| size >= ADVISE_FROM) {
                // Only advice: where it is refused the file is read all the same.
                let _ = rustix::fs::fadvise(&file, 0, None, Advice::Sequential);
            }
        }
        pieces.reverse();
        let mut read = Self {
            file: File::from(file),
            path,
            pieces,
            ahead: 0,
        };
        if read.pieces.len() > 1 {
            read.ask_ahead();
        }
        Ok(read)
    }

    /// Asks the kernel for the next pieces, so that reading one overlaps with fetching the others.
    fn ask_ahead(&mut self) {
        for piece in self.pieces.iter().rev().take(PIECES_AHEAD) {
            let length = piece.length.and_then(NonZeroU64::new);
            let _ = rustix::fs::fadvise(&self.file, piece.offset, length, Advice::WillNeed);
        }
        self.ahead = self.pieces.len().min(PIECES_AHEAD);
    }
}

/// Joins pieces that follow each other without a gap and drops empty ones.
fn merged(ranges: &[Range]) -> Vec<Range> {
    let mut out: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges.iter().filter(|range| range.length != Some(0)) {
        match out.last_mut() {
            Some(last)
                if last
                    .length
                    .and_then(|length| last.offset.checked_add(length))
                    == Some(range.offset) =>
            {
                last.length = last
                    .length
                    .zip(range.length)
                    .and_then(|(a, b)| a.checked_add(b));
            }
            _ => out.push(*range),
        }
    }
    out
}

impl Read for PosixRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(piece) = self.pieces.last_mut() {
            let most = piece.length.map_or(buffer.len(), |left| {
                usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()))
            });
            let got = match self.file.read_at(&mut buffer[..most], piece.offset) {
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(Error::from_io(
                        Operation::Read,
                        self.path.display().to_string(),
                        &error,
                    )
                    .into_io());
                }
            };
            piece.offset += got as u64;
            piece.length = piece.length.map(|left| left - got as u64);
            if got == 0 || piece.length == Some(0) {
                self.pieces.pop();
                self.ahead = self.ahead.saturating_sub(1);
                if self.ahead == 0 && self.pieces.len() > 1 {
                    self.ask_ahead();
                }
            }
            if got > 0 {
                return Ok(got);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(offset: u64, length: impl Into<Option<u64>>) -> Range {
        Range {
            offset,
            length: length.into(),
        }
    }

    #[test]
    fn pieces_without_a_gap_become_one() {
        assert_eq!(
            merged(&[range(0, 4), range(4, 4), range(9, 1), range(10, None)]),
            [range(0, 8), range(9, None)]
        );
        assert_eq!(
            merged(&[range(8, 4), range(4, 4)]),
            [range(8, 4), range(4, 4)],
            "order is the caller's"
        );
        assert_eq!(merged(&[range(3, 0), range(7, 2)]), [range(7, 2)]);
        let huge = range(u64::MAX, 4);
        assert_eq!(
            merged(&[huge, range(3, 1)]),
            [huge, range(3, 1)],
            "an overflowing end follows nothing"
        );
    }
}
