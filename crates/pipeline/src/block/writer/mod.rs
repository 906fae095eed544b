//! The stored form of a block incremental file: super blocks of new and changed blocks, then the map
//! (docs/format/block-incremental.md).
//!
//! Takes the plain file, compares block by block with the prior map, and hands out what belongs into the repository. A
//! super block is compressed and encrypted by stages of its own, raw. The invariant: at most one block is in memory, plus
//! what the codec has.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::checksum;
use super::map::{BlockMap, BlockMapItem, check_sizes, invalid};
use crate::cipher::Encryptor;
use crate::compress::{self, CompressType};
use crate::error::Result;
use crate::report::{BlockReport, Report};
use crate::run::Running;
use crate::secret;
use crate::transform::Transform;

/// Bytes that may gather between compression and encryption of a super block.
const BUFFER_SIZE: usize = 64 * 1024;

/// How a file is stored block by block.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BlockSettings {
    /// Bytes in a block (`bi` × 8192).
    pub block_size: usize,
    /// Plain bytes in a super block; rounded up to whole blocks.
    pub super_block_size: u64,
    /// Bytes of a block checksum (`bic`).
    pub checksum_size: usize,
    /// Index of the backup being made in `backup-reference`: its last one.
    pub reference: u32,
    /// Bundle the file goes into; 0: a `.pgbi` of its own.
    pub bundle_id: u64,
    /// Where in the bundle the file begins, in bytes.
    pub offset: u64,
    /// Map of the prior backup; the same block and checksum sizes are required.
    pub prior: Option<BlockMap>,
    /// Compression of super blocks.
    pub compress: CompressType,
    /// Compression level.
    pub level: i32,
    /// Passphrase of the backup, if it is encrypted: for super blocks and the map.
    #[serde(with = "secret::optional")]
    pub pass: Option<SecretString>,
}

/// Writes one file block by block; the transform behind [`Stage::BlockIncremental`](crate::Stage::BlockIncremental).
pub struct BlockWriter {
    settings: BlockSettings,
    super_block_size: u64,
    /// Start of a block that the last input ended in.
    partial: Vec<u8>,
    map: BlockMap,
    /// Where the super block at hand begins in the repository file.
    offset: u64,
    open: Option<SuperBlock>,
    /// Bytes written so far.
    written: u64,
    stored_blocks: u64,
}

/// The super block being written.
struct SuperBlock {
    running: Running,
    plain_size: u64,
    stored_size: u64,
    /// Its blocks in the map, whose sizes are known at its end.
    items: Vec<usize>,
}

impl fmt::Debug for BlockWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockWriter")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl BlockWriter {
    /// Begins a file.
    pub fn new(settings: BlockSettings) -> BlockWriter {
        let block_size = settings.block_size.max(1) as u64;
        BlockWriter {
            super_block_size: settings
                .super_block_size
                .div_ceil(block_size)
                .max(1)
                .saturating_mul(block_size),
            offset: settings.offset,
            settings,
            partial: Vec::new(),
            map: BlockMap::default(),
            open: None,
            written: 0,
            stored_blocks: 0,
        }
    }

    /// Takes the next bytes of the file; appends what is ready to `out`.
    pub fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        check_sizes(self.settings.block_size, self.settings.checksum_size)?;
        let size = self.settings.block_size;
        if !self.partial.is_empty() {
            let (head, rest) = input.split_at(input.len().min(size - self.partial.len()));
            self.partial.extend_from_slice(head);
            input = rest;
            if self.partial.len() == size {
                self.partial_block(out)?;
            }
        }
        let mut blocks = input.chunks_exact(size);
        for block in &mut blocks {
            self.block(block, out)?;
        }
        self.partial.extend_from_slice(blocks.remainder());
        Ok(())
    }

    /// Ends the file: the last super block, then the map, unless nothing changed.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<BlockReport> {
        if !self.partial.is_empty() {
            self.partial_block(out)?;
        }
        self.end_super_block(out)?;
        let prior_blocks = self.settings.prior.as_ref().map_or(0, |prior| prior.len());
        let changed = self.stored_blocks > 0 || self.map.len() < prior_blocks;
        let mut map_size = 0;
        if changed && !self.map.is_empty() {
            let map = self
                .map
                .encode(self.settings.block_size, self.settings.checksum_size)?;
            let start = out.len();
            let mut running = Running::new(BUFFER_SIZE);
            self.encrypt(&mut running);
            running.push(&map, out)?;
            running.finish(out)?;
            map_size = (out.len() - start) as u64;
            self.written += map_size;
        }
        Ok(BlockReport {
            repo_size: self.written,
            map_size,
            stored_blocks: self.stored_blocks,
        })
    }

    fn partial_block(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let mut whole = std::mem::take(&mut self.partial);
        self.block(&whole, out)?;
        whole.clear();
        self.partial = whole;
        Ok(())
    }

    fn block(&mut self, block: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let size = self.settings.checksum_size;
        let mut checksum = checksum::of(block);
        checksum[size..].fill(0);
        let prior = self
            .settings
            .prior
            .as_ref()
            .and_then(|prior| prior.items().get(self.map.len()));
        if let Some(prior) = prior
            && prior.checksum[..size] == checksum[..size]
        {
            if prior.reference >= self.settings.reference {
                return Err(invalid("it refers to a backup that is not older"));
            }
            self.map.push(*prior);
            return Ok(());
        }
        let mut open = self.open.take().unwrap_or_else(|| self.begin_super_block());
        let start = out.len();
        open.running.push(block, out)?;
        open.stored_size += (out.len() - start) as u64;
        open.plain_size += block.len() as u64;
        self.map.push(BlockMapItem {
            reference: self.settings.reference,
            bundle_id: self.settings.bundle_id,
            offset: self.offset,
            size: 0,
            super_block_size: 0,
            block: open.items.len() as u64,
            checksum,
        });
        open.items.push(self.map.len() - 1);
        self.stored_blocks += 1;
        let full = open.plain_size >= self.super_block_size;
        self.open = Some(open);
        if full {
            self.end_super_block(out)
        } else {
            Ok(())
        }
    }

    fn begin_super_block(&self) -> SuperBlock {
        let (kind, level) = (self.settings.compress, self.settings.level);
        let mut running = Running::new(BUFFER_SIZE);
        running.transform(compress::compressor(kind, level, true));
        self.encrypt(&mut running);
        SuperBlock {
            running,
            plain_size: 0,
            stored_size: 0,
            items: Vec::new(),
        }
    }

    fn encrypt(&self, running: &mut Running) {
        if let Some(pass) = &self.settings.pass {
            running.transform(Some(Box::new(Encryptor::new(pass.clone(), true))));
        }
    }

    fn end_super_block(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let start = out.len();
        open.running.finish(out)?;
        let stored_size = open.stored_size + (out.len() - start) as u64;
        for index in open.items {
            let item = self.map.item_mut(index);
            item.size = stored_size;
            item.super_block_size = open.plain_size;
        }
        self.offset += stored_size;
        self.written += stored_size;
        Ok(())
    }
}

impl Transform for BlockWriter {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, _limit: usize) -> Result<usize> {
        self.push(input, out)?;
        Ok(input.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        BlockWriter::finish(self, out).map(Report::Block)
    }
}

#[cfg(test)]
mod tests;
