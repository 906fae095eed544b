//! One file of a data directory, read through a pipeline on its host: what is asked and what comes back.
//!
//! The request and the outcome are plain values. The receiver stays with the caller: whatever the host sends is handed to it
//! as it comes.

use std::io::Write;

use pgkeep_pipeline::{Pipeline, Report};
use pgkeep_storage::StoragePath;

use crate::error::Result;

/// What is wanted of a file.
#[derive(Debug, Clone)]
pub struct ReadRequest {
    /// Below the data directory; tablespaces are reached through their links.
    pub path: StoragePath,
    /// Bytes that are read at most; `None`: to the end.
    pub limit: Option<u64>,
    /// What happens to the bytes before they leave the host.
    pub pipeline: Pipeline,
    /// Bytes that may gather between two stages.
    pub buffer_size: usize,
    /// The file may be gone, which is [`ReadOutcome::Missing`] then and else an error.
    pub may_be_missing: bool,
    /// A file without a byte is [`ReadOutcome::Empty`] and does not go through the pipeline, which might make bytes of
    /// nothing.
    pub skip_empty: bool,
    /// Only the reports are wanted, no bytes.
    pub reports_only: bool,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadOutcome {
    Missing,
    Empty,
    /// It was read; one report for each stage.
    Read(Vec<Report>),
}

/// A file that a host was asked for.
pub trait OpenFile: Send {
    /// Reads the file to its end or limit and hands what the pipeline makes of it to `receiver`.
    ///
    /// # Errors
    /// Errors of reading, a stage or the receiver.
    fn deliver(self: Box<Self>, receiver: &mut dyn FileReceiver) -> Result<ReadOutcome>;
}

/// Takes what the pipeline makes of a file ([`Write`]), and how far the reading has come.
pub trait FileReceiver: Write {
    /// So many more bytes of the file were read.
    ///
    /// # Errors
    /// Ends the reading with that error.
    fn progress(&mut self, bytes: u64) -> Result<()>;
}
