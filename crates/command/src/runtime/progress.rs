//! What long work tells about itself: bytes done of bytes in all, and the file in hand.
//!
//! Two listeners exist: the terminal (shown by `cli` when it is interactive) and the lock file, which `info` of either
//! program reads.

use std::fmt::Debug;

/// Receives the progress of a run. Called by the main thread only, often: implementations limit their own work.
pub trait Progress: Debug + Send + Sync {
    /// A stage of known size begins: `backup`, `restore`, `verify`.
    fn begin(&self, stage: &str, total_bytes: u64);
    /// So many bytes are done; `file` is the last one finished.
    fn advance(&self, done_bytes: u64, file: &str);
    /// The stage ended (well or not).
    fn end(&self);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _stage: &str, _total_bytes: u64) {}
    fn advance(&self, _done_bytes: u64, _file: &str) {}
    fn end(&self) {}
}
