//! bz2: the same with and without raw; one stream is written, one is read and what follows is ignored.

use bzip2::{Action, Compress, Compression, Decompress, Error as BzError, Status};

use super::make_room;
use crate::error::{Error, Result};
use crate::report::Report;
use crate::run::Transform;

/// Library default, which is what 0 stands for.
const WORK_FACTOR: u32 = 0;

pub(super) struct Compressor(Compress);

impl Compressor {
    /// `level`: 1 to 9, block size in units of 100 kB.
    pub(super) fn new(level: i32) -> Compressor {
        Compressor(Compress::new(
            Compression::new(level.clamp(1, 9).unsigned_abs()),
            WORK_FACTOR,
        ))
    }
}

fn refused(error: BzError) -> Error {
    match error {
        BzError::Sequence => Error::internal("bz2 error: [-1] sequence error"),
        BzError::Param => Error::internal("bz2 error: [-2] parameter error"),
        BzError::Data => Error::format("bz2 error: [-4] data error"),
        BzError::DataMagic => Error::format("bz2 error: [-5] data error magic"),
    }
}

impl Transform for Compressor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, _limit: usize) -> Result<usize> {
        let mut done = 0;
        while done < input.len() {
            make_room(out);
            let before = self.0.total_in();
            self.0
                .compress_vec(&input[done..], out, Action::Run)
                .map_err(refused)?;
            done += (self.0.total_in() - before) as usize;
        }
        Ok(done)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        loop {
            make_room(out);
            if self
                .0
                .compress_vec(&[], out, Action::Finish)
                .map_err(refused)?
                == Status::StreamEnd
            {
                return Ok(Report::None);
            }
        }
    }
}

pub(super) struct Decompressor {
    stream: Decompress,
    ended: bool,
    held: bool,
}

impl Decompressor {
    pub(super) fn new() -> Decompressor {
        Decompressor {
            stream: Decompress::new(false),
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
            let before = self.stream.total_in();
            let status = self
                .stream
                .decompress_vec(&input[done..], out)
                .map_err(refused)?;
            done += (self.stream.total_in() - before) as usize;
            self.ended = status == Status::StreamEnd;
            // Room left means that the decoder stopped for want of input.
            if !self.ended && out.len() < out.capacity() {
                if done < input.len() {
                    return Err(Error::format("bz2 error: [-4] data error"));
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
