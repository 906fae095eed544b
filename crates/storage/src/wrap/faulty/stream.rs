//! Reads and writes that count, and tear where the plan says so.

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::plan::{FaultPlan, Step};
use crate::error::{Operation, Result};
use crate::storage::{PipelineRead, StorageWrite};
use crate::ticket::Ticket;

pub(super) struct FaultyRead {
    inner: Box<dyn PipelineRead>,
    plan: Arc<FaultPlan>,
    object: String,
}

impl FaultyRead {
    pub(super) fn new(inner: Box<dyn PipelineRead>, plan: Arc<FaultPlan>, object: String) -> Self {
        Self {
            inner,
            plan,
            object,
        }
    }
}

impl Read for FaultyRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.plan
            .pass(Operation::Read, || self.object.clone())
            .map_err(|error| error.into_io())?;
        self.inner.read(buffer)
    }
}

pub(super) struct FaultyWrite {
    inner: Box<dyn StorageWrite>,
    plan: Arc<FaultPlan>,
    object: String,
}

impl FaultyWrite {
    pub(super) fn new(inner: Box<dyn StorageWrite>, plan: Arc<FaultPlan>, object: String) -> Self {
        Self {
            inner,
            plan,
            object,
        }
    }
}

impl Write for FaultyWrite {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self
            .plan
            .pass_write(|| self.object.clone())
            .map_err(|error| error.into_io())?
        {
            Step::Whole => self.inner.write(bytes),
            Step::Half => {
                self.inner.write_all(&bytes[..bytes.len() / 2])?;
                Err(self
                    .plan
                    .strike(Operation::Write, self.object.clone())
                    .into_io())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl StorageWrite for FaultyWrite {
    fn stage(&mut self) -> Result<()> {
        self.inner.stage()
    }

    fn finish(self: Box<Self>) -> Result<Ticket> {
        let Self {
            inner,
            plan,
            object,
        } = *self;
        plan.pass(Operation::Sync, || object.clone())?;
        let ticket = inner.finish()?;
        // Published, but the caller never learns it: the other half of what can go wrong here.
        plan.pass(Operation::Close, || object.clone())?;
        Ok(ticket)
    }
}
