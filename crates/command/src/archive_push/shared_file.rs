//! A file of the background process as the repositories share it: read, hashed and compressed once, for all of them.
//!
//! Repositories go on independently of each other, so one may come long after another. What was made is kept for the
//! last few files only; who comes later makes it again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use pgkeep_pipeline::Sha1Digest;

use super::push_file::{PIECE, SHARED_READ, compression};
use super::settings::Settings;
use super::source::{Source, read_hashed};
use super::spare::Spare;
use super::target::Identity;
use crate::error::Result;
use crate::run::cancel::Cancel;

/// The bytes to store, in pieces.
pub(super) type Pieces = Arc<Vec<Arc<Vec<u8>>>>;

/// What was found and made of one file.
#[derive(Debug, Default)]
pub(super) struct Shared {
    hashed: OnceLock<Result<Sha1Digest>>,
    /// The plain bytes between hashing and compressing; `None` for a file too big to be kept.
    plain: Mutex<Option<Vec<Arc<Vec<u8>>>>>,
    compressed: OnceLock<Result<Option<Pieces>>>,
    spare: Arc<Spare>,
}

impl Shared {
    /// Checksum of the file, after its header was found right.
    ///
    /// # Errors
    /// Those of the file itself: it cannot be read, or is of another cluster.
    pub(super) fn checksum(
        &self,
        source: &Source,
        settings: &Settings,
        identity: &Identity,
        cancel: &Cancel,
    ) -> Result<Sha1Digest> {
        let hash = || {
            let keep = source.size()? <= SHARED_READ;
            let mut plain = Vec::new();
            let mut begun = false;
            let buffer = || self.spare.take(settings.buffer_size.min(PIECE));
            let checksum = read_hashed(source.open()?, buffer, cancel, |buffer| {
                if !begun {
                    begun = true;
                    source.check_header(&buffer, settings, identity)?;
                }
                if keep {
                    plain.push(Arc::new(buffer));
                }
                Ok(())
            })?;
            if !begun {
                source.check_header(&[], settings, identity)?;
            }
            *self.plain.lock().unwrap_or_else(PoisonError::into_inner) = keep.then_some(plain);
            Ok(checksum)
        };
        self.hashed.get_or_init(hash).clone()
    }

    /// The compressed file; `None` when it is too big to be kept and must be streamed.
    ///
    /// # Errors
    /// Those of the compression.
    pub(super) fn compressed(
        &self,
        settings: &Settings,
        cancel: &Cancel,
    ) -> Result<Option<Pieces>> {
        let compress = || {
            let plain = self
                .plain
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let Some(plain) = plain else { return Ok(None) };
            let mut running = compression(settings);
            if running.passes_through() {
                return Ok(Some(Arc::new(plain)));
            }
            let (mut pieces, mut out) = (Vec::new(), Vec::with_capacity(PIECE));
            for piece in plain {
                cancel.check()?;
                running.push(&piece, &mut out)?;
                self.spare.give(piece);
                if out.len() >= PIECE {
                    pieces.push(Arc::new(std::mem::replace(
                        &mut out,
                        Vec::with_capacity(PIECE),
                    )));
                }
            }
            running.finish(&mut out)?;
            pieces.push(Arc::new(out));
            Ok(Some(Arc::new(pieces)))
        };
        self.compressed.get_or_init(compress).clone()
    }
}

/// Keeps the last few files alive.
#[derive(Debug)]
pub(super) struct Recent {
    kept: Mutex<VecDeque<Arc<Shared>>>,
    most: usize,
    spare: Arc<Spare>,
}

impl Recent {
    pub(super) fn new(most: usize) -> Self {
        Self {
            kept: Mutex::new(VecDeque::new()),
            most,
            spare: Arc::default(),
        }
    }

    /// What is known of a file, made anew when nobody holds it any more.
    pub(super) fn of(&self, file: &Mutex<Weak<Shared>>) -> Arc<Shared> {
        let mut weak = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = weak.upgrade() {
            return shared;
        }
        let shared = Arc::new(Shared {
            spare: Arc::clone(&self.spare),
            ..Shared::default()
        });
        *weak = Arc::downgrade(&shared);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Arc::clone(&shared));
        if kept.len() > self.most {
            kept.pop_front();
        }
        shared
    }
}
