//! Has the workers copy a row of files, and gathers what became of them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use super::piece::{CopyFile, Fault};
use super::worker::Worker;
use crate::error::Result;
use crate::jobs::{self, Buffers, Outcome, PoolSettings};
use crate::run::Context;
use crate::run::moved::{Count, Moved};

/// Bytes of a job at most, unless one file has more: small enough that all workers have something to do until the end.
const JOB_BYTES: u64 = 16 << 20;
/// Files of a job on a storage where a file costs round trips, and where not.
const JOB_FILES: (usize, usize) = (256, 16);
/// Files that are looked up in the target at once.
const LOOK_UP: usize = 1024;

/// What a worker does with the files of a job: a result for each.
type Work<'a, R> = dyn Fn(&Vec<CopyFile>) -> Result<Outcome<Vec<R>>> + Sync + 'a;

/// What the workers copy with.
pub(super) struct Transfer<'a> {
    pub context: &'a Context,
    pub pool: PoolSettings,
    pub worker: Worker,
}

/// What became of a row of files.
#[derive(Debug, Default)]
pub(super) struct Transferred {
    pub files: u64,
    /// Bytes of them in the source.
    pub bytes: u64,
    /// Files that the target had.
    pub there: u64,
    pub faults: Vec<(StoragePath, Fault)>,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(
        context: &'a Context,
        pool: PoolSettings,
        buffer_size: usize,
        (from, to): (&Arc<dyn Storage>, &Arc<dyn Storage>),
        moved: &Arc<Moved>,
    ) -> Self {
        Self {
            context,
            pool,
            worker: Worker {
                from: Arc::clone(from),
                to: Arc::clone(to),
                cancel: context.cancel.clone(),
                buffer_size,
                buffers: Buffers::default(),
                moved: Arc::clone(moved),
            },
        }
    }

    /// Copies all files. With `look` those that the target has with their size are left out.
    ///
    /// # Errors
    /// Those of a storage, and a stop.
    pub(super) fn run(
        &self,
        files: &mut dyn Iterator<Item = CopyFile>,
        look: bool,
    ) -> Result<Transferred> {
        let mut result = Transferred::default();
        let mut done = |file: CopyFile, fault: Option<Fault>| match fault {
            None => {
                result.files += 1;
                result.bytes += file.size;
            }
            Some(fault) => result.faults.push((file.path, fault)),
        };
        let work = |files: &Vec<CopyFile>| self.worker.run(files);
        let there = self.run_with((files, look), &work, &mut done)?;
        result.there = there;
        Ok(result)
    }

    /// Has `work` done for all files, and gives each with its result to `done`. Returns how many the target has, which are left out
    /// with `look`.
    ///
    /// # Errors
    /// Those of the work, and a stop.
    pub(super) fn run_with<R: Send + 'static>(
        &self,
        (files, look): (&mut dyn Iterator<Item = CopyFile>, bool),
        work: &Work<'_, R>,
        done: &mut dyn FnMut(CopyFile, R),
    ) -> Result<u64> {
        let row = RefCell::new(Row {
            transfer: self,
            files,
            look,
            waiting: VecDeque::new(),
            there: 0,
        });
        jobs::run(
            self.pool,
            &self.context.cancel,
            work,
            jobs::Steps {
                next: &mut |_| row.borrow_mut().next_job(),
                done: &mut |files: Vec<CopyFile>, results, _| {
                    for (file, result) in files.into_iter().zip(results) {
                        self.context.progress.finished(&file.path.to_string());
                        done(file, result);
                    }
                    Ok(())
                },
                tick: &mut || Ok(()),
            },
        )?;
        Ok(row.into_inner().there)
    }
}

/// The files that are left.
struct Row<'a, 'b> {
    transfer: &'a Transfer<'a>,
    files: &'b mut dyn Iterator<Item = CopyFile>,
    look: bool,
    waiting: VecDeque<CopyFile>,
    there: u64,
}

impl Row<'_, '_> {
    fn next_job(&mut self) -> Result<Option<Vec<CopyFile>>> {
        let worker = &self.transfer.worker;
        let slow = worker.from.has_latency() || worker.to.has_latency();
        let most = if slow { JOB_FILES.0 } else { JOB_FILES.1 };
        let (mut job, mut bytes) = (Vec::new(), 0_u64);
        while job.len() < most && bytes < JOB_BYTES {
            if self.waiting.is_empty() {
                self.refill()?;
            }
            let Some(file) = self.waiting.pop_front() else {
                break;
            };
            bytes = bytes.saturating_add(file.size);
            job.push(file);
        }
        Ok((!job.is_empty()).then_some(job))
    }

    fn refill(&mut self) -> Result<()> {
        while self.waiting.is_empty() {
            let group: Vec<CopyFile> = (&mut *self.files).take(LOOK_UP).collect();
            if group.is_empty() {
                return Ok(());
            }
            self.waiting.extend(group);
            if self.look {
                self.leave_out()?;
            }
        }
        Ok(())
    }

    /// Leaves out what the target has. A file has its name there only when it is whole, so the size tells one that is of another
    /// run from one that is not.
    fn leave_out(&mut self) -> Result<()> {
        let paths: Vec<StoragePath> = self.waiting.iter().map(|file| file.path.clone()).collect();
        let to = &self.transfer.worker.to;
        let found = to.info_many(&paths, InfoLevel::Basic)?;
        let group = std::mem::take(&mut self.waiting);
        let mut count = Count::new(&self.transfer.worker.moved);
        for (file, found) in group.into_iter().zip(found) {
            if found.is_some_and(|found| found.size == file.size) {
                count.begin(String::new, file.size);
                count.finish();
                self.there += 1;
            } else {
                self.waiting.push_back(file);
            }
        }
        count.keep();
        Ok(())
    }
}
