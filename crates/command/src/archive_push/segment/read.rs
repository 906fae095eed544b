//! Reading a file in chunks: hashed on the way, in buffers that are used again, and passed from thread to thread.
//!
//! Invariant: the end is said. A channel also closes when the thread at its other end dies. That must never look like the end
//! of the file, or half a segment would get the name of a whole one.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use pgkeep_pipeline::{Sha1, Sha1Digest};
use pgkeep_storage::PipelineRead;

use super::WalFile;
use crate::error::{Error, ErrorCode, Result};
use crate::run::cancel::Cancel;

/// Bytes of a file.
pub(crate) type Chunk = Arc<Vec<u8>>;

/// Bytes of unused buffers that a pool keeps.
const POOL_BYTES: usize = 32 << 20;

/// Buffers nobody uses at present. Fresh memory costs a page fault every 4 KiB, which for a segment is as much as its hash.
#[derive(Debug, Default)]
pub(crate) struct BufferPool(Mutex<Vec<Vec<u8>>>);

impl BufferPool {
    /// A buffer of this length with any content.
    pub(crate) fn take(&self, len: usize) -> Vec<u8> {
        let unused = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = unused.unwrap_or_default();
        if buffer.is_empty() {
            // Zeroed by the kernel, not by us.
            return vec![0; len];
        }
        buffer.resize(len, 0);
        buffer
    }

    /// Takes a buffer back, unless somebody else still reads it.
    pub(crate) fn put_back(&self, chunk: Chunk) {
        let Some(buffer) = Arc::into_inner(chunk) else {
            return;
        };
        let mut unused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if (unused.len() + 1) * buffer.capacity() <= POOL_BYTES {
            unused.push(buffer);
        }
    }
}

/// Reads to the end, a buffer at a time, gives each to `each`, and returns the checksum of all.
///
/// # Errors
/// Those of reading and of `each`; [`ErrorCode::Term`] when the run was cancelled.
pub(crate) fn read_hashed(
    mut read: Box<dyn PipelineRead>,
    mut buffer: impl FnMut() -> Vec<u8>,
    cancel: &Cancel,
    mut each: impl FnMut(Vec<u8>) -> Result<()>,
) -> Result<Sha1Digest> {
    let mut sha1 = Sha1::new();
    loop {
        cancel.check()?;
        let buffer = fill(&mut *read, buffer())?;
        if buffer.is_empty() {
            return Ok(sha1.finish());
        }
        sha1.update(&buffer);
        each(buffer)?;
    }
}

/// The next bytes, as many as a buffer holds; empty at the end.
///
/// # Errors
/// Those of reading.
pub(crate) fn read_chunk(read: &mut dyn PipelineRead, buffer_size: usize) -> Result<Vec<u8>> {
    fill(read, vec![0; buffer_size])
}

/// The same into a buffer that is there.
fn fill(read: &mut dyn PipelineRead, mut buffer: Vec<u8>) -> Result<Vec<u8>> {
    let mut filled = 0;
    // `read_to_end` would begin with small reads again for every chunk.
    while filled < buffer.len() {
        match read.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}

/// The chunks of a file that is open.
pub(crate) fn read_chunks(
    mut read: Box<dyn PipelineRead>,
    buffer_size: usize,
) -> impl Iterator<Item = Result<Chunk>> {
    std::iter::from_fn(move || match read_chunk(&mut *read, buffer_size) {
        Ok(chunk) if chunk.is_empty() => None,
        other => Some(other.map(Arc::new)),
    })
}

/// The chunks of a file that is opened when the first is wanted.
pub(crate) fn chunks_of(file: &WalFile, buffer_size: usize) -> impl Iterator<Item = Result<Chunk>> {
    let opened = std::iter::once_with(move || file.open());
    opened.flat_map(move |opened| {
        let (chunks, error) = match opened {
            Ok(read) => (Some(read_chunks(read, buffer_size)), None),
            Err(error) => (None, Some(Err(error))),
        };
        chunks.into_iter().flatten().chain(error)
    })
}

/// A file that was hashed, and is being read a second time to be stored under that checksum.
pub(crate) struct Rehash<I> {
    chunks: I,
    sha1: Sha1,
}

impl<I: Iterator<Item = Result<Chunk>>> Rehash<I> {
    pub(crate) fn new(chunks: I) -> Self {
        Self {
            chunks,
            sha1: Sha1::new(),
        }
    }

    /// The checksum of all that was yielded.
    pub(crate) fn checksum(self) -> Sha1Digest {
        self.sha1.finish()
    }
}

impl<I: Iterator<Item = Result<Chunk>>> Iterator for Rehash<I> {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let chunk = self.chunks.next()?;
        if let Ok(chunk) = &chunk {
            self.sha1.update(chunk);
        }
        Some(chunk)
    }
}

/// The error of a file that is not what its checksum was taken of.
pub(crate) fn changed_meanwhile(shown: &str) -> Error {
    Error::new(
        ErrorCode::Checksum,
        format!("'{shown}' changed while it was pushed"),
    )
    .with_hint("it is pushed again when PostgreSQL calls archive_command the next time.")
}

enum Message {
    Chunk(Chunk),
    Failed(Error),
    /// All came; the checksum of the plain bytes where they were read a second time.
    End(Option<Sha1Digest>),
}

/// Nobody receives any more: whoever does not has found an error already, and that one is reported.
#[derive(Debug)]
pub(crate) struct NoReceiver;

/// The sending half of a [`channel`].
pub(crate) struct ChunkSender(SyncSender<Message>);

impl ChunkSender {
    pub(crate) fn send(&self, chunk: Chunk) -> std::result::Result<(), NoReceiver> {
        self.0.send(Message::Chunk(chunk)).map_err(|_| NoReceiver)
    }

    /// Says that the file has ended, or why it cannot be had whole.
    pub(crate) fn end(self, result: Result<Option<Sha1Digest>>) {
        let last = match result {
            Ok(rehashed) => Message::End(rehashed),
            Err(error) => Message::Failed(error),
        };
        let _ = self.0.send(last);
    }
}

/// The receiving half of a [`channel`]: yields what comes, and an error unless the end was said.
pub(crate) struct ChunkReceiver {
    from: Receiver<Message>,
    ended: bool,
    rehashed: Option<Sha1Digest>,
}

/// Passes chunks to another thread; `capacity` of them may wait.
pub(crate) fn channel(capacity: usize) -> (ChunkSender, ChunkReceiver) {
    let (send, from) = mpsc::sync_channel(capacity);
    let receiver = ChunkReceiver {
        from,
        ended: false,
        rehashed: None,
    };
    (ChunkSender(send), receiver)
}

impl ChunkReceiver {
    /// The same, and an error at the end if the file was read a second time and had another checksum then.
    pub(crate) fn with_checksum(
        self,
        shown: &str,
        checksum: Sha1Digest,
    ) -> impl Iterator<Item = Result<Chunk>> {
        let mut this = self;
        let mut checked = false;
        let shown = shown.to_owned();
        std::iter::from_fn(move || {
            let chunk = this.next();
            if chunk.is_none() && !std::mem::replace(&mut checked, true) {
                let same = this.rehashed.is_none_or(|second| second == checksum);
                return (!same).then(|| Err(changed_meanwhile(&shown)));
            }
            chunk
        })
    }
}

impl Iterator for ChunkReceiver {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let (ended, next) = match self.from.recv() {
            Ok(Message::Chunk(chunk)) => (false, Some(Ok(chunk))),
            Ok(Message::Failed(error)) => (true, Some(Err(error))),
            Ok(Message::End(rehashed)) => {
                self.rehashed = rehashed;
                (true, None)
            }
            Err(_) => (true, Some(Err(Error::panicked()))),
        };
        self.ended = ended;
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk() -> Chunk {
        Arc::new(b"half".to_vec())
    }

    #[test]
    fn buffer_is_used_again_only_when_nobody_reads_it() {
        let pool = BufferPool::default();
        let first = Arc::new(pool.take(1000));
        let at = first.as_ptr();
        pool.put_back(Arc::clone(&first));
        let other = pool.take(1000);
        assert_ne!(other.as_ptr(), at);
        pool.put_back(first);
        let again = pool.take(500);
        assert_eq!((again.as_ptr(), again.len()), (at, 500));
    }

    #[test]
    fn a_sender_that_dies_is_an_error_and_no_end() {
        let (sender, receiver) = channel(4);
        std::thread::spawn(move || {
            sender.send(chunk()).unwrap();
            panic!("the thread dies, as the test wants");
        })
        .join()
        .unwrap_err();
        let mut chunks = receiver.with_checksum("/pg_wal/1", Sha1Digest::of(b"half"));
        assert_eq!(*chunks.next().unwrap().unwrap(), b"half");
        assert_eq!(chunks.next().unwrap().unwrap_err().code, ErrorCode::Assert);
        assert!(chunks.next().is_none());
    }

    #[test]
    fn an_end_that_was_said_is_the_end() {
        for rehashed in [None, Some(Sha1Digest::of(b"half"))] {
            let (sender, receiver) = channel(4);
            sender.send(chunk()).unwrap();
            sender.end(Ok(rehashed));
            let mut chunks = receiver.with_checksum("/pg_wal/1", Sha1Digest::of(b"half"));
            assert!(chunks.next().unwrap().is_ok() && chunks.next().is_none());
            assert!(chunks.next().is_none());
        }
    }

    #[test]
    fn a_file_that_was_another_one_when_it_was_read_again_is_an_error() {
        let (sender, receiver) = channel(4);
        let mut second = Rehash::new([Ok(chunk()), Ok(chunk())].into_iter());
        for chunk in second.by_ref() {
            sender.send(chunk.unwrap()).unwrap();
        }
        sender.end(Ok(Some(second.checksum())));
        let mut chunks = receiver.with_checksum("/pg_wal/1", Sha1Digest::of(b"halfHALF"));
        assert!(chunks.next().unwrap().is_ok() && chunks.next().unwrap().is_ok());
        let error = chunks.next().unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::Checksum);
        assert!(chunks.next().is_none());
    }
}
