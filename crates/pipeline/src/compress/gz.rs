//! gz: gzip wrapper normally, zlib wrapper in raw form (repository-format.md 3.3).
//!
//! Writes exactly one member, because the original's reader stops after the first; reads one member and ignores what
//! follows, as the original does.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::make_room;
use crate::error::{Error, Result};
use crate::report::Report;
use crate::run::Transform;

const WINDOW_BITS: u8 = 15;

pub(super) struct Compressor(Compress);

/// The level of zlib-rs that comes close to zlib's in size.
///
/// Measured on heap pages, indexes, catalogs and WAL: its 1 is up to 40 % larger than zlib's 1 while its 2 is smaller;
/// its 5 is within 0.6 % of its 6 (within 3.5 % of zlib's 6, 2 % smaller over all) at up to twice the speed. -1 stands for
/// the default, 6.
fn codec_level(level: i32) -> u32 {
    match level {
        -1 | 6 => 5,
        1 => 2,
        other => other.clamp(0, 9).unsigned_abs(),
    }
}

impl Compressor {
    /// `level`: -1 (the default, 6) to 9.
    pub(super) fn new(level: i32, raw: bool) -> Compressor {
        let level = Compression::new(codec_level(level));
        Compressor(if raw {
            Compress::new_with_window_bits(level, true, WINDOW_BITS)
        } else {
            Compress::new_gzip(level, WINDOW_BITS)
        })
    }

    fn step(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        flush: FlushCompress,
    ) -> Result<(usize, Status)> {
        let before = self.0.total_in();
        let status = self
            .0
            .compress_vec(input, out, flush)
            .map_err(|_| Error::internal("zlib threw error: [-2] stream error"))?;
        Ok(((self.0.total_in() - before) as usize, status))
    }
}

impl Transform for Compressor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, _limit: usize) -> Result<usize> {
        let mut done = 0;
        while done < input.len() {
            make_room(out);
            done += self.step(&input[done..], out, FlushCompress::None)?.0;
        }
        Ok(done)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        loop {
            make_room(out);
            if self.step(&[], out, FlushCompress::Finish)?.1 == Status::StreamEnd {
                return Ok(Report::None);
            }
        }
    }
}

pub(super) struct Decompressor {
    inflate: Decompress,
    ended: bool,
    held: bool,
}

impl Decompressor {
    pub(super) fn new(raw: bool) -> Decompressor {
        let inflate = if raw {
            Decompress::new_with_window_bits(true, WINDOW_BITS)
        } else {
            Decompress::new_gzip(WINDOW_BITS)
        };
        Decompressor {
            inflate,
            ended: false,
            held: false,
        }
    }
}

impl Transform for Decompressor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize> {
        let mut done = 0;
        self.held = false;
        while !self.ended {
            if out.len() >= limit {
                self.held = true;
                return Ok(done);
            }
            make_room(out);
            let before = self.inflate.total_in();
            let status = self
                .inflate
                .decompress_vec(&input[done..], out, FlushDecompress::None)
                .map_err(|error| {
                    Error::format(if error.needs_dictionary().is_some() {
                        "zlib threw error: [2] need dictionary"
                    } else {
                        "zlib threw error: [-3] data error"
                    })
                })?;
            done += (self.inflate.total_in() - before) as usize;
            self.ended = status == Status::StreamEnd;
            // Room left means that inflate stopped for want of input.
            if !self.ended && out.len() < out.capacity() {
                if done < input.len() {
                    return Err(Error::format("zlib threw error: [-3] data error"));
                }
                return Ok(done);
            }
        }
        Ok(input.len())
    }

    fn holds_output(&self) -> bool {
        self.held
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<Report> {
        if self.ended {
            Ok(Report::None)
        } else {
            Err(Error::unexpected_eof())
        }
    }
}
