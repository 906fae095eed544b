//! Writing of a block map, byte for byte as pgBackRest writes it (docs/format/block-incremental.md).
//!
//! The blocks may stem from an older map that was not ours, so what the encoding takes for granted (super blocks of a
//! run lie side by side, blocks of a super block ascend) is checked, and a map that cannot be written is an error.

use super::map::{
    BUNDLE, BlockMap, BlockMapItem, CHANGE, CONTINUE, CONTINUE_LAST, LAST, OFFSET, REFERENCE_SHIFT,
    ReferenceState, SIZE_SHIFT, TOTAL, check_sizes, invalid,
};
use super::varint;
use crate::error::Result;

impl BlockMap {
    /// The plain bytes of the map. An empty map has none and is an error.
    pub fn encode(&self, block_size: usize, checksum_size: usize) -> Result<Vec<u8>> {
        check_sizes(block_size, checksum_size)?;
        if self.is_empty() {
            return Err(invalid("no blocks"));
        }
        let mut encoder = Encoder {
            out: Vec::with_capacity(self.len() * (checksum_size + 1) + 16),
            block_size: block_size as u64,
            checksum_size,
            states: Vec::new(),
            size_last: 0,
        };
        varint::write(&mut encoder.out, 0);
        let mut rest = self.items();
        while let Some(first) = rest.first() {
            let size = rest
                .iter()
                .take_while(|item| item.reference == first.reference)
                .count();
            let (run, after) = rest.split_at(size);
            encoder.run(run, if after.is_empty() { LAST } else { 0 })?;
            rest = after;
        }
        Ok(encoder.out)
    }
}

struct Encoder {
    out: Vec<u8>,
    block_size: u64,
    checksum_size: usize,
    /// Sorted by reference.
    states: Vec<ReferenceState>,
    size_last: u64,
}

impl Encoder {
    /// Writes consecutive blocks of one reference.
    fn run(&mut self, run: &[BlockMapItem], last: u64) -> Result<()> {
        let first = &run[0];
        let mut flags = u64::from(first.reference) << REFERENCE_SHIFT | last;
        let (index, continued) = match self
            .states
            .binary_search_by_key(&first.reference, |state| state.reference)
        {
            Err(index) => {
                flags |= if first.bundle_id > 0 { BUNDLE } else { 0 };
                flags |= if first.offset > 0 { OFFSET } else { 0 };
                self.number(flags);
                if flags & BUNDLE != 0 {
                    self.number(first.bundle_id);
                }
                if flags & OFFSET != 0 {
                    self.number(first.offset);
                }
                let state = ReferenceState {
                    reference: first.reference,
                    super_block_size: self.block_size,
                    bundle_id: first.bundle_id,
                    offset: first.offset,
                    size: 0,
                    block: 0,
                };
                self.states.insert(index, state);
                (index, false)
            }
            // The flags of a continued run are complete once it is known where its super block ends.
            Ok(index) if self.states[index].offset == first.offset => (index, true),
            Ok(index) => {
                let state = &self.states[index];
                let gap = (state.offset.checked_add(state.size))
                    .and_then(|end| first.offset.checked_sub(end))
                    .ok_or_else(|| invalid("super blocks of a reference do not ascend"))?;
                self.number(if gap > 0 { flags | OFFSET } else { flags });
                if gap > 0 {
                    self.number(gap);
                }
                (index, false)
            }
        };
        let mut state = self.states[index];
        if run.iter().any(|item| item.bundle_id != state.bundle_id) {
            return Err(invalid("a reference has two bundles"));
        }
        self.super_blocks(run, &mut state, if continued { Some(flags) } else { None })?;
        self.states[index] = state;
        Ok(())
    }

    /// Writes the super blocks of a run. `continued`: flags of the run, still to be written.
    fn super_blocks(
        &mut self,
        run: &[BlockMapItem],
        state: &mut ReferenceState,
        mut continued: Option<u64>,
    ) -> Result<()> {
        let mut rest = run;
        let mut expected_offset = run[0].offset;
        while let Some(first) = rest.first() {
            if first.offset != expected_offset || first.size == 0 || first.super_block_size == 0 {
                return Err(invalid("super blocks of a run are not adjacent"));
            }
            let count = rest
                .iter()
                .take_while(|item| item.offset == first.offset)
                .count();
            let (blocks, after) = rest.split_at(count);
            let mut flags = if after.is_empty() { LAST } else { 0 };
            let whole = first.super_block_size.div_ceil(self.block_size);
            let total = continued.is_some() || first.block != 0 || count as u64 != whole;
            if let Some(run_flags) = continued.take() {
                if (first.size, first.super_block_size) != (state.size, state.super_block_size) {
                    return Err(invalid("a super block has two sizes"));
                }
                let last = if flags & LAST != 0 { CONTINUE_LAST } else { 0 };
                self.number(run_flags | CONTINUE | last);
            } else {
                state.offset = first.offset;
                state.size = first.size;
                state.block = 0;
                flags |= if total { TOTAL } else { 0 };
                flags |= if first.super_block_size != state.super_block_size {
                    CHANGE
                } else {
                    0
                };
                self.stored_size(first.size, flags)?;
                if flags & CHANGE != 0 {
                    self.plain_size(first.super_block_size);
                    state.super_block_size = first.super_block_size;
                }
            }
            self.size_last = first.size;
            self.blocks(blocks, state, total, whole)?;
            expected_offset = first
                .offset
                .checked_add(first.size)
                .ok_or_else(|| invalid("position is out of range"))?;
            rest = after;
        }
        Ok(())
    }

    fn stored_size(&mut self, size: u64, flags: u64) -> Result<()> {
        let too_large = || invalid("super block size is out of range");
        let coded = if self.size_last == 0 {
            size
        } else {
            let delta = i64::try_from(size)
                .ok()
                .zip(i64::try_from(self.size_last).ok());
            varint::to_zigzag(
                delta
                    .map(|(size, last)| size - last)
                    .ok_or_else(too_large)?,
            )
        };
        if coded >> (u64::BITS - SIZE_SHIFT) != 0 {
            return Err(too_large());
        }
        self.number(coded << SIZE_SHIFT | flags);
        Ok(())
    }

    fn plain_size(&mut self, size: u64) {
        let (whole, remainder) = (size / self.block_size, size % self.block_size);
        self.number(whole << 1 | u64::from(remainder > 0));
        if remainder > 0 {
            self.number(remainder);
        }
    }

    /// Writes which blocks of a super block follow, if `total`, and their checksums.
    fn blocks(
        &mut self,
        blocks: &[BlockMapItem],
        state: &mut ReferenceState,
        total: bool,
        whole: u64,
    ) -> Result<()> {
        let first = &blocks[0];
        let skip = first
            .block
            .checked_sub(state.block)
            .ok_or_else(|| invalid("blocks do not ascend"))?;
        if total {
            self.number((blocks.len() as u64 - 1) << 1 | u64::from(skip > 0));
            if skip > 0 {
                self.number(skip);
            }
        }
        for (index, item) in (first.block..).zip(blocks) {
            let same = (item.size, item.super_block_size) == (first.size, first.super_block_size);
            if item.block != index || index >= whole || !same {
                return Err(invalid("blocks of a super block do not match"));
            }
            self.out
                .extend_from_slice(&item.checksum[..self.checksum_size]);
        }
        state.block = first.block + blocks.len() as u64;
        Ok(())
    }

    fn number(&mut self, value: u64) {
        varint::write(&mut self.out, value);
    }
}
