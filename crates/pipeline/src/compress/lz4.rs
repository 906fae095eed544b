//! lz4: frames of linked 64 KiB blocks, with a content checksum unless raw (docs/format/compression-and-encryption.md).
//!
//! Two encoders: `lz4_flex` for the fast levels (quicker than C; it has one level, so the negative ones, which trade
//! size for speed, all become it), the C library for the high compression levels from 3 up. Reading is in `lz4_frame`.

use std::io::Write;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use lz4::liblz4::{
    BlockChecksum, BlockMode as CBlockMode, BlockSize as CBlockSize, ContentChecksum,
};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use crate::error::{Error, Result};
use crate::report::Report;
use crate::transform::Transform;

/// First level that the C library serves with its high compression match finder.
const FIRST_HIGH_LEVEL: i32 = 3;

/// Makes the compressor that serves `level`, -5 to 12.
pub(super) fn compressor(level: i32, raw: bool) -> Box<dyn Transform> {
    match u32::try_from(level) {
        Ok(level) if level >= FIRST_HIGH_LEVEL.unsigned_abs() => Box::new(High::new(level, raw)),
        _ => Box::new(Fast::new(raw)),
    }
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("lz4 error: {error}"))
}

struct Fast(FrameEncoder<Vec<u8>>);

impl Fast {
    fn new(raw: bool) -> Fast {
        let info = FrameInfo::new()
            .block_mode(BlockMode::Linked)
            .block_size(BlockSize::Max64KB)
            .content_checksum(!raw);
        Fast(FrameEncoder::with_frame_info(info, Vec::new()))
    }

    /// Lets the encoder write straight into `out`.
    fn into<T>(
        &mut self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut FrameEncoder<Vec<u8>>) -> T,
    ) -> T {
        mem::swap(self.0.get_mut(), out);
        let result = write(&mut self.0);
        mem::swap(self.0.get_mut(), out);
        result
    }
}

impl Transform for Fast {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, _limit: usize) -> Result<usize> {
        self.into(out, |encoder| encoder.write_all(input))
            .map_err(refused)?;
        Ok(input.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        self.into(out, |encoder| encoder.try_finish())
            .map_err(refused)?;
        Ok(Report::None)
    }
}

/// Where the C encoder writes; shared because the encoder lends its writer only for reading.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    /// Moves what was written to the caller.
    fn drain(&self, out: &mut Vec<u8>) {
        out.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct High {
    written: Shared,
    /// `None` after the end. `Err` if the library could not be set up; said when the first byte comes.
    encoder: Option<Result<lz4::Encoder<Shared>>>,
}

impl High {
    fn new(level: u32, raw: bool) -> High {
        let written = Shared::default();
        let checksum = if raw {
            ContentChecksum::NoChecksum
        } else {
            ContentChecksum::ChecksumEnabled
        };
        let encoder = lz4::EncoderBuilder::new()
            .level(level)
            .block_mode(CBlockMode::Linked)
            .block_size(CBlockSize::Max64KB)
            .block_checksum(BlockChecksum::NoBlockChecksum)
            .checksum(checksum)
            .build(written.clone())
            .map_err(refused);
        High {
            written,
            encoder: Some(encoder),
        }
    }
}

impl Transform for High {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, _limit: usize) -> Result<usize> {
        let encoder = self
            .encoder
            .as_mut()
            .ok_or_else(|| refused("already finished"))?;
        let encoder = encoder.as_mut().map_err(|error| error.clone())?;
        let result = encoder.write_all(input).map_err(refused);
        self.written.drain(out);
        result.map(|()| input.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        let encoder = self
            .encoder
            .take()
            .ok_or_else(|| refused("already finished"))??;
        let ended = encoder.finish().1.map_err(refused);
        self.written.drain(out);
        ended.map(|()| Report::None)
    }
}
