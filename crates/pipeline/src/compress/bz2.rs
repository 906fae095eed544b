//! bz2: the same with and without raw; one stream is written, one is read and what follows is ignored.

use bzip2::{Action, Compress, Compression, Decompress, Error as BzError, Status};

use super::room::make_room;
use crate::error::{Error, Result};
use crate::report::Report;
use crate::transform::Transform;

/// Library default, which is what 0 stands for.
const WORK_FACTOR: u32 = 0;

/// Bytes of a block for each level.
const BLOCK: usize = 100_000;
/// Input that gathers until the size of block it needs is known. Memory for level 9 is 7.6 MB, and for a cluster of many
/// small files touching it anew took more time than compressing.
const GATHERED_MAX: usize = 256 * 1024;

/// One stream. A file that ends early gets the smallest block that holds it: the same bytes but for the level in the header.
pub(super) struct Compressor {
    level: u32,
    gathered: Vec<u8>,
    /// Made once more than [`GATHERED_MAX`] has come, or at the end.
    codec: Option<Compress>,
}

impl Compressor {
    /// `level`: 1 to 9, block size in units of 100 kB.
    pub(super) fn new(level: i32) -> Compressor {
        Compressor {
            level: level.clamp(1, 9).unsigned_abs(),
            gathered: Vec::new(),
            codec: None,
        }
    }

    /// The codec, which has taken what had gathered.
    fn start(&mut self, level: u32, out: &mut Vec<u8>) -> Result<&mut Compress> {
        let mut codec = Compress::new(Compression::new(level), WORK_FACTOR);
        push(&mut codec, &std::mem::take(&mut self.gathered), out)?;
        Ok(self.codec.insert(codec))
    }
}

/// The smallest level with a block for so many bytes: the first stage makes up to a quarter more of them.
fn level_for(len: usize) -> u32 {
    ((len + len / 4 + 20).div_ceil(BLOCK)) as u32
}

fn push(codec: &mut Compress, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut done = 0;
    while done < input.len() {
        make_room(out);
        let before = codec.total_in();
        codec
            .compress_vec(&input[done..], out, Action::Run)
            .map_err(refused)?;
        done += (codec.total_in() - before) as usize;
    }
    Ok(())
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
        match &mut self.codec {
            Some(codec) => push(codec, input, out)?,
            None => {
                self.gathered.extend_from_slice(input);
                if self.gathered.len() > GATHERED_MAX {
                    self.start(self.level, out)?;
                }
            }
        }
        Ok(input.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        if self.codec.is_none() {
            self.start(self.level.min(level_for(self.gathered.len())), out)?;
        }
        let codec = self.codec.as_mut().expect("started above");
        loop {
            make_room(out);
            if codec
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
    has_output: bool,
}

impl Decompressor {
    pub(super) fn new() -> Decompressor {
        Decompressor {
            stream: Decompress::new(false),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(level: i32, input: &[u8], piece: usize) -> Vec<u8> {
        let (mut codec, mut out) = (Compressor::new(level), Vec::new());
        for piece in input.chunks(piece) {
            codec.run(piece, &mut out, usize::MAX).unwrap();
        }
        codec.finish(&mut out).unwrap();
        out
    }

    /// What the codec of that level makes of it in one go.
    fn plain(level: u32, input: &[u8]) -> Vec<u8> {
        let (mut codec, mut out) = (Compress::new(Compression::new(level), 0), Vec::new());
        push(&mut codec, input, &mut out).unwrap();
        loop {
            make_room(&mut out);
            if codec.compress_vec(&[], &mut out, Action::Finish).unwrap() == Status::StreamEnd {
                return out;
            }
        }
    }

    #[test]
    fn a_short_file_is_stored_as_at_the_level_asked_for_but_for_the_header() {
        // Runs of four are what the first stage makes longest.
        let worst: Vec<u8> = (0..GATHERED_MAX + 1).map(|at| (at / 4) as u8).collect();
        for len in [0, 1, 79_984, 79_985, 80_000, 159_000, GATHERED_MAX] {
            let small = compressed(9, &worst[..len], 8192);
            let full = plain(9, &worst[..len]);
            assert_eq!(
                (&small[..3], &small[4..]),
                (&b"BZh"[..], &full[4..]),
                "{len}"
            );
            assert!(u32::from(small[3] - b'0') <= 4, "{len}");
        }
        assert_eq!(compressed(9, &worst, 8192), plain(9, &worst));
        assert_eq!(
            compressed(1, &worst[..GATHERED_MAX], 8192),
            plain(1, &worst[..GATHERED_MAX])
        );
    }
}
