//! gz: gzip wrapper normally, zlib wrapper in raw form (docs/format/compression-and-encryption.md).
//!
//! Writes exactly one member, because pgBackRest's reader stops after the first. Reads one member and ignores what
//! follows, as pgBackRest does.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::deflate::Deflate;
use super::room::make_room;
use crate::error::{Error, Result};
use crate::report::Report;
use crate::transform::Transform;

const WINDOW_BITS: u8 = 15;
/// A gzip header without name, time and hints; made on Unix.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

/// Writes one gzip member.
pub(super) struct Compressor {
    deflate: Deflate,
    /// What the trailer says: checksum and length of the plain bytes.
    crc: Crc,
    started: bool,
}

/// Writes one zlib stream.
pub(super) struct RawCompressor(Deflate);

/// `level`: -1 (the default, 6) to 9.
pub(super) fn compressor(level: i32, raw: bool) -> Box<dyn Transform> {
    if raw {
        Box::new(RawCompressor(Deflate::zlib(level)))
    } else {
        Box::new(Compressor {
            deflate: Deflate::bare(level),
            crc: Crc::new(),
            started: false,
        })
    }
}

impl Compressor {
    fn start(&mut self, out: &mut Vec<u8>) {
        if !self.started {
            self.started = true;
            out.extend_from_slice(&HEADER);
        }
    }
}

impl Transform for Compressor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, _limit: usize) -> Result<usize> {
        self.start(out);
        self.crc.update(input);
        self.deflate.push(input, out)?;
        Ok(input.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        self.start(out);
        self.deflate.finish(out)?;
        out.extend_from_slice(&self.crc.sum().to_le_bytes());
        // Modulo 2^32, as the format has it.
        out.extend_from_slice(&self.crc.amount().to_le_bytes());
        Ok(Report::None)
    }
}

impl Transform for RawCompressor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, _limit: usize) -> Result<usize> {
        self.0.push(input, out)?;
        Ok(input.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        self.0.finish(out)?;
        Ok(Report::None)
    }
}

pub(super) struct Decompressor {
    inflate: Decompress,
    ended: bool,
    has_output: bool,
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
            has_output: false,
        }
    }
}

impl Transform for Decompressor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize> {
        let mut done = 0;
        self.has_output = false;
        while !self.ended {
            if out.len() >= limit {
                self.has_output = true;
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

    fn has_output(&self) -> bool {
        self.has_output
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<Report> {
        if self.ended {
            Ok(Report::None)
        } else {
            Err(Error::unexpected_eof())
        }
    }
}
