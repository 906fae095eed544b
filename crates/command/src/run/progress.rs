//! What long work tells about itself: bytes as they move, the file in hand, and what it waits for.
//!
//! Two listeners exist: the terminal (shown by `cli` when somebody sits there) and the lock file, which `info` of either
//! program reads. The lock file counts files that are done, as that of pgBackRest does.

use std::fmt::Debug;
use std::sync::Arc;

use crate::run::moved::Moved;

/// Receives the progress of a run. Called by the main thread only; it never waits.
pub trait Progress: Debug + Send + Sync {
    /// A stage of known size begins: `backup`, `restore`, `verify`. Workers count into `moved`, which the listener reads when
    /// it likes.
    fn begin(&self, stage: &str, total_bytes: u64, moved: &Arc<Moved>);
    /// A job is done; `file` is its last.
    fn finished(&self, file: &str);
    /// The stage ended (well or not).
    fn end(&self);
    /// What the run does or waits for from now on, beside any stage: `waiting for the checkpoint`; `None`: nothing of note.
    fn doing(&self, what: Option<&str>);
    /// The run is over: nothing more is shown.
    fn close(&self);
}

/// Takes back what the run does when it is dropped.
#[must_use]
#[derive(Debug)]
pub struct Doing<'a>(&'a dyn Progress);

impl<'a> Doing<'a> {
    /// Says what the run does until this is dropped.
    pub fn now(progress: &'a Arc<dyn Progress>, what: &str) -> Self {
        progress.doing(Some(what));
        Self(&**progress)
    }

    /// Something else now.
    pub fn and(&self, what: &str) {
        self.0.doing(Some(what));
    }
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        self.0.doing(None);
    }
}

/// Shows nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _stage: &str, _total_bytes: u64, _moved: &Arc<Moved>) {}
    fn finished(&self, _file: &str) {}
    fn end(&self) {}
    fn doing(&self, _what: Option<&str>) {}
    fn close(&self) {}
}
