//! A file that a second thread writes and hashes: decompressing it keeps one processor busy already.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{Scope, ScopedJoinHandle};

use pgkeep_pipeline::{Sha1, Sha1Digest};
use pgkeep_storage::StorageWrite;

use crate::error::{Error, Result};

/// Bytes that are best handed over at once: a few of them stay in the processor's cache.
pub(super) const CHUNK: usize = 256 * 1024;

/// Copies of chunks that wait to be written.
const WAITING: usize = 4;

/// What the second thread ends with.
type Written = (Box<dyn StorageWrite>, Sha1Digest);

/// The file and its hash.
pub(super) struct HashedWrite<'scope> {
    send: SyncSender<Vec<u8>>,
    /// Copies that were written, to be filled again.
    used: Receiver<Vec<u8>>,
    writing: ScopedJoinHandle<'scope, io::Result<Written>>,
}

impl<'scope> HashedWrite<'scope> {
    pub(super) fn begin(
        scope: &'scope Scope<'scope, '_>,
        mut write: Box<dyn StorageWrite>,
    ) -> HashedWrite<'scope> {
        let (send, receive) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let (send_back, used) = mpsc::channel();
        let writing = scope.spawn(move || {
            let mut sha1 = Sha1::new();
            for chunk in receive {
                write.write_all(&chunk)?;
                sha1.update(&chunk);
                // Nobody receives it any more at the end.
                let _ = send_back.send(chunk);
            }
            Ok((write, sha1.finish()))
        });
        Self {
            send,
            used,
            writing,
        }
    }

    /// The file, still to be finished, and the checksum of all that was written.
    ///
    /// # Errors
    /// Of writing, which is why the chunks that came after it were refused; [`crate::error::ErrorCode::Assert`] when the
    /// thread panicked.
    pub(super) fn end(self) -> Result<Written> {
        drop(self.send);
        let written = self.writing.join().map_err(|_| Error::panicked())?;
        Ok(written?)
    }
}

impl Write for HashedWrite<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut chunk = self.used.try_recv().unwrap_or_default();
        chunk.clear();
        chunk.extend_from_slice(&bytes[..bytes.len().min(CHUNK)]);
        let taken = chunk.len();
        match self.send.send(chunk) {
            Ok(()) => Ok(taken),
            // The error is told at the end.
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::copy::read_all;
    use pgkeep_storage::memory::MemoryStorage;
    use pgkeep_storage::{Storage, StoragePath, Ticket, WriteOptions};

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

    /// Takes no byte.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl StorageWrite for Full {
        fn finish(self: Box<Self>) -> pgkeep_storage::Result<Ticket> {
            unreachable!("nothing was written")
        }
    }

    #[test]
    fn why_nothing_more_can_be_written_is_told() {
        let error = std::thread::scope(|scope| {
            let mut write = HashedWrite::begin(scope, Box::new(Full));
            while write.write_all(&[0; 1000]).is_ok() {}
            write.end().map(|_| ()).unwrap_err()
        });
        assert!(error.text().contains("no storage space"), "{error:?}");
    }
}
