//! What a stage is that makes other bytes of those it gets: codecs, ciphers and the block incremental form.
//!
//! The trait alone; `run` drives it, `compress`, `cipher` and `block` implement it.

use crate::error::Result;
use crate::report::Report;

/// A stage that makes other bytes of those it gets.
pub(crate) trait Transform: Send {
    /// Takes input, appends to `out`, and says how much it took. May leave input once `out` holds `limit` bytes, never
    /// otherwise.
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize>;

    /// Whether `run` stopped at the limit with output inside that needs no more input.
    fn has_output(&self) -> bool {
        false
    }

    /// The input has ended and all of it was taken.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report>;
}
