//! What a worker does: copies the files of one job from their host into one repository file. Small jobs of a host with latency
//! come as a batch, so that the files of all of them can be asked for at once.
//!
//! First every file that may be unchanged or already stored is compared, then the rest goes through its pipeline, one
//! after the other, into the same repository file. Nothing here touches the manifest. The invariant: what a result says is
//! true once the ticket of the job has resolved, and a job that failed can be done again from the start.

use std::collections::VecDeque;

use pgkeep_storage::{StorageWrite, Ticket};

use super::ahead::Ahead;
use super::block_map::MapReader;
use super::compare::Compared;
use super::copier::Copier;
use super::copy_file::Target;
use super::job::{CopyJob, FileResult, Outcome};
use crate::error::Result;
use crate::jobs;
use crate::run::moved::Count;

impl Copier {
    /// Does one batch of jobs, one after the other.
    ///
    /// # Errors
    /// Errors of reading, a stage or writing; [`crate::error::ErrorCode::Term`] when the run was cancelled.
    pub(super) fn run(&self, batch: &[CopyJob]) -> Result<jobs::Outcome<Vec<Vec<FileResult>>>> {
        let mut count = Count::new(&self.moved);
        let mut compared = self.compare(batch, &mut count)?;
        let mut maps = MapReader::new(&*self.repo, self.pass.as_ref());
        let mut left = VecDeque::new();
        let mut outcomes = compared.iter();
        for job in batch {
            for (file, compared) in job.files.iter().zip(&mut outcomes) {
                if compared.result.is_none() {
                    maps.expect(file);
                    left.push_back((job, file));
                }
            }
        }
        let mut ahead = Ahead::new(self, left, maps);
        let mut tickets = Vec::new();
        let mut results = Vec::with_capacity(batch.len());
        for job in batch {
            let compared = compared.drain(..job.files.len()).collect();
            let (stored, ticket) = self.store_all(job, compared, &mut ahead, &mut count)?;
            results.push(stored);
            tickets.extend(ticket);
        }
        count.keep();
        Ok(match jobs::all(tickets) {
            None => jobs::Outcome::Done(results),
            Some(ticket) => jobs::Outcome::Written(results, ticket),
        })
    }

    /// Copies what must be copied of a job. The ticket is that of its repository file, if anything was written.
    fn store_all<'a>(
        &'a self,
        job: &CopyJob,
        compared: Vec<Compared>,
        ahead: &mut Ahead<'a, '_>,
        count: &mut Count<'_>,
    ) -> Result<(Vec<FileResult>, Option<Ticket>)> {
        let mut write: Option<Box<dyn StorageWrite>> = None;
        let mut offset = 0;
        let mut results = Vec::with_capacity(job.files.len());
        for (file, compared) in job.files.iter().zip(compared) {
            let result = match compared.result {
                Some(result) => result,
                None => {
                    count.begin(|| file.shown(), file.size_original);
                    let target = Target {
                        job,
                        offset,
                        write: &mut write,
                    };
                    let mut result = self.store(target, ahead, count)?;
                    count.finish();
                    result.repo_invalid =
                        compared.repo_invalid && result.outcome == Outcome::Stored;
                    result
                }
            };
            offset += result.repo_size;
            results.push(result);
        }
        let ticket = write.map(StorageWrite::finish).transpose()?;
        Ok((results, ticket))
    }
}
