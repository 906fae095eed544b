//! Files that the other host measures: no stored byte and no key crosses.

use pgkeep_protocol::{Lane, Raised};
use pgkeep_storage::{Error as StorageError, Operation, StoragePath};

use super::reach::Doing;
use super::storage::RemoteStorage;
use crate::error::Result;
use crate::hosts::repository::measured::file::{Measured, StoredFile, Teller, Told};
use crate::remote::wire::measure::{MOST_MEASURED, MeasureEvent, MeasureOutcome, WireStored};
use crate::remote::wire::storage::StorageRequest;
use crate::run::cancel::Cancel;

impl RemoteStorage {
    /// Has the other host measure `files`: a message for many, all of which are under way from the start.
    ///
    /// # Errors
    /// The host cannot be asked, the run was cancelled, or that of `told`. Errors of single files are told.
    pub(in crate::hosts::repository) fn measure(
        &self,
        files: &[&StoredFile],
        cancel: &Cancel,
        told: Teller<'_>,
    ) -> Result<()> {
        let Some(first) = files.first() else {
            return Ok(());
        };
        let client = self.reach.client(doing(&first.path))?;
        let mut asked = Vec::new();
        for some in files.chunks(MOST_MEASURED) {
            let request = StorageRequest::Measure {
                files: some.iter().map(|file| WireStored::from(*file)).collect(),
            };
            let doing = doing(&some[0].path);
            let download = client.read(Lane::Worker, &request);
            asked.push((
                some,
                download.map_err(|error| self.reach.error(&error, doing))?,
            ));
        }
        for (some, mut events) in asked {
            for file in some {
                loop {
                    cancel.check()?;
                    let event = events.answer::<MeasureEvent>();
                    let event =
                        event.map_err(|error| self.reach.error(&error, doing(&file.path)))?;
                    if event.read > 0 {
                        told(Told::Read(event.read))?;
                    }
                    if let Some(outcome) = event.outcome {
                        told(Told::Done(self.outcome(outcome, &file.path)))?;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn outcome(&self, outcome: MeasureOutcome, path: &StoragePath) -> Result<Measured> {
        match outcome {
            MeasureOutcome::Measured { size, sha1 } => {
                let nonsense = || {
                    self.reach
                        .nonsense("it tells no checksum of a file", doing(path))
                };
                let sha1 = sha1.parse().map_err(|_| nonsense())?;
                Ok(Measured { size, sha1 })
            }
            MeasureOutcome::Failed(raised) => Err(self.raised(raised, path).into()),
        }
    }

    /// The same error as if the session had ended with it.
    fn raised(&self, raised: Raised, path: &StoragePath) -> StorageError {
        let error = pgkeep_protocol::Error::raised_there(raised);
        self.reach.error(&error, doing(path))
    }
}

fn doing(path: &StoragePath) -> Doing<'_> {
    (Operation::Read, path)
}
