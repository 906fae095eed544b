//! zst: plain frames without checksum and content size; the same with and without raw.
//!
//! Concatenated frames are read as one stream, as the library does; the input must end on a frame's end.
//!
//! Up to level 4, input is gathered and compressed a frame at a time
//! (docs/decisions/0020-zst-in-frames.md): the library is much slower where what it looks back at is not right before what
//! it compresses, as in the ring buffer that it keeps for a stream.

use std::cell::Cell;

use zstd::zstd_safe::{
    CCtx, CParameter, DCtx, InBuffer, OutBuffer, ResetDirective, compress_bound, get_error_name,
    zstd_sys::ZSTD_EndDirective::{self, ZSTD_e_continue, ZSTD_e_end},
};

use super::room::make_room;
use crate::error::{Error, Result};
use crate::report::Report;
use crate::transform::Transform;

/// Input of a frame: twice as far as the levels to [`LAST_FRAMED`] look back (2 MiB), and little enough for a processor's cache.
const FRAME: usize = 4 << 20;

/// Higher levels search in other ways, which gain little or nothing, and lose more by an end every [`FRAME`] bytes.
const LAST_FRAMED: i32 = 4;

fn text(code: usize) -> String {
    format!("zst error: [{}] {}", code as isize, get_error_name(code))
}

/// What a compressor works with.
struct Parts {
    context: CCtx<'static>,
    /// Input of the frame at hand; unused where the library is given input as it comes.
    gathered: Vec<u8>,
}

thread_local! {
    /// What the thread has no use for now. To make a context costs more than to compress a small file, so one of each kind
    /// is kept until the thread ends.
    static COMPRESS: Cell<Option<Parts>> = const { Cell::new(None) };
    static DECOMPRESS: Cell<Option<DCtx<'static>>> = const { Cell::new(None) };
}

pub(super) struct Compressor {
    /// `Err` if the library could not be set up; said when the first byte comes.
    parts: Result<Parts>,
    framed: bool,
    /// An empty input has a frame too.
    has_frame: bool,
}

impl Compressor {
    /// `level`: -7 to 22; 0 stands for the library's default, 3.
    pub(super) fn new(level: i32) -> Compressor {
        let made = || {
            CCtx::try_create().map(|context| Parts {
                context,
                gathered: Vec::new(),
            })
        };
        let parts = COMPRESS
            .take()
            .or_else(made)
            .ok_or_else(|| Error::internal("unable to create zst context"))
            .and_then(|mut parts| {
                for parameter in [
                    CParameter::CompressionLevel(level),
                    CParameter::ContentSizeFlag(false),
                ] {
                    (parts.context.set_parameter(parameter))
                        .map_err(|code| Error::internal(text(code)))?;
                }
                Ok(parts)
            });
        Compressor {
            parts,
            framed: level <= LAST_FRAMED,
            has_frame: false,
        }
    }

    fn parts(&mut self) -> Result<&mut Parts> {
        self.parts.as_mut().map_err(|error| error.clone())
    }
}

impl Parts {
    /// Gives the library `input`, and `out` room for what comes of it; says how much output is still inside.
    fn step(
        &mut self,
        input: &mut InBuffer<'_>,
        out: &mut Vec<u8>,
        end: ZSTD_EndDirective,
    ) -> Result<usize> {
        make_room(out);
        let filled = out.len();
        self.context
            .compress_stream2(&mut OutBuffer::around_pos(out, filled), input, end)
            .map_err(|code| Error::internal(text(code)))
    }

    /// Makes a frame of what was gathered.
    fn frame(&mut self, out: &mut Vec<u8>) -> Result<()> {
        // With room for all of it the library compresses from here to there, without buffers of its own.
        out.reserve(compress_bound(self.gathered.len()));
        let gathered = std::mem::take(&mut self.gathered);
        let mut input = InBuffer::around(&gathered);
        while self.step(&mut input, out, ZSTD_e_end)? != 0 {}
        self.gathered = gathered;
        self.gathered.clear();
        Ok(())
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        let parts = std::mem::replace(&mut self.parts, Err(Error::internal("it has ended")));
        // Whatever became of its frame, the next one begins anew.
        if let Ok(mut parts) = parts
            && (parts.context.reset(ResetDirective::SessionAndParameters)).is_ok()
        {
            parts.gathered.clear();
            let _ = COMPRESS.try_with(|kept| kept.set(Some(parts)));
        }
    }
}

impl Transform for Compressor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize> {
        let framed = self.framed;
        let parts = self.parts()?;
        if !framed {
            let mut source = InBuffer::around(input);
            while source.pos() < input.len() {
                parts.step(&mut source, out, ZSTD_e_continue)?;
            }
            return Ok(input.len());
        }
        let (mut taken, mut has_frame) = (0, false);
        while taken < input.len() && out.len() < limit {
            let fits = (input.len() - taken).min(FRAME - parts.gathered.len());
            parts.gathered.extend_from_slice(&input[taken..][..fits]);
            taken += fits;
            if parts.gathered.len() == FRAME {
                parts.frame(out)?;
                has_frame = true;
            }
        }
        self.has_frame |= has_frame;
        Ok(taken)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        let (framed, has_frame) = (self.framed, self.has_frame);
        let parts = self.parts()?;
        if !framed {
            while parts.step(&mut InBuffer::around(&[]), out, ZSTD_e_end)? != 0 {}
        } else if !has_frame || !parts.gathered.is_empty() {
            parts.frame(out)?;
        }
        Ok(Report::None)
    }
}

pub(super) struct Decompressor {
    context: Result<DCtx<'static>>,
    /// The last frame is complete and all of it was handed out.
    frame_done: bool,
    has_output: bool,
}

impl Decompressor {
    pub(super) fn new() -> Decompressor {
        let context = DECOMPRESS
            .take()
            .or_else(DCtx::try_create)
            .ok_or_else(|| Error::internal("unable to create zst context"));
        Decompressor {
            context,
            frame_done: false,
            has_output: false,
        }
    }
}

impl Drop for Decompressor {
    fn drop(&mut self) {
        let context = std::mem::replace(&mut self.context, Err(Error::internal("it has ended")));
        if let Ok(mut context) = context
            && (context.reset(ResetDirective::SessionAndParameters)).is_ok()
        {
            let _ = DECOMPRESS.try_with(|kept| kept.set(Some(context)));
        }
    }
}

impl Transform for Decompressor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize> {
        let context = self.context.as_mut().map_err(|error| error.clone())?;
        let mut source = InBuffer::around(input);
        // With nothing to read and no output left, a call would begin a frame that is not there.
        while source.pos() < input.len() || self.has_output {
            if out.len() >= limit {
                self.has_output |= source.pos() == input.len();
                return Ok(source.pos());
            }
            make_room(out);
            let filled = out.len();
            let hint = context
                .decompress_stream(&mut OutBuffer::around_pos(out, filled), &mut source)
                .map_err(|code| Error::format(text(code)))?;
            self.frame_done = hint == 0;
            self.has_output = !self.frame_done && out.len() == out.capacity();
        }
        Ok(input.len())
    }

    fn has_output(&self) -> bool {
        self.has_output
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<Report> {
        if self.frame_done {
            Ok(Report::None)
        } else {
            Err(Error::unexpected_eof())
        }
    }
}
