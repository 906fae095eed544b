//! Reading a file: the whole of it or pieces.
//!
//! The kernel prefetches; it is told how the file will be read. Reads go straight into the caller's buffer, so a big
//! buffer there means few system calls.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::failure::failure;
use crate::error::{Error, ErrorKind, Operation, Result};
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
        let file = open(&path)?;
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
            file,
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

/// Opens a file, and nothing that somebody else must write into first, or that never ends: a pipe, a device.
fn open(path: &Path) -> Result<File> {
    let fail = |errno| failure(Operation::OpenRead, path, errno);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let opened = match rustix::fs::open(path, flags | OFlags::NONBLOCK, Mode::empty()) {
        // A server of files has given it away for a time, and is asked to give it back.
        Err(Errno::WOULDBLOCK) => rustix::fs::open(path, flags, Mode::empty()),
        opened => opened,
    };
    let file = opened.map_err(fail)?;
    let found = rustix::fs::fstat(&file).map_err(fail)?;
    match FileType::from_raw_mode(found.st_mode) {
        // Reading a directory is an error of its own.
        FileType::RegularFile | FileType::Directory => Ok(File::from(file)),
        _ => Err(Error::new(
            ErrorKind::Broken,
            Operation::OpenRead,
            path.display().to_string(),
            "it is no regular file",
        )),
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
    use rustix::fs::CWD;

    use super::*;

    #[test]
    fn a_pipe_and_a_device_are_refused_at_once() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        rustix::fs::mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        for path in [pipe.as_path(), Path::new("/dev/zero")] {
            let error = open(path).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Broken, "{error}");
            assert!(error.to_string().contains("no regular file"), "{error}");
        }
        open(place.path()).unwrap();
    }

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
