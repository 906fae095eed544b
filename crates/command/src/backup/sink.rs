//! Where the bytes of a job go: the repository file, opened late, so that nothing is written for files that did not change.
//!
//! One writer serves all files of a job; each file has a sink of its own that may hold its first bytes back. The invariant:
//! as long as [`Sink::is_held`] says so, nothing of the file has reached the repository.

use std::io::Write;

use pgkeep_storage::StorageWrite;

use crate::error::{Error, Result};
use crate::run::moved::Moved;

/// The repository file of a job, opened when the first byte goes into it. Holds the first bytes of a file back as long as
/// the file may turn out to be unchanged.
pub(super) struct Sink<'a, F: Fn() -> Result<Box<dyn StorageWrite>>> {
    pub open: F,
    pub write: &'a mut Option<Box<dyn StorageWrite>>,
    pub moved: &'a Moved,
    pub held: Vec<u8>,
    /// Bytes that are held back; 0: nothing (any more).
    pub hold: usize,
}

impl<F: Fn() -> Result<Box<dyn StorageWrite>>> Sink<'_, F> {
    /// Whether nothing of this file has been written.
    pub(super) fn is_held(&self) -> bool {
        self.hold > 0
    }

    /// Writes what is held back; from now on everything is written.
    pub(super) fn release(&mut self) -> Result<()> {
        self.hold = 0;
        let held = std::mem::take(&mut self.held);
        // Also without a byte: a file that is stored as nothing still exists in the repository.
        self.target()?.write_all(&held)?;
        self.moved.stored(held.len() as u64);
        Ok(())
    }

    fn target(&mut self) -> Result<&mut Box<dyn StorageWrite>> {
        if self.write.is_none() {
            *self.write = Some((self.open)()?);
        }
        Ok(self.write.as_mut().expect("it was opened just now"))
    }
}

impl<F: Fn() -> Result<Box<dyn StorageWrite>>> Write for Sink<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.hold > 0 {
            if self.held.len() + bytes.len() <= self.hold {
                self.held.extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            self.release().map_err(into_io)?;
        }
        self.target().map_err(into_io)?.write_all(bytes)?;
        self.moved.stored(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Carries an error of this layer through [`Write`]; [`Error::from`] takes it out again.
fn into_io(error: Error) -> std::io::Error {
    std::io::Error::other(error)
}
