//! A file that a second thread hashes while it is written: decompressing it keeps one processor busy already.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{Scope, ScopedJoinHandle};

use pgkeep_pipeline::{Sha1, Sha1Digest};
use pgkeep_storage::StorageWrite;

use crate::error::{Error, Result};

/// Copies of chunks that wait to be hashed. Few stay in the processor's cache.
const WAITING: usize = 4;

/// The file and its hash.
pub(super) struct HashedWrite<'scope> {
    write: Box<dyn StorageWrite>,
    send: SyncSender<Vec<u8>>,
    /// Copies that were hashed, to be filled again.
    used: Receiver<Vec<u8>>,
    hashing: ScopedJoinHandle<'scope, Sha1Digest>,
}

impl<'scope> HashedWrite<'scope> {
    pub(super) fn begin(
        scope: &'scope Scope<'scope, '_>,
        write: Box<dyn StorageWrite>,
    ) -> HashedWrite<'scope> {
        let (send, receive) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let (send_back, used) = mpsc::channel();
        let hashing = scope.spawn(move || {
            let mut sha1 = Sha1::new();
            for chunk in receive {
                sha1.update(&chunk);
                // Nobody receives it any more at the end.
                let _ = send_back.send(chunk);
            }
            sha1.finish()
        });
        Self {
            write,
            send,
            used,
            hashing,
        }
    }

    /// The file, still to be finished, and the checksum of all that was written.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Assert`] when the thread panicked.
    pub(super) fn end(self) -> Result<(Box<dyn StorageWrite>, Sha1Digest)> {
        drop(self.send);
        let sha1 = self.hashing.join().map_err(|_| Error::panicked())?;
        Ok((self.write, sha1))
    }
}

impl Write for HashedWrite<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut chunk = self.used.try_recv().unwrap_or_default();
        let written = self.write.write(bytes)?;
        chunk.clear();
        chunk.extend_from_slice(&bytes[..written]);
        match self.send.send(chunk) {
            Ok(()) => Ok(written),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write.flush()
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::copy::read_all;
    use pgkeep_storage::memory::MemoryStorage;
    use pgkeep_storage::{Storage, StoragePath, WriteOptions};

    use super::*;

    #[test]
    fn every_byte_is_written_and_hashed_in_order() {
        let storage = MemoryStorage::new();
        let path = StoragePath::from("f");
        let content: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        let sha1 = std::thread::scope(|scope| {
            let write = storage.open_write(&path, &WriteOptions::default()).unwrap();
            let mut write = HashedWrite::begin(scope, write);
            for chunk in content.chunks(1000) {
                write.write_all(chunk).unwrap();
            }
            let (write, sha1) = write.end().unwrap();
            write.finish().unwrap().wait().unwrap();
            sha1
        });
        assert_eq!(sha1, Sha1Digest::of(&content));
        assert_eq!(read_all(&storage, &path, u64::MAX).unwrap(), Some(content));
    }
}
