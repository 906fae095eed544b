//! Where the bytes of a job go: the repository file, opened late, so that nothing is written for files that did not change.
//!
//! One writer serves all files of a job. Each file has a sink of its own, in which its first bytes may wait until it is known
//! whether the file has changed. The invariant: as long as [`Sink::is_waiting`] says so, nothing of the file has reached the
//! repository.

use std::io::Write;

use pgkeep_storage::StorageWrite;

use super::copier::Counter;
use crate::error::{Error, Result};
use crate::hosts::pg_host::FileReceiver;
use crate::run::moved::Moved;

/// The repository file of a job, opened when the first byte goes into it.
pub(super) struct Sink<'a, 'b, F: Fn() -> Result<Box<dyn StorageWrite>>> {
    pub open: F,
    pub write: &'a mut Option<Box<dyn StorageWrite>>,
    pub moved: &'a Moved,
    pub counter: Counter<'a, 'b>,
    /// First bytes of a file that may turn out to be unchanged.
    pub waiting: Vec<u8>,
    /// Bytes that may wait; 0: none (any more).
    pub wait_max: usize,
}

impl<F: Fn() -> Result<Box<dyn StorageWrite>>> Sink<'_, '_, F> {
    /// Whether nothing of this file has been written.
    pub(super) fn is_waiting(&self) -> bool {
        self.wait_max > 0
    }

    /// Writes what waits; from now on everything is written.
    pub(super) fn release(&mut self) -> Result<()> {
        self.wait_max = 0;
        let waiting = std::mem::take(&mut self.waiting);
        // Also without a byte: a file that is stored as nothing still exists in the repository.
        self.target()?.write_all(&waiting)?;
        self.moved.stored(waiting.len() as u64);
        Ok(())
    }

    fn target(&mut self) -> Result<&mut Box<dyn StorageWrite>> {
        if self.write.is_none() {
            *self.write = Some((self.open)()?);
        }
        Ok(self.write.as_mut().expect("it was opened just now"))
    }
}

impl<F: Fn() -> Result<Box<dyn StorageWrite>>> FileReceiver for Sink<'_, '_, F> {
    fn progress(&mut self, bytes: u64) -> Result<()> {
        self.counter.progress(bytes)
    }
}

impl<F: Fn() -> Result<Box<dyn StorageWrite>>> Write for Sink<'_, '_, F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.wait_max > 0 {
            if self.waiting.len() + bytes.len() <= self.wait_max {
                self.waiting.extend_from_slice(bytes);
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
