//! What a worker does: copies the files of one job from their host into one repository file.
//!
//! First every file that may be unchanged or already stored is compared, then the rest goes through its pipeline, one
//! after the other, into the same repository file. Nothing here touches the manifest. The invariant: what a result says is
//! true once the ticket of the job has resolved, and a job that failed can be done again from the start.

use pgkeep_storage::StorageWrite;

use super::block_map::MapReader;
use super::copier::Copier;
use super::copy_file::Target;
use super::job::{CopyJob, FileResult, Outcome};
use crate::error::Result;
use crate::jobs;
use crate::run::moved::Count;

impl Copier {
    /// Does one job.
    ///
    /// # Errors
    /// Errors of reading, a stage or writing; [`crate::error::ErrorCode::Term`] when the run was cancelled.
    pub(super) fn run(&self, job: &CopyJob) -> Result<jobs::Outcome<Vec<FileResult>>> {
        let mut count = Count::new(&self.moved);
        let mut compared = Vec::with_capacity(job.files.len());
        for file in &job.files {
            count.begin(|| file.shown(), file.size_original);
            let found = self.compare(job.host, file, &job.target, &mut count)?;
            if found.result.is_some() {
                count.finish();
            } else {
                count.restart();
            }
            compared.push(found);
        }
        let mut maps = MapReader::new(&*self.repo, self.pass.as_ref());
        for (file, _) in job
            .files
            .iter()
            .zip(&compared)
            .filter(|(_, compared)| compared.result.is_none())
        {
            maps.expect(file);
        }
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
                    let mut result = self.store(file, target, &mut maps, &mut count)?;
                    count.finish();
                    result.repo_invalid =
                        compared.repo_invalid && result.outcome == Outcome::Stored;
                    result
                }
            };
            offset += result.repo_size;
            results.push(result);
        }
        let outcome = match write {
            None => jobs::Outcome::Done(results),
            Some(write) => jobs::Outcome::Written(results, write.finish()?),
        };
        count.keep();
        Ok(outcome)
    }
}
