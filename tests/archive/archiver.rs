//! PostgreSQL's archiver as far as the commands notice: `.ready` files, the oldest first, again and again until it works.

use std::collections::VecDeque;
use std::fs;

use pgkeep_testkit::run::Outcome;

use crate::stage::{Result, Stage, name};

/// The queue of one cluster.
pub struct Archiver<'a> {
    pub stage: &'a Stage<'a>,
    /// Number of the next segment to be written.
    next: u32,
    /// Ready and not archived.
    pub ready: VecDeque<u32>,
}

impl<'a> Archiver<'a> {
    pub fn new(stage: &'a Stage<'a>, first: u32) -> Self {
        Self {
            stage,
            next: first,
            ready: VecDeque::new(),
        }
    }

    /// Writes the next segment and marks it ready.
    pub fn switch(&mut self) -> Result<()> {
        let (number, name) = (self.next, name(self.next));
        let file = format!("data/pg_wal/{name}");
        self.stage.scratch.write(file, self.stage.segment(number))?;
        self.mark(&name)?;
        self.ready.push_back(number);
        self.next += 1;
        Ok(())
    }

    fn mark(&self, name: &str) -> Result<()> {
        let file = format!("data/pg_wal/archive_status/{name}.ready");
        self.stage.scratch.write(file, "")?;
        Ok(())
    }

    /// Calls `archive_command` once for the oldest segment.
    pub fn push(&self, fault: &str) -> Result<Outcome> {
        self.stage.run(fault, &["archive-push", &self.oldest()?])
    }

    fn oldest(&self) -> Result<String> {
        let oldest = self.ready.front().ok_or("nothing is ready")?;
        Ok(self.stage.wal().join(name(*oldest)).display().to_string())
    }

    /// After success: the segment is marked done and recycled.
    pub fn done(&mut self) -> Result<u32> {
        let number = self.ready.pop_front().ok_or("nothing is ready")?;
        let (wal, name) = (self.stage.wal(), name(number));
        let status = wal.join("archive_status");
        fs::rename(
            status.join(format!("{name}.ready")),
            status.join(format!("{name}.done")),
        )?;
        fs::remove_file(wal.join(&name))?;
        fs::remove_file(status.join(format!("{name}.done")))?;
        Ok(number)
    }

    /// Pushes until nothing is ready; every call must succeed.
    pub fn push_all(&mut self) -> Result<()> {
        while !self.ready.is_empty() {
            // However short the timeout of the test: a busy machine takes its time to log in.
            let push = ["--archive-timeout=240", "archive-push", &self.oldest()?];
            self.stage.run("", &push)?.success()?;
            let number = self.done()?;
            self.stage.is_stored(number)?;
        }
        Ok(())
    }
}
