//! Compressing a segment: on its way to the repositories, or once for all of them ([`SegmentCache`]).
//!
//! In the background repositories go on independently of each other, so one may come long after another. What was read and
//! compressed is kept for the last few segments only; who comes later does it again.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use pgkeep_pipeline::{Pipeline, Running, Sha1Digest, Stage};

use super::WalFile;
use super::read::{BufferPool, Chunk, read_hashed};
use crate::archive_push::repositories::Identity;
use crate::archive_push::settings::Settings;
use crate::error::Result;
use crate::run::cancel::Cancel;

/// Up to this many bytes the plain segment is kept in memory between hashing and compressing; a bigger one is read twice.
pub(crate) const IN_MEMORY_MAX: u64 = 64 << 20;
/// Compressed bytes that are handed on at once, and plain bytes that are read at once at most: the compression begins sooner
/// and finds small chunks in the processor's cache.
pub(crate) const CHUNK_SIZE: usize = 256 << 10;

/// The compression of segments.
pub(crate) fn compression(settings: &Settings) -> Running {
    let stage = Stage::Compress {
        kind: settings.compress,
        level: settings.level,
        raw: false,
    };
    Pipeline::new(vec![stage]).start(settings.buffer_size)
}

/// Compresses chunks into what is stored and hands that to `emit`, until it breaks. `used` takes each plain chunk back.
///
/// # Errors
/// Those of the chunks and of the compression; [`crate::error::ErrorCode::Term`] when the run was cancelled.
pub(crate) fn compress(
    mut running: Running,
    plain: impl Iterator<Item = Result<Chunk>>,
    cancel: &Cancel,
    mut used: impl FnMut(Chunk),
    mut emit: impl FnMut(Chunk) -> ControlFlow<()>,
) -> Result<()> {
    let unchanged = running.passes_through();
    let mut out = Vec::with_capacity(CHUNK_SIZE);
    for chunk in plain {
        cancel.check()?;
        let chunk = chunk?;
        let full = if unchanged {
            Some(chunk)
        } else {
            running.push(&chunk, &mut out)?;
            used(chunk);
            (out.len() >= CHUNK_SIZE)
                .then(|| Arc::new(std::mem::replace(&mut out, Vec::with_capacity(CHUNK_SIZE))))
        };
        if full.is_some_and(|chunk| emit(chunk).is_break()) {
            return Ok(());
        }
    }
    running.finish(&mut out)?;
    if !out.is_empty() {
        let _ = emit(Arc::new(out));
    }
    Ok(())
}

/// The bytes to store.
pub(crate) type Compressed = Arc<Vec<Chunk>>;

/// A segment of which the checksum is taken once, and which is compressed once.
#[derive(Debug, Default)]
pub(crate) struct CachedSegment {
    checksum: OnceLock<Result<Sha1Digest>>,
    /// The plain bytes between hashing and compressing; `None` for a segment too big to be kept.
    plain: Mutex<Option<Vec<Chunk>>>,
    compressed: OnceLock<Result<Option<Compressed>>>,
    buffers: Arc<BufferPool>,
}

impl CachedSegment {
    /// Checksum of the file, after its header was found right.
    ///
    /// # Errors
    /// Those of the file itself: it cannot be read, or is of another cluster.
    pub(crate) fn checksum(
        &self,
        file: &WalFile,
        settings: &Settings,
        identity: &Identity,
        cancel: &Cancel,
    ) -> Result<Sha1Digest> {
        let hash = || {
            let keep = file.size()? <= IN_MEMORY_MAX;
            let mut plain = Vec::new();
            let mut first = true;
            let buffer = || self.buffers.take(settings.buffer_size.min(CHUNK_SIZE));
            let checksum = read_hashed(file.open()?, buffer, cancel, |buffer| {
                if std::mem::take(&mut first) {
                    file.check_header(&buffer, settings, identity)?;
                }
                if keep {
                    plain.push(Arc::new(buffer));
                }
                Ok(())
            })?;
            if first {
                file.check_header(&[], settings, identity)?;
            }
            *self.plain.lock().unwrap_or_else(PoisonError::into_inner) = keep.then_some(plain);
            Ok(checksum)
        };
        self.checksum.get_or_init(hash).clone()
    }

    /// The compressed segment; `None` when it is too big to be kept and must be read again.
    ///
    /// # Errors
    /// Those of the compression.
    pub(crate) fn compressed(
        &self,
        settings: &Settings,
        cancel: &Cancel,
    ) -> Result<Option<Compressed>> {
        let compress_once = || {
            let plain = self
                .plain
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let Some(plain) = plain else { return Ok(None) };
            let mut chunks = Vec::new();
            compress(
                compression(settings),
                plain.into_iter().map(Ok),
                cancel,
                |chunk| self.buffers.put_back(chunk),
                |chunk| {
                    chunks.push(chunk);
                    ControlFlow::Continue(())
                },
            )?;
            Ok(Some(Arc::new(chunks)))
        };
        self.compressed.get_or_init(compress_once).clone()
    }
}

/// The segments used last.
#[derive(Debug)]
pub(crate) struct SegmentCache {
    segments: Mutex<VecDeque<Arc<CachedSegment>>>,
    capacity: usize,
    buffers: Arc<BufferPool>,
}

impl SegmentCache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            segments: Mutex::new(VecDeque::new()),
            capacity,
            buffers: Arc::default(),
        }
    }

    /// What is known of a file; a new one when nobody uses it any more.
    pub(crate) fn get(&self, file: &Mutex<Weak<CachedSegment>>) -> Arc<CachedSegment> {
        let mut weak = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segment) = weak.upgrade() {
            return segment;
        }
        let segment = Arc::new(CachedSegment {
            buffers: Arc::clone(&self.buffers),
            ..CachedSegment::default()
        });
        *weak = Arc::downgrade(&segment);
        let mut segments = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        segments.push_back(Arc::clone(&segment));
        if segments.len() > self.capacity {
            segments.pop_front();
        }
        segment
    }
}
