//! Reading through a pipeline: a `Read` whose bytes come out of a [`Running`] fed by another `Read`.
//!
//! Memory stays within two buffers whatever the input unpacks to. The reports are there once the end was read.

use std::io::{self, BufRead, Read};

use crate::report::Report;
use crate::run::Running;

/// Pulls bytes through a pipeline. Errors of a stage are found by [`Error::from_io`](crate::Error::from_io).
#[derive(Debug)]
pub struct RunningReader<R: Read> {
    inner: R,
    /// `None` once the end was read.
    running: Option<Running>,
    reports: Vec<Report>,
    input: Vec<u8>,
    /// Bytes of `input` that hold data, and how many of them were taken.
    filled: usize,
    taken: usize,
    ready: Vec<u8>,
    /// Bytes of `ready` that the caller has.
    given: usize,
    buffer_size: usize,
}

impl<R: Read> RunningReader<R> {
    /// Reads `inner` through `running`, `buffer_size` bytes at a time.
    pub fn new(inner: R, running: Running, buffer_size: usize) -> RunningReader<R> {
        let buffer_size = buffer_size.max(1);
        RunningReader {
            inner,
            running: Some(running),
            reports: Vec::new(),
            input: vec![0; buffer_size],
            filled: 0,
            taken: 0,
            ready: Vec::new(),
            given: 0,
            buffer_size,
        }
    }

    /// One report per stage; `None` before the end was read.
    pub fn reports(&self) -> Option<&[Report]> {
        if self.running.is_none() {
            Some(&self.reports)
        } else {
            None
        }
    }

    /// Gives the source back, with the reports if the end was read.
    pub fn into_parts(self) -> (R, Option<Vec<Report>>) {
        let reports = if self.running.is_none() {
            Some(self.reports)
        } else {
            None
        };
        (self.inner, reports)
    }

    /// Makes at least one byte ready, unless the end is reached.
    fn fill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.given = 0;
        while self.ready.is_empty() {
            let Some(running) = &mut self.running else {
                return Ok(());
            };
            if self.taken == self.filled && !running.has_output() {
                self.filled = 0;
                self.taken = 0;
                match self.inner.read(&mut self.input) {
                    Ok(0) => {
                        let running = self.running.take().expect("it is running, see above");
                        self.reports = running.finish(&mut self.ready)?;
                        return Ok(());
                    }
                    Ok(size) => self.filled = size,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                }
            }
            let waiting = &self.input[self.taken..self.filled];
            self.taken += running.push_some(waiting, &mut self.ready, self.buffer_size)?;
        }
        Ok(())
    }
}

impl<R: Read> BufRead for RunningReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.given == self.ready.len() {
            self.fill()?;
        }
        Ok(&self.ready[self.given..])
    }

    fn consume(&mut self, amount: usize) {
        self.given = (self.given + amount).min(self.ready.len());
    }
}

impl<R: Read> Read for RunningReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let size = ready.len().min(buffer.len());
        buffer[..size].copy_from_slice(&ready[..size]);
        self.consume(size);
        Ok(size)
    }
}
