//! A file that is written piece by piece, and where each piece is in it.

use std::io::Write;

use pgkeep_pipeline::Sha1;
use pgkeep_repo::manifest::{BundleSlice, FileRef};
use pgkeep_storage::{StorageWrite, Ticket};

use super::chain::{Place, SuperBlock};

/// The file in the target, and what was written of the piece in hand.
pub(super) struct Out {
    write: Box<dyn StorageWrite>,
    position: u64,
    sha1: Sha1,
}

impl Out {
    pub(super) fn new(write: Box<dyn StorageWrite>) -> Self {
        Self {
            write,
            position: 0,
            sha1: Sha1::new(),
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// All pieces are written.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn finish(self) -> pgkeep_storage::Result<Ticket> {
        self.write.finish()
    }

    /// A piece begins here.
    pub(super) fn begin(&mut self) -> u64 {
        self.sha1 = Sha1::new();
        self.position
    }

    /// Where the piece is that began at `start`.
    pub(super) fn place(
        &mut self,
        file: &FileRef<'_>,
        start: u64,
        map_size: u64,
        super_blocks: Vec<SuperBlock>,
    ) -> Place {
        Place {
            repo_size: self.position - start,
            sha1: Some(std::mem::replace(&mut self.sha1, Sha1::new()).finish()),
            bundle: file.bundle.map(|bundle| BundleSlice {
                id: bundle.id,
                offset: start,
            }),
            map_size,
            super_blocks: super_blocks.into(),
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.write.write_all(bytes)?;
        self.sha1.update(bytes);
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.write.flush()
    }
}
