//! Reads and writes that move a piece and wait until the limit allows it.

use std::io::{self, Read, Write};
use std::sync::Arc;

use crate::error::Result;
use crate::rate_limit::RateLimit;
use crate::storage::{PipelineRead, StorageWrite};
use crate::ticket::Ticket;

/// A file that is read no faster than the limit allows.
pub struct LimitedRead {
    inner: Box<dyn PipelineRead>,
    limit: Arc<RateLimit>,
}

impl LimitedRead {
    #[must_use]
    pub fn new(inner: Box<dyn PipelineRead>, limit: Arc<RateLimit>) -> Self {
        Self { inner, limit }
    }
}

impl Read for LimitedRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.limit.piece());
        let got = self.inner.read(&mut buffer[..most])?;
        self.limit.moved(got as u64)?;
        Ok(got)
    }
}

/// A file that is written no faster than the limit allows.
pub struct LimitedWrite {
    inner: Box<dyn StorageWrite>,
    limit: Arc<RateLimit>,
    after_stop: bool,
}

impl LimitedWrite {
    #[must_use]
    pub fn new(inner: Box<dyn StorageWrite>, limit: Arc<RateLimit>) -> Self {
        Self {
            inner,
            limit,
            after_stop: false,
        }
    }

    /// A file that may also be begun after the wish to stop, as what is saved then.
    #[must_use]
    pub fn also_after_stop(self) -> Self {
        Self {
            after_stop: true,
            ..self
        }
    }
}

impl Write for LimitedWrite {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = bytes.len().min(self.limit.piece());
        let written = self.inner.write(&bytes[..most])?;
        match self.after_stop {
            true => self.limit.moved_or_stopped(written as u64)?,
            false => self.limit.moved(written as u64)?,
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl StorageWrite for LimitedWrite {
    fn stage(&mut self) -> Result<()> {
        self.inner.stage()
    }

    fn finish(self: Box<Self>) -> Result<Ticket> {
        self.inner.finish()
    }
}

impl std::fmt::Debug for LimitedRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LimitedRead")
    }
}

impl std::fmt::Debug for LimitedWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LimitedWrite")
    }
}
