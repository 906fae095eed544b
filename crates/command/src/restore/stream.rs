//! What the bytes of a file pass on their way: a reader that heeds the wish to stop, a writer that counts.

use std::io::{Read, Write};

use pgkeep_storage::{PipelineRead, StorageWrite, Ticket};

use crate::run::Context;
use crate::run::moved::Count;

/// Reads from the repository and notices the wish to stop.
pub(super) struct Watched<'a> {
    pub read: Box<dyn PipelineRead>,
    pub context: &'a Context,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.context.cancel.signal().is_some() {
            // The caller asks the flag itself; any error ends the copy.
            return Err(std::io::Error::other("stopped"));
        }
        self.read.read(buffer)
    }
}

/// Writes a file and counts its bytes.
pub(super) struct Counted<'a, 'c> {
    pub write: Box<dyn StorageWrite>,
    pub count: &'a mut Count<'c>,
}

impl Write for Counted<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.write.write(bytes)?;
        self.count.add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.write.flush()
    }
}

impl StorageWrite for Counted<'_, '_> {
    fn stage(&mut self) -> pgkeep_storage::Result<()> {
        self.write.stage()
    }

    fn finish(self: Box<Self>) -> pgkeep_storage::Result<Ticket> {
        self.write.finish()
    }
}
