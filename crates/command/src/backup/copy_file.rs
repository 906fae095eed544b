//! Copies one file: from its host through its pipeline to the end of the repository file of the job.

use pgkeep_pipeline::{CompressType, Report, Sha1Digest};
use pgkeep_storage::{StorageWrite, WriteMode, WriteOptions};

use super::ahead::Ahead;
use super::copier::{Copier, Counter};
use super::job::{CopyJob, FileResult, Outcome};
use super::sink::Sink;
use crate::error::Result;
use crate::hosts::pg_host::ReadOutcome;
use crate::run::moved::Count;

/// Where in the repository a file goes.
pub(super) struct Target<'a> {
    pub job: &'a CopyJob,
    /// Where in the job's repository file it begins, in bytes.
    pub offset: u64,
    /// The job's repository file, once something was written to it.
    pub write: &'a mut Option<Box<dyn StorageWrite>>,
}

/// How files of a backup set are written: their names need not appear at once, since the manifest alone makes them valid,
/// and their directories are made durable together at the end. So are small files, where the storage can do that.
fn write_options(compressible: bool, sync: bool) -> WriteOptions {
    WriteOptions {
        mode: WriteMode::InPlace,
        sync,
        sync_path: false,
        compressible,
        ..WriteOptions::default()
    }
}

impl Copier {
    /// Copies the next file.
    ///
    /// # Errors
    /// Errors of reading, a stage or writing.
    pub(super) fn store<'a>(
        &'a self,
        target: Target<'_>,
        ahead: &mut Ahead<'a, '_>,
        count: &mut Count<'_>,
    ) -> Result<FileResult> {
        let Target { job, offset, write } = target;
        let cancel = &self.context.cancel;
        let compressible = self.compress == CompressType::None;
        let options = write_options(compressible, !(self.together && job.is_small()));
        let mut asked = ahead.next(offset)?;
        let file = asked.file;
        loop {
            cancel.check()?;
            count.restart();
            let mut sink = Sink {
                open: || Ok(self.repo.open_write(&job.target, &options)?),
                write: &mut *write,
                moved: &self.moved,
                counter: Counter {
                    count: &mut *count,
                    cancel,
                },
                waiting: Vec::new(),
                // What fits into one buffer is compared before anything is stored.
                wait_max: if file.has_reference {
                    self.buffer_size
                } else {
                    0
                },
            };
            let wanted = asked.take_wanted();
            let open = asked.open.take();
            let reports = match self.take(job.host, file, wanted, open, &mut sink)? {
                ReadOutcome::Missing => return Ok(FileResult::vanished()),
                ReadOutcome::Empty => {
                    return Ok(FileResult::new(Outcome::Truncated, 0, Sha1Digest::EMPTY));
                }
                ReadOutcome::Read(reports) => reports,
            };
            let result = asked.places.result(&reports, offset)?;
            let unchanged = file.has_reference
                && file.checksum == Some(result.checksum)
                && file.size == result.size;
            if sink.is_waiting() && unchanged {
                return Ok(FileResult::new(
                    Outcome::Unchanged,
                    result.size,
                    result.checksum,
                ));
            }
            let same_blocks = reports
                .iter()
                .filter_map(Report::block)
                .any(|block| block.unchanged());
            if same_blocks && asked.had_prior {
                // Two different blocks have one block checksum: store the whole file, then the map is right.
                ahead.give_up();
                asked.forget_prior(self);
                continue;
            }
            sink.release()?;
            return Ok(result);
        }
    }
}
