//! Writing the blocks of a file that is stored block-incrementally.

use std::os::unix::fs::FileExt;

use pgkeep_pipeline::{Sha1, Sha1Digest};
use pgkeep_storage::RateLimit;

use crate::run::moved::Count;

/// Blocks that follow each other are written together up to this size, bytes.
const WRITE_SIZE: usize = 512 * 1024;

/// Puts blocks into the file, neighbours together, and hashes them as long as they come in order.
pub(super) struct BlockWriter<'a, 'c> {
    file: &'a std::fs::File,
    block_size: u64,
    file_size: u64,
    pending: Vec<u8>,
    /// Where the pending bytes belong.
    offset: u64,
    /// Hash of the file up to `hashed`; `None` once a block came out of order.
    sha1: Option<Sha1>,
    hashed: u64,
    fetched: u64,
    count: &'a mut Count<'c>,
    limit: Option<&'a RateLimit>,
}

impl<'a, 'c> BlockWriter<'a, 'c> {
    pub(super) fn new(
        file: &'a std::fs::File,
        block_size: u64,
        file_size: u64,
        count: &'a mut Count<'c>,
        limit: Option<&'a RateLimit>,
    ) -> Self {
        let sha1 = Some(Sha1::new());
        Self {
            file,
            block_size,
            file_size,
            pending: Vec::new(),
            offset: 0,
            sha1,
            hashed: 0,
            fetched: 0,
            count,
            limit,
        }
    }

    pub(super) fn write(&mut self, number: u64, bytes: &[u8]) -> std::io::Result<()> {
        let offset = number.saturating_mul(self.block_size);
        if offset.saturating_add(bytes.len() as u64) > self.file_size {
            let kind = pgkeep_pipeline::ErrorKind::Format;
            return Err(pgkeep_pipeline::Error::new(kind, "block is outside of its file").into());
        }
        self.fetched += bytes.len() as u64;
        self.count.add(bytes.len() as u64);
        if offset == self.hashed {
            if let Some(sha1) = &mut self.sha1 {
                sha1.update(bytes);
            }
            self.hashed += bytes.len() as u64;
        } else {
            self.sha1 = None;
        }
        if offset != self.offset + self.pending.len() as u64
            || self.pending.len() + bytes.len() > WRITE_SIZE
        {
            self.flush()?;
            self.offset = offset;
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.write_all_at(&self.pending, self.offset)?;
        if let Some(limit) = self.limit {
            limit.moved(self.pending.len() as u64)?;
        }
        self.pending.clear();
        Ok(())
    }

    /// The checksum, if every block of the file was written in order, and the bytes written.
    pub(super) fn finish(mut self) -> std::io::Result<(Option<Sha1Digest>, u64)> {
        self.flush()?;
        let complete = self.hashed == self.file_size;
        Ok((
            self.sha1.filter(|_| complete).map(Sha1::finish),
            self.fetched,
        ))
    }
}
