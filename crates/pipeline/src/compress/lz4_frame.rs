//! Reading of lz4 frames, fed in pieces of any size; the blocks themselves are decoded by `lz4_flex`.
//!
//! The libraries' own frame readers pull from a `Read`, which a stage cannot be, so the frame format (header, blocks,
//! checksums, skippable frames) is read here. Concatenated frames are one stream and the input must end on a frame's
//! end, as with pgBackRest. The invariant: nothing larger than one block (4 MiB) is ever in memory.

use lz4_flex::block::{decompress_into, decompress_into_with_dict};
use xxhash_rust::xxh32::{Xxh32, xxh32};

use crate::error::{Error, Result};
use crate::report::Report;
use crate::transform::Transform;

const MAGIC: u32 = 0x184d_2204;
const SKIPPABLE_MAGIC: u32 = 0x184d_2a50;
/// How far back a linked block may refer.
const WINDOW: usize = 64 * 1024;

/// What comes next in the input.
#[derive(Clone, Copy)]
enum Want {
    Magic,
    SkipSize,
    Skip(u64),
    /// The two flag bytes.
    Flags,
    /// Optional content size and dictionary id, then the header checksum.
    HeaderRest([u8; 2]),
    BlockSize,
    Block {
        size: usize,
        stored: bool,
    },
    ContentChecksum,
}

/// The header of the frame at hand.
#[derive(Default)]
struct Frame {
    linked: bool,
    block_checksum: bool,
    content_checksum: bool,
    content_size: Option<u64>,
    block_max: usize,
    produced: u64,
    hash: Xxh32,
}

pub(super) struct Decompressor {
    want: Want,
    /// Start of the wanted piece, when the input ended inside it.
    partial: Vec<u8>,
    frame: Frame,
    /// The last output of this frame that is not at the end of the caller's buffer; up to `WINDOW` bytes.
    history: Vec<u8>,
    /// Output of this frame that is at the end of the caller's buffer and not in `history` yet.
    fresh: usize,
    frame_done: bool,
}

impl Decompressor {
    pub(super) fn new() -> Decompressor {
        Decompressor {
            want: Want::Magic,
            partial: Vec::new(),
            frame: Frame::default(),
            history: Vec::new(),
            fresh: 0,
            frame_done: false,
        }
    }

    /// Bytes of the wanted piece; 0 while skipping.
    fn wanted(&self) -> usize {
        match self.want {
            Want::Skip(_) => 0,
            Want::Magic | Want::SkipSize | Want::BlockSize | Want::ContentChecksum => 4,
            Want::Flags => 2,
            Want::HeaderRest([flags, _]) => {
                1 + if flags & 8 != 0 { 8 } else { 0 } + if flags & 1 != 0 { 4 } else { 0 }
            }
            Want::Block { size, .. } => size + if self.frame.block_checksum { 4 } else { 0 },
        }
    }

    /// Handles one complete piece.
    fn take(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.want = match self.want {
            Want::Magic => {
                self.frame_done = false;
                match number(piece) {
                    MAGIC => Want::Flags,
                    magic if magic & !0xf == SKIPPABLE_MAGIC => Want::SkipSize,
                    _ => return Err(bad(13, "ERROR_frameType_unknown")),
                }
            }
            Want::SkipSize => self.skip(u64::from(number(piece))),
            Want::Skip(left) => self.skip(left),
            Want::Flags => {
                self.flags([piece[0], piece[1]])?;
                Want::HeaderRest([piece[0], piece[1]])
            }
            Want::HeaderRest(flags) => {
                self.header_rest(flags, piece)?;
                Want::BlockSize
            }
            Want::BlockSize => self.block_size(number(piece))?,
            Want::Block { stored, .. } => {
                self.block(piece, stored, out)?;
                Want::BlockSize
            }
            Want::ContentChecksum => {
                if self.frame.hash.digest() != number(piece) {
                    return Err(bad(18, "ERROR_contentChecksum_invalid"));
                }
                self.end_frame()
            }
        };
        Ok(())
    }

    fn skip(&mut self, left: u64) -> Want {
        if left == 0 {
            self.end_frame()
        } else {
            Want::Skip(left)
        }
    }

    fn end_frame(&mut self) -> Want {
        self.frame_done = true;
        self.history.clear();
        self.fresh = 0;
        Want::Magic
    }

    fn flags(&mut self, [flags, block]: [u8; 2]) -> Result<()> {
        if flags >> 6 != 1 {
            return Err(bad(6, "ERROR_headerVersion_wrong"));
        }
        if flags & 2 != 0 || block & 0x8f != 0 {
            return Err(bad(8, "ERROR_reservedFlag_set"));
        }
        let size_id = u32::from(block >> 4);
        if size_id < 4 {
            return Err(bad(2, "ERROR_maxBlockSize_invalid"));
        }
        self.frame = Frame {
            linked: flags & 0x20 == 0,
            block_checksum: flags & 0x10 != 0,
            content_checksum: flags & 4 != 0,
            content_size: None,
            block_max: 1 << (8 + 2 * size_id),
            produced: 0,
            hash: Xxh32::new(0),
        };
        Ok(())
    }

    fn header_rest(&mut self, flags: [u8; 2], rest: &[u8]) -> Result<()> {
        let (fields, checksum) = rest.split_at(rest.len() - 1);
        let header = [&flags[..], fields].concat();
        if (xxh32(&header, 0) >> 8) as u8 != checksum[0] {
            return Err(bad(17, "ERROR_headerChecksum_invalid"));
        }
        if flags[0] & 8 != 0 {
            let size = fields[..8]
                .try_into()
                .expect("the content size has 8 bytes");
            self.frame.content_size = Some(u64::from_le_bytes(size));
        }
        Ok(())
    }

    fn block_size(&mut self, word: u32) -> Result<Want> {
        let size = (word & 0x7fff_ffff) as usize;
        if size > self.frame.block_max {
            return Err(bad(2, "ERROR_maxBlockSize_invalid"));
        }
        if word != 0 {
            return Ok(Want::Block {
                size,
                stored: word >> 31 == 1,
            });
        }
        if self
            .frame
            .content_size
            .is_some_and(|size| size != self.frame.produced)
        {
            return Err(bad(14, "ERROR_frameSize_wrong"));
        }
        Ok(if self.frame.content_checksum {
            Want::ContentChecksum
        } else {
            self.end_frame()
        })
    }

    fn block(&mut self, piece: &[u8], stored: bool, out: &mut Vec<u8>) -> Result<()> {
        let mut data = piece;
        if self.frame.block_checksum {
            let checksum;
            (data, checksum) = piece.split_at(piece.len() - 4);
            if xxh32(data, 0) != number(checksum) {
                return Err(bad(7, "ERROR_blockChecksum_invalid"));
            }
        }
        let start = out.len();
        if stored {
            out.extend_from_slice(data);
        } else {
            if self.frame.linked && self.fresh < WINDOW {
                self.remember(out);
            }
            out.resize(start + self.frame.block_max, 0);
            let (before, room) = out.split_at_mut(start);
            let size = if !self.frame.linked {
                decompress_into(data, room)
            } else if self.fresh >= WINDOW {
                decompress_into_with_dict(data, room, &before[start - WINDOW..])
            } else {
                decompress_into_with_dict(data, room, &self.history)
            };
            let size = size.map_err(|_| bad(16, "ERROR_decompressionFailed"))?;
            out.truncate(start + size);
        }
        let made = out.len() - start;
        if self.frame.content_checksum {
            self.frame.hash.update(&out[start..]);
        }
        self.frame.produced += made as u64;
        self.fresh += made;
        Ok(())
    }

    /// Copies the fresh output into `history`, before the caller takes its buffer away.
    fn remember(&mut self, out: &[u8]) {
        let fresh = &out[out.len() - self.fresh.min(WINDOW)..];
        let keep = (WINDOW - fresh.len()).min(self.history.len());
        self.history.drain(..self.history.len() - keep);
        self.history.extend_from_slice(fresh);
        self.fresh = 0;
    }
}

impl Transform for Decompressor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize> {
        let mut rest = input;
        while !rest.is_empty() && out.len() < limit {
            if let Want::Skip(left) = self.want {
                let skipped = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                rest = &rest[skipped..];
                self.want = self.skip(left - skipped as u64);
                continue;
            }
            let wanted = self.wanted();
            let taken = (wanted - self.partial.len()).min(rest.len());
            let (piece, after) = rest.split_at(taken);
            rest = after;
            if taken == wanted {
                self.take(piece, out)?;
                continue;
            }
            self.partial.extend_from_slice(piece);
            if self.partial.len() == wanted {
                let mut whole = std::mem::take(&mut self.partial);
                self.take(&whole, out)?;
                whole.clear();
                self.partial = whole;
            }
        }
        if self.frame.linked {
            self.remember(out);
        }
        self.fresh = 0;
        Ok(input.len() - rest.len())
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<Report> {
        if self.frame_done && self.partial.is_empty() {
            Ok(Report::None)
        } else {
            Err(Error::unexpected_eof())
        }
    }
}

fn number(piece: &[u8]) -> u32 {
    u32::from_le_bytes(piece.try_into().expect("the piece has 4 bytes"))
}

fn bad(code: u32, name: &str) -> Error {
    Error::format(format!("lz4 error: [-{code}] {name}"))
}
