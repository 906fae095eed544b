//! zst: plain frames without checksum and content size; the same with and without raw.
//!
//! Concatenated frames are read as one stream, as the library does; the input must end on a frame's end.
//!
//! Up to level 4 a frame ends before the ring buffer that the library keeps for a stream begins anew
//! (docs/decisions/0021-zst-frames-end-with-the-ring.md): the library is much slower where what it looks back at is not right before what
//! it compresses.

use std::cell::Cell;

use zstd::zstd_safe::{
    CCtx, CParameter, DCtx, InBuffer, OutBuffer, ResetDirective, get_error_name,
    zstd_sys::ZSTD_EndDirective::{self, ZSTD_e_continue, ZSTD_e_end},
};

use super::room::make_room;
use crate::error::{Error, Result};
use crate::report::Report;
use crate::transform::Transform;

/// How far a frame looks back, as a power of two, and its input: the ring buffer has room for so much and a block. Long frames lose
/// less where bytes repeat over a long distance; short ones need less memory, which a process that lives for one segment of WAL feels.
const SHORT_LOG: u32 = 22;
const LONG_LOG: u32 = 23;

/// So much of a file is in short frames: a segment of WAL.
const IN_SHORT: usize = 16 << 20;

/// Higher levels search in other ways, which gain little or nothing, and lose more by the end of a frame.
const LAST_FRAMED: i32 = 4;

/// What is gathered before anything is compressed: a file that has no more goes to the library at once, which then uses tables
/// of its size. For larger ones they are the same.
const SMALL: usize = 256 << 10;

fn text(code: usize) -> String {
    format!("zst error: [{}] {}", code as isize, get_error_name(code))
}

/// What a compressor works with.
struct Parts {
    context: CCtx<'static>,
    /// The first bytes of a file; unused where the library is given input as it comes.
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
    /// The file is larger than [`SMALL`].
    is_large: bool,
    /// Input of the frame at hand that the library has, and of frames that have ended.
    in_frame: usize,
    ended: usize,
}

/// Of the frame that begins after so much input.
fn window_log(ended: usize) -> u32 {
    if ended < IN_SHORT {
        SHORT_LOG
    } else {
        LONG_LOG
    }
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
        let framed = level <= LAST_FRAMED;
        let window = framed.then(|| CParameter::WindowLog(window_log(0)));
        let parts = COMPRESS
            .take()
            .or_else(made)
            .ok_or_else(|| Error::internal("unable to create zst context"))
            .and_then(|mut parts| {
                let always = [
                    CParameter::CompressionLevel(level),
                    CParameter::ContentSizeFlag(false),
                ];
                for parameter in always.into_iter().chain(window) {
                    parts.set(parameter)?;
                }
                Ok(parts)
            });
        Compressor {
            parts,
            framed,
            is_large: false,
            in_frame: 0,
            ended: 0,
        }
    }

    fn parts(&mut self) -> Result<&mut Parts> {
        self.parts.as_mut().map_err(|error| error.clone())
    }
}

impl Parts {
    /// Between frames.
    fn set(&mut self, parameter: CParameter) -> Result<()> {
        (self.context.set_parameter(parameter))
            .map(|_| ())
            .map_err(|code| Error::internal(text(code)))
    }

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

    /// Goes on with a frame.
    fn go_on(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut source = InBuffer::around(input);
        while source.pos() < input.len() {
            self.step(&mut source, out, ZSTD_e_continue)?;
        }
        Ok(())
    }

    /// Ends a frame with this input.
    fn end(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut source = InBuffer::around(input);
        while self.step(&mut source, out, ZSTD_e_end)? != 0 {}
        Ok(())
    }

    /// Hands out what was gathered; it is put back to be filled again.
    fn with_gathered(&mut self, give: impl FnOnce(&mut Self, &[u8]) -> Result<()>) -> Result<()> {
        let mut gathered = std::mem::take(&mut self.gathered);
        let given = give(self, &gathered);
        gathered.clear();
        self.gathered = gathered;
        given
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
        let (mut is_large, mut in_frame, mut ended) = (self.is_large, self.in_frame, self.ended);
        let parts = self.parts()?;
        if !framed {
            parts.go_on(input, out)?;
            return Ok(input.len());
        }
        let mut taken = 0;
        while taken < input.len() && out.len() < limit {
            let rest = &input[taken..];
            if !is_large {
                let fits = rest.len().min(SMALL - parts.gathered.len());
                if fits > 0 {
                    parts.gathered.extend_from_slice(&rest[..fits]);
                    taken += fits;
                    continue;
                }
                is_large = true;
                in_frame = parts.gathered.len();
                parts.with_gathered(|parts, bytes| parts.go_on(bytes, out))?;
            }
            let frame = 1 << window_log(ended);
            let fits = rest.len().min(frame - in_frame);
            in_frame += fits;
            taken += fits;
            if in_frame == frame {
                parts.end(&rest[..fits], out)?;
                (in_frame, ended) = (0, ended + frame);
                parts.set(CParameter::WindowLog(window_log(ended)))?;
            } else {
                parts.go_on(&rest[..fits], out)?;
            }
        }
        (self.is_large, self.in_frame, self.ended) = (is_large, in_frame, ended);
        Ok(taken)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        let (framed, is_large, in_frame) = (self.framed, self.is_large, self.in_frame);
        let parts = self.parts()?;
        if framed && !is_large {
            // An empty input has a frame too.
            parts.with_gathered(|parts, bytes| parts.end(bytes, out))?;
        } else if !framed || in_frame > 0 {
            parts.end(&[], out)?;
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
