//! The block map: for every block of a file, where it is stored and what its checksum is (docs/format/block-incremental.md).
//!
//! Decoding is here, encoding in `encode`. The map comes from the repository and is not trusted: every block takes
//! checksum bytes that must be there, so a map never grows past a fixed multiple of its own bytes, and all arithmetic is
//! checked.

use serde::{Deserialize, Serialize};

use super::checksum::MAX_SIZE;
use super::varint;
use crate::error::{Error, Result};

pub(super) const LAST: u64 = 1;
/// Of a reference that appears for the first time.
pub(super) const BUNDLE: u64 = 2;
pub(super) const OFFSET: u64 = 4;
/// Of a reference that was there before.
pub(super) const CONTINUE: u64 = 2;
pub(super) const CONTINUE_LAST: u64 = 4;
pub(super) const REFERENCE_SHIFT: u32 = 3;
/// Of a super block.
pub(super) const CHANGE: u64 = 2;
pub(super) const TOTAL: u64 = 4;
pub(super) const SIZE_SHIFT: u32 = 3;

/// One block of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockMapItem {
    /// Index into the manifest's `backup-reference` list: the backup that stores the block.
    pub reference: u32,
    /// Bundle that holds it; 0: the file's own `.pgbi`.
    pub bundle_id: u64,
    /// Where its super block begins, in bytes.
    pub offset: u64,
    /// Stored size of its super block, in bytes.
    pub size: u64,
    /// Plain size of its super block, in bytes.
    pub super_block_size: u64,
    /// Index of the block within the super block.
    pub block: u64,
    /// Hash of the block; bytes past the checksum size are 0 and mean nothing.
    pub checksum: [u8; MAX_SIZE],
}

/// Where every block of one file is stored, in file order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockMap {
    items: Vec<BlockMapItem>,
}

/// What is remembered of a reference while a map is read or written.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReferenceState {
    pub(super) reference: u32,
    pub(super) super_block_size: u64,
    pub(super) bundle_id: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    /// Blocks of the current super block that were passed.
    pub(super) block: u64,
}

pub(super) fn invalid(what: &str) -> Error {
    Error::format(format!("invalid block map: {what}"))
}

/// Checks the two sizes a map is read and written with (both come from the manifest).
pub(super) fn check_sizes(block_size: usize, checksum_size: usize) -> Result<()> {
    if block_size == 0 {
        return Err(invalid("block size is zero"));
    }
    if !(1..=MAX_SIZE).contains(&checksum_size) {
        return Err(invalid("checksum size must be between 1 and 16"));
    }
    Ok(())
}

impl BlockMap {
    /// A map of these blocks.
    pub fn from_items(items: Vec<BlockMapItem>) -> BlockMap {
        BlockMap { items }
    }

    /// The blocks, in file order.
    pub fn items(&self) -> &[BlockMapItem] {
        &self.items
    }

    /// Number of blocks.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no block.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn push(&mut self, item: BlockMapItem) {
        self.items.push(item);
    }

    pub(super) fn item_mut(&mut self, index: usize) -> &mut BlockMapItem {
        &mut self.items[index]
    }

    /// Checks the map against its manifest: as many blocks as the file size asks for, and only backups that are listed.
    pub fn check(&self, file_size: u64, block_size: usize, references: usize) -> Result<()> {
        let expected = file_size.div_ceil(block_size.max(1) as u64);
        if self.items.len() as u64 != expected {
            return Err(invalid(&format!(
                "{} blocks where the file size means {expected}",
                self.items.len()
            )));
        }
        match self
            .items
            .iter()
            .find(|item| item.reference as usize >= references)
        {
            Some(item) => Err(invalid(&format!(
                "reference {} is not in the backup reference list",
                item.reference
            ))),
            None => Ok(()),
        }
    }

    /// Reads a map from its plain bytes. `block_size` and `checksum_size` are those of the manifest (`bi`, `bic`).
    pub fn decode(bytes: &[u8], block_size: usize, checksum_size: usize) -> Result<BlockMap> {
        check_sizes(block_size, checksum_size)?;
        let mut decoder = Decoder {
            rest: bytes,
            block_size: block_size as u64,
            checksum_size,
            states: Vec::new(),
            size_last: 0,
            items: Vec::new(),
        };
        if varint::read(&mut decoder.rest)? & 1 != 0 {
            return Err(Error::format("block map version must be zero"));
        }
        while !decoder.run()? {}
        if !decoder.rest.is_empty() {
            return Err(invalid("bytes follow its end"));
        }
        Ok(BlockMap {
            items: decoder.items,
        })
    }
}

struct Decoder<'a> {
    rest: &'a [u8],
    block_size: u64,
    checksum_size: usize,
    /// Sorted by reference, for a hostile map may have as many as bytes.
    states: Vec<ReferenceState>,
    /// Stored size of the super block before, over the whole map.
    size_last: u64,
    items: Vec<BlockMapItem>,
}

impl Decoder<'_> {
    fn number(&mut self) -> Result<u64> {
        varint::read(&mut self.rest)
    }

    /// Reads one run of blocks of one reference; `true` if it was the last.
    fn run(&mut self) -> Result<bool> {
        let flags = self.number()?;
        let reference = u32::try_from(flags >> REFERENCE_SHIFT)
            .map_err(|_| invalid("reference is out of range"))?;
        let mut continued = false;
        let index = match self
            .states
            .binary_search_by_key(&reference, |state| state.reference)
        {
            Err(index) => {
                let bundle_id = if flags & BUNDLE != 0 {
                    self.number()?
                } else {
                    0
                };
                let offset = if flags & OFFSET != 0 {
                    self.number()?
                } else {
                    0
                };
                let super_block_size = self.block_size;
                let state = ReferenceState {
                    reference,
                    super_block_size,
                    bundle_id,
                    offset,
                    size: 0,
                    block: 0,
                };
                self.states.insert(index, state);
                index
            }
            Ok(index) if flags & CONTINUE != 0 => {
                continued = true;
                index
            }
            Ok(index) => {
                let gap = if flags & OFFSET != 0 {
                    self.number()?
                } else {
                    0
                };
                let state = &mut self.states[index];
                state.offset = advance(advance(state.offset, state.size)?, gap)?;
                index
            }
        };
        let mut state = self.states[index];
        if continued {
            let last = self.continued_super_block(&mut state, flags & CONTINUE_LAST != 0)?;
            if !last {
                state.offset = advance(state.offset, state.size)?;
                self.super_blocks(&mut state)?;
            }
        } else {
            self.super_blocks(&mut state)?;
        }
        self.states[index] = state;
        Ok(flags & LAST != 0)
    }

    /// Reads the rest of a super block that another reference's blocks interrupt; returns `last`.
    fn continued_super_block(&mut self, state: &mut ReferenceState, last: bool) -> Result<bool> {
        self.size_last = state.size;
        let count = self.total(state)?;
        self.blocks(state, count)?;
        Ok(last)
    }

    /// Reads super blocks that lie one after the other from `state.offset` on.
    fn super_blocks(&mut self, state: &mut ReferenceState) -> Result<()> {
        loop {
            let flags = self.number()?;
            state.size = match (flags >> SIZE_SHIFT, self.size_last) {
                (size, 0) => size,
                (delta, last) => last
                    .checked_add_signed(varint::from_zigzag(delta))
                    .ok_or_else(|| invalid("super block size is out of range"))?,
            };
            if state.size == 0 {
                return Err(invalid("super block without bytes"));
            }
            if flags & CHANGE != 0 {
                let whole = self.number()?;
                let remainder = if whole & 1 != 0 { self.number()? } else { 0 };
                state.super_block_size = (whole >> 1)
                    .checked_mul(self.block_size)
                    .and_then(|size| size.checked_add(remainder))
                    .filter(|&size| size > 0)
                    .ok_or_else(|| invalid("super block size is out of range"))?;
            }
            // Where it ends must be a number too, for whoever reads it.
            advance(state.offset, state.size)?;
            state.block = 0;
            self.size_last = state.size;
            let count = if flags & TOTAL != 0 {
                self.total(state)?
            } else {
                state.super_block_size.div_ceil(self.block_size)
            };
            self.blocks(state, count)?;
            if flags & LAST != 0 {
                return Ok(());
            }
            state.offset = advance(state.offset, state.size)?;
        }
    }

    /// Reads how many blocks of the super block follow, and how many are passed over before.
    fn total(&mut self, state: &mut ReferenceState) -> Result<u64> {
        let total = self.number()?;
        if total & 1 != 0 {
            state.block = advance(state.block, self.number()?)?;
        }
        Ok((total >> 1) + 1)
    }

    /// Reads the checksums of `count` blocks of the super block.
    fn blocks(&mut self, state: &mut ReferenceState, count: u64) -> Result<()> {
        if advance(state.block, count)? > state.super_block_size.div_ceil(self.block_size) {
            return Err(invalid("block is outside of its super block"));
        }
        let bytes = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(self.checksum_size));
        let Some((checksums, rest)) = bytes.and_then(|bytes| self.rest.split_at_checked(bytes))
        else {
            return Err(Error::format("unexpected end of block map"));
        };
        self.rest = rest;
        for bytes in checksums.chunks_exact(self.checksum_size) {
            let mut checksum = [0; MAX_SIZE];
            checksum[..self.checksum_size].copy_from_slice(bytes);
            self.items.push(BlockMapItem {
                reference: state.reference,
                bundle_id: state.bundle_id,
                offset: state.offset,
                size: state.size,
                super_block_size: state.super_block_size,
                block: state.block,
                checksum,
            });
            state.block += 1;
        }
        Ok(())
    }
}

fn advance(position: u64, by: u64) -> Result<u64> {
    position
        .checked_add(by)
        .ok_or_else(|| invalid("position is out of range"))
}

#[cfg(test)]
mod tests;
