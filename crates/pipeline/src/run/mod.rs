//! A pipeline at work: bytes are pushed in, what is ready comes out. No thread, no file.
//!
//! Two kinds of stage. An *observer* (size, hash, page check) reads the bytes that pass and gets them by reference. A
//! *transform* makes other bytes, into the buffer of the next transform or straight into the caller's. Which code serves
//! which stage is in `start`.
//!
//! The invariant: no buffer grows past `buffer_size` by more than one block of a codec, however much a short input
//! unpacks to, as long as the caller uses a bounded call (`push_some`, `push_into`, [`RunningReader`]).
//!
//! [`RunningReader`]: crate::RunningReader

use std::fmt;
use std::io::{self, Write};

use crate::error::Result;
use crate::hash::Sha1;
use crate::page_check::PageCheck;
use crate::report::Report;
use crate::transform::Transform;

/// A stage that only reads the bytes that pass.
pub(crate) enum Observer {
    /// Passes bytes; stands for a stage that does nothing.
    Idle,
    Size(u64),
    Sha1(Sha1),
    PageCheck(Box<PageCheck>),
}

impl Observer {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Observer::Idle => {}
            Observer::Size(size) => *size += bytes.len() as u64,
            Observer::Sha1(sha1) => sha1.update(bytes),
            Observer::PageCheck(check) => check.update(bytes),
        }
    }

    fn finish(self) -> Report {
        match self {
            Observer::Idle => Report::None,
            Observer::Size(size) => Report::Size(size),
            Observer::Sha1(sha1) => Report::Sha1(sha1.finish()),
            Observer::PageCheck(check) => Report::Page(check.finish()),
        }
    }
}

/// A transform, its waiting input, and the observers of its output.
struct Step {
    transform: Box<dyn Transform>,
    /// Input of the transform that the transform before it made; unused by the first, which reads the caller's.
    waiting: Vec<u8>,
    /// Bytes of `waiting` that were taken already.
    taken: usize,
    observers: Vec<Observer>,
}

impl Step {
    fn has_work(&self) -> bool {
        self.taken < self.waiting.len() || self.transform.has_output()
    }
}

/// A pipeline at work. After an error it must not be used any more.
pub struct Running {
    /// Observers of the caller's input, before the first transform.
    observers: Vec<Observer>,
    steps: Vec<Step>,
    buffer_size: usize,
    /// Output of `push_into` on its way to the writer.
    ready: Vec<u8>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("transforms", &self.steps.len())
            .finish_non_exhaustive()
    }
}

impl Running {
    /// A pipeline without stages: what goes in comes out.
    pub(crate) fn new(buffer_size: usize) -> Running {
        Running {
            observers: Vec::new(),
            steps: Vec::new(),
            buffer_size: buffer_size.max(1),
            ready: Vec::new(),
        }
    }

    /// Adds a stage that makes other bytes; `None`: one that passes them, which still reports.
    pub(crate) fn transform(&mut self, transform: Option<Box<dyn Transform>>) {
        match transform {
            Some(transform) => self.steps.push(Step {
                transform,
                waiting: Vec::new(),
                taken: 0,
                observers: Vec::new(),
            }),
            None => self.observe(Observer::Idle),
        }
    }

    /// Adds a stage that reads what passes.
    pub(crate) fn observe(&mut self, observer: Observer) {
        self.steps
            .last_mut()
            .map_or(&mut self.observers, |step| &mut step.observers)
            .push(observer);
    }

    /// Whether the output is the input, so that nothing needs copying.
    pub fn passes_through(&self) -> bool {
        self.steps.is_empty()
    }

    /// Takes all of the input and appends everything that is ready to `out`, however much that is.
    ///
    /// Use a bounded call where the input is compressed and not known to be harmless.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.push_some(input, out, usize::MAX)?;
        Ok(())
    }

    /// Takes input until `out` holds about `limit` bytes; returns how much was taken.
    ///
    /// Call again with the rest, and while [`has_output`](Self::has_output), with `out` emptied in between.
    pub fn push_some(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize> {
        if self.steps.is_empty() {
            let taken = input.len().min(limit.saturating_sub(out.len()));
            update(&mut self.observers, &input[..taken]);
            out.extend_from_slice(&input[..taken]);
            return Ok(taken);
        }
        let mut taken = 0;
        while out.len() < limit {
            // The last step that can do something goes first, so that buffers empty before they fill.
            if let Some(index) = self.steps.iter().rposition(Step::has_work) {
                self.run_step(index, &[], out, limit)?;
            } else if taken < input.len() {
                let step_taken = self.run_step(0, &input[taken..], out, limit)?;
                update(&mut self.observers, &input[taken..][..step_taken]);
                taken += step_taken;
            } else {
                break;
            }
        }
        Ok(taken)
    }

    /// Whether output is held back by the limit of [`push_some`](Self::push_some) that needs no more input.
    pub fn has_output(&self) -> bool {
        self.steps.iter().any(Step::has_work)
    }

    /// Takes all of the input and writes everything that is ready, in pieces of about `buffer_size`.
    ///
    /// A pipeline that passes bytes through writes the input itself, without a copy. Errors of a stage come as
    /// [`io::Error`] and are found by [`Error::from_io`](crate::Error::from_io).
    pub fn push_into(&mut self, input: &[u8], write: &mut dyn Write) -> io::Result<()> {
        if self.steps.is_empty() {
            update(&mut self.observers, input);
            return write.write_all(input);
        }
        let mut rest = input;
        let mut ready = std::mem::take(&mut self.ready);
        while !rest.is_empty() || self.has_output() {
            let taken = self.push_some(rest, &mut ready, self.buffer_size)?;
            rest = &rest[taken..];
            write.write_all(&ready)?;
            ready.clear();
        }
        self.ready = ready;
        Ok(())
    }

    /// Ends the input, appends what is left to `out` and reports, one report per stage.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<Vec<Report>> {
        self.push_some(&[], out, usize::MAX)?;
        let mut reports: Vec<Report> = self.observers.drain(..).map(Observer::finish).collect();
        for index in 0..self.steps.len() {
            let start = self.output_start(index, out);
            let (step, next) = self.step_and_output(index, out);
            reports.push(step.transform.finish(next)?);
            update(&mut step.observers, &next[start..]);
            // What the end of this step set free must be through before the next step ends.
            self.push_some(&[], out, usize::MAX)?;
            reports.extend(self.steps[index].observers.drain(..).map(Observer::finish));
        }
        Ok(reports)
    }

    /// As [`finish`](Self::finish), with what is left going to a writer.
    pub fn finish_into(mut self, write: &mut dyn Write) -> io::Result<Vec<Report>> {
        self.push_into(&[], write)?;
        let mut ready = std::mem::take(&mut self.ready);
        let reports = self.finish(&mut ready)?;
        write.write_all(&ready)?;
        Ok(reports)
    }

    /// Runs one step on its waiting bytes, or the first step on `input`; returns what was taken of `input`.
    fn run_step(
        &mut self,
        index: usize,
        input: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<usize> {
        let limit = if index + 1 == self.steps.len() {
            limit
        } else {
            self.buffer_size
        };
        let start = self.output_start(index, out);
        let (step, next) = self.step_and_output(index, out);
        let taken = if index == 0 {
            step.transform.run(input, next, limit)?
        } else {
            step.taken += step
                .transform
                .run(&step.waiting[step.taken..], next, limit)?;
            if step.taken == step.waiting.len() {
                step.waiting.clear();
                step.taken = 0;
            }
            0
        };
        update(&mut step.observers, &next[start..]);
        Ok(taken)
    }

    fn output_start(&self, index: usize, out: &[u8]) -> usize {
        self.steps
            .get(index + 1)
            .map_or(out.len(), |next| next.waiting.len())
    }

    /// A step and where its output goes.
    fn step_and_output<'a>(
        &'a mut self,
        index: usize,
        out: &'a mut Vec<u8>,
    ) -> (&'a mut Step, &'a mut Vec<u8>) {
        let (head, tail) = self.steps.split_at_mut(index + 1);
        (
            &mut head[index],
            tail.first_mut().map_or(out, |next| &mut next.waiting),
        )
    }
}

fn update(observers: &mut [Observer], bytes: &[u8]) {
    if !bytes.is_empty() {
        observers
            .iter_mut()
            .for_each(|observer| observer.update(bytes));
    }
}

#[cfg(test)]
mod tests;
