//! What a worker does with a job: decides about each file whether it stays, is made without content, or is fetched.
//!
//! A job may be done again at any time: every file is written from its beginning.

use super::delta::{self, OnDisk};
use super::fetch::Fetch;
use super::queue::Job;
use super::worker::{Restored, Worker};
use crate::error::Result;
use crate::run::moved::Count;

impl Worker<'_> {
    /// Restores the files of a job, results in the order of the job.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Checksum`] for a file that came out wrong, else the first thing that failed.
    pub(super) fn restore(&self, job: &Job) -> Result<Vec<Restored>> {
        let mut results = vec![Restored::Kept; job.files.len()];
        let mut fetches = Vec::new();
        let mut count = Count::new(&self.moved);
        for (at, &position) in job.files.iter().enumerate() {
            self.context.cancel.check()?;
            let file = self.manifest.file_at(position as usize);
            let place = self.places.file(&file.name.to_vec());
            let zeroed = self.zeroed.contains(&file.name);
            self.open_to_owner(&file, &place)?;
            count.begin(|| file.name.to_string(), file.size);
            // Files that are left out are not compared: their content is of no interest.
            let existing = match self.settings.delta && !zeroed {
                true => delta::compare(self, &place, &file, &mut count)?,
                false => OnDisk::Nothing,
            };
            if matches!(existing, OnDisk::Same) {
                self.settle(&file, &place)?;
                count.finish();
                continue;
            }
            if zeroed || file.size == 0 {
                self.write_zero(&file, &place)?;
                self.settle(&file, &place)?;
                results[at] = Restored::Zero;
                count.finish();
            } else {
                count.restart();
                fetches.push(Fetch {
                    at,
                    file,
                    place,
                    existing,
                });
            }
        }
        let opened = job.take_opened();
        if job.bundled {
            self.fetch_bundled(fetches, opened, &mut results, &mut count)?
        } else {
            self.fetch_alone(fetches, opened, &mut results, &mut count)?
        }
        count.keep();
        Ok(results)
    }
}
