//! zst: plain frames without checksum and content size; the same with and without raw.
//!
//! Concatenated frames are read as one stream, as the library does; the input must end on a frame's end.

use std::cell::Cell;

use zstd::zstd_safe::{
    CCtx, CParameter, DCtx, InBuffer, OutBuffer, ResetDirective, get_error_name,
    zstd_sys::ZSTD_EndDirective::{ZSTD_e_continue, ZSTD_e_end},
};

use super::room::make_room;
use crate::error::{Error, Result};
use crate::report::Report;
use crate::transform::Transform;

fn text(code: usize) -> String {
    format!("zst error: [{}] {}", code as isize, get_error_name(code))
}

thread_local! {
    /// Contexts that the thread has no use for now. To make one costs more than to compress a small file, so one of each kind
    /// is kept until the thread ends.
    static COMPRESS: Cell<Option<CCtx<'static>>> = const { Cell::new(None) };
    static DECOMPRESS: Cell<Option<DCtx<'static>>> = const { Cell::new(None) };
}

pub(super) struct Compressor {
    /// `Err` if the library could not be set up; said when the first byte comes.
    context: Result<CCtx<'static>>,
}

impl Compressor {
    /// `level`: -7 to 22; 0 stands for the library's default, 3.
    pub(super) fn new(level: i32) -> Compressor {
        let context = COMPRESS
            .take()
            .or_else(CCtx::try_create)
            .ok_or_else(|| Error::internal("unable to create zst context"))
            .and_then(|mut c| {
                c.set_parameter(CParameter::CompressionLevel(level))
                    .map_err(|code| Error::internal(text(code)))?;
                Ok(c)
            });
        Compressor { context }
    }

    fn context(&mut self) -> Result<&mut CCtx<'static>> {
        self.context.as_mut().map_err(|error| error.clone())
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        let context = std::mem::replace(&mut self.context, Err(Error::internal("it has ended")));
        // Whatever became of its frame, the next one begins anew.
        if let Ok(mut context) = context
            && (context.reset(ResetDirective::SessionAndParameters)).is_ok()
        {
            let _ = COMPRESS.try_with(|kept| kept.set(Some(context)));
        }
    }
}

impl Transform for Compressor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, _limit: usize) -> Result<usize> {
        let context = self.context()?;
        let mut source = InBuffer::around(input);
        while source.pos() < input.len() {
            make_room(out);
            let filled = out.len();
            context
                .compress_stream2(
                    &mut OutBuffer::around_pos(out, filled),
                    &mut source,
                    ZSTD_e_continue,
                )
                .map_err(|code| Error::internal(text(code)))?;
        }
        Ok(input.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        let context = self.context()?;
        loop {
            make_room(out);
            let filled = out.len();
            let left = context
                .compress_stream2(
                    &mut OutBuffer::around_pos(out, filled),
                    &mut InBuffer::around(&[]),
                    ZSTD_e_end,
                )
                .map_err(|code| Error::internal(text(code)))?;
            if left == 0 {
                return Ok(Report::None);
            }
        }
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
