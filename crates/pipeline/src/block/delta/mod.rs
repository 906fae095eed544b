//! What a restore has to read of a block incremental file, and how the blocks come out of it (docs/format/block-incremental.md).
//!
//! A plan groups the needed super blocks by the repository file they are in, ascending, neighbours joined into one read.
//! Sizes in a map are not trusted: a super block is decoded as a stream, one block in memory at a time.

use std::fmt;
use std::io::{self, BufRead, Read, Take};

use secrecy::SecretString;

use super::map::{BlockMap, BlockMapItem, invalid};
use crate::compress::CompressType;
use crate::error::{Error, Result};
use crate::reader::RunningReader;
use crate::stage::{Pipeline, Stage};

/// Bytes read at a time, and that may gather between decryption and decompression.
const BUFFER_SIZE: usize = 64 * 1024;

/// One repository file that has to be read, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaFile {
    /// Index into `backup-reference`.
    pub reference: u32,
    /// Bundle; 0: the file's own `.pgbi`.
    pub bundle_id: u64,
    /// Ascending, without overlap.
    pub reads: Vec<DeltaRead>,
}

/// One contiguous read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaRead {
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// Needed super blocks in it, ascending; between two there may be a gap that was cheaper to read than to leave out.
    pub super_blocks: Vec<DeltaSuperBlock>,
}

/// One super block that has to be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaSuperBlock {
    /// First byte in the repository file.
    pub offset: u64,
    /// Stored bytes.
    pub size: u64,
    /// Plain bytes.
    pub plain_size: u64,
    /// Needed blocks: (index in the super block, number in the file), ascending.
    pub blocks: Vec<(u64, u64)>,
}

/// Plans the reads for the blocks of which `needed` says yes (called with block number and map entry, in file order).
///
/// `merge_distance`: two super blocks at most this many bytes apart become one read.
pub fn plan(
    map: &BlockMap,
    mut needed: impl FnMut(u64, &BlockMapItem) -> bool,
    merge_distance: u64,
) -> Result<Vec<DeltaFile>> {
    let mut wanted: Vec<(u64, &BlockMapItem)> = (0..)
        .zip(map.items())
        .filter(|(number, item)| needed(*number, item))
        .collect();
    wanted.sort_by_key(|(_, item)| (item.reference, item.bundle_id, item.offset, item.block));
    let mut files: Vec<DeltaFile> = Vec::new();
    for (number, item) in wanted {
        let end = item
            .offset
            .checked_add(item.size)
            .ok_or_else(|| invalid("position is out of range"))?;
        if !files.last().is_some_and(|file| {
            (file.reference, file.bundle_id) == (item.reference, item.bundle_id)
        }) {
            files.push(DeltaFile {
                reference: item.reference,
                bundle_id: item.bundle_id,
                reads: Vec::new(),
            });
        }
        let reads = &mut files.last_mut().expect("a file was pushed above").reads;
        let block = (item.block, number);
        let super_block = || DeltaSuperBlock {
            offset: item.offset,
            size: item.size,
            plain_size: item.super_block_size,
            blocks: vec![block],
        };
        let Some(read) = reads
            .last_mut()
            .filter(|read| item.offset.saturating_sub(read.offset + read.size) <= merge_distance)
        else {
            reads.push(DeltaRead {
                offset: item.offset,
                size: item.size,
                super_blocks: vec![super_block()],
            });
            continue;
        };
        let last = read
            .super_blocks
            .last_mut()
            .expect("a read has a super block");
        if last.offset == item.offset {
            if (last.size, last.plain_size) != (item.size, item.super_block_size) {
                return Err(invalid("a super block has two sizes"));
            }
            last.blocks.push(block);
        } else if item.offset >= last.offset + last.size {
            read.size = end - read.offset;
            read.super_blocks.push(super_block());
        } else {
            return Err(invalid("super blocks overlap"));
        }
    }
    Ok(files)
}

/// How super blocks were made.
#[derive(Debug, Clone)]
pub struct DeltaSettings {
    /// Bytes in a block (`bi` × 8192).
    pub block_size: usize,
    /// `option-compress-type` of the manifest.
    pub compress: CompressType,
    /// Passphrase of the backup, if it is encrypted.
    pub pass: Option<SecretString>,
}

/// Decodes the blocks of one [`DeltaRead`] from its bytes.
pub struct DeltaBlocks<'a, R: Read> {
    settings: &'a DeltaSettings,
    /// Super blocks that are still to be opened.
    waiting: std::slice::Iter<'a, DeltaSuperBlock>,
    /// `None` while a super block is open.
    source: Option<R>,
    /// Position of the source in the repository file.
    position: u64,
    open: Option<Open<'a, R>>,
    block: Vec<u8>,
}

/// A super block being decoded.
struct Open<'a, R: Read> {
    super_block: &'a DeltaSuperBlock,
    reader: RunningReader<Take<R>>,
    /// Needed blocks that were given out.
    given: usize,
    /// Plain bytes that were read.
    position: u64,
}

impl<R: Read> fmt::Debug for DeltaBlocks<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeltaBlocks")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl<'a, R: Read> DeltaBlocks<'a, R> {
    /// `source` must give the bytes of the repository file from `read.offset` on.
    pub fn new(settings: &'a DeltaSettings, read: &'a DeltaRead, source: R) -> DeltaBlocks<'a, R> {
        DeltaBlocks {
            settings,
            waiting: read.super_blocks.iter(),
            source: Some(source),
            position: read.offset,
            open: None,
            block: Vec::new(),
        }
    }

    /// The next needed block: its number in the file and its plain bytes; `None` after the last.
    ///
    /// Errors of decoding are found by [`Error::from_io`]; others are the source's.
    pub fn next_block(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        loop {
            let Some(mut open) = self.open.take() else {
                if !self.open_next()? {
                    return Ok(None);
                }
                continue;
            };
            let Some(&(index, number)) = open.super_block.blocks.get(open.given) else {
                self.close(open)?;
                continue;
            };
            open.read_block(index, self.settings.block_size, &mut self.block)?;
            self.open = Some(open);
            return Ok(Some((number, &self.block)));
        }
    }

    fn open_next(&mut self) -> io::Result<bool> {
        let Some(super_block) = self.waiting.next() else {
            return Ok(false);
        };
        let mut source = self
            .source
            .take()
            .ok_or_else(|| Error::internal("super block was not read to its end"))?;
        let gap = super_block
            .offset
            .checked_sub(self.position)
            .ok_or_else(|| invalid("super blocks overlap"))?;
        skip_stored(&mut source, gap)?;
        let mut stages = Vec::with_capacity(2);
        if let Some(pass) = &self.settings.pass {
            stages.push(Stage::Decrypt {
                pass: pass.clone(),
                raw: true,
            });
        }
        stages.push(Stage::Decompress {
            kind: self.settings.compress,
            raw: true,
        });
        let running = Pipeline::new(stages).start(BUFFER_SIZE);
        let buffer_size =
            usize::try_from(super_block.size).map_or(BUFFER_SIZE, |size| size.min(BUFFER_SIZE));
        let reader = RunningReader::new(source.take(super_block.size), running, buffer_size);
        self.open = Some(Open {
            super_block,
            reader,
            given: 0,
            position: 0,
        });
        Ok(true)
    }

    /// Leaves the source at the end of the super block.
    fn close(&mut self, mut open: Open<'a, R>) -> io::Result<()> {
        if open.position >= open.super_block.plain_size && !open.reader.fill_buf()?.is_empty() {
            return Err(Error::format("super block is longer than the block map says").into());
        }
        // Blocks behind the last needed one are not decoded; the checksum of the whole file vouches for the needed ones.
        let (mut rest, _) = open.reader.into_parts();
        let left = rest.limit();
        skip_stored(&mut rest, left)?;
        self.position = open.super_block.offset + open.super_block.size;
        self.source = Some(rest.into_inner());
        Ok(())
    }
}

impl<R: Read> Open<'_, R> {
    fn read_block(&mut self, index: u64, block_size: usize, block: &mut Vec<u8>) -> io::Result<()> {
        let start = index
            .checked_mul(block_size as u64)
            .filter(|&start| start < self.super_block.plain_size);
        let skip = start.and_then(|start| start.checked_sub(self.position));
        let skip = skip.ok_or_else(|| invalid("block is outside of its super block"))?;
        let size = (self.super_block.plain_size - self.position - skip).min(block_size as u64);
        let skipped = io::copy(&mut (&mut self.reader).take(skip), &mut io::sink())?;
        block.clear();
        (&mut self.reader).take(size).read_to_end(block)?;
        if skipped != skip || block.len() as u64 != size {
            return Err(Error::format("super block is shorter than the block map says").into());
        }
        self.position += skip + size;
        self.given += 1;
        Ok(())
    }
}

/// Passes over stored bytes.
fn skip_stored(source: &mut impl Read, size: u64) -> io::Result<()> {
    if io::copy(&mut source.take(size), &mut io::sink())? == size {
        return Ok(());
    }
    Err(Error::format("unexpected eof in block incremental data").into())
}

#[cfg(test)]
mod tests;
