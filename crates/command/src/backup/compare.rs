//! Which files of a job need not be copied: those that equal the prior backup's, and those that an aborted run stored.

use pgkeep_pipeline::{Pipeline, Report, Sha1, Sha1Digest, Stage};
use pgkeep_storage::{ReadOptions, StoragePath};

use super::copier::{Copier, Counter, Wanted};
use super::from_standby::SourceHost;
use super::job::{FileJob, FileResult, Outcome};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::pg_host::ReadOutcome;
use crate::run::moved::Count;

/// Bytes of a repository file read at once at most.
const READ_MAX: usize = 256 * 1024;

/// Outcome of the comparison of one file.
pub(super) struct Compared {
    /// `None`: it must be copied.
    pub result: Option<FileResult>,
    /// What the aborted run left is damaged.
    pub repo_invalid: bool,
}

impl Compared {
    fn done(result: FileResult) -> Self {
        Self {
            result: Some(result),
            repo_invalid: false,
        }
    }
}

impl Copier {
    /// Compares a file with the prior backup and with what an aborted run left in `target`.
    ///
    /// # Errors
    /// Errors of reading.
    pub(super) fn compare(
        &self,
        host: SourceHost,
        file: &FileJob,
        target: &StoragePath,
        count: &mut Count<'_>,
    ) -> Result<Compared> {
        let mut same = None;
        if file.delta {
            let Some(found) = self.measure(host, file, count)? else {
                if file.resume {
                    self.repo.remove(target)?;
                }
                return Ok(Compared::done(FileResult::vanished()));
            };
            same = Some(file.checksum == Some(found.1) && found.0 == file.size);
            if same == Some(true) && file.has_reference {
                return Ok(Compared::done(FileResult::new(
                    Outcome::Unchanged,
                    found.0,
                    found.1,
                )));
            }
        }
        let (Some(checksum), true) = (file.checksum, file.resume && same != Some(false)) else {
            return Ok(Compared {
                result: None,
                repo_invalid: false,
            });
        };
        let expected = (file.repo_size, file.repo_checksum.unwrap_or(checksum));
        if self.measure_stored(target, count)? == Some(expected) {
            return Ok(Compared::done(FileResult::new(
                Outcome::Resumed,
                file.size,
                checksum,
            )));
        }
        Ok(Compared {
            result: None,
            repo_invalid: true,
        })
    }

    /// Size and SHA-1 of a file of the cluster; `None` when it is gone and may be.
    fn measure(
        &self,
        host: SourceHost,
        file: &FileJob,
        count: &mut Count<'_>,
    ) -> Result<Option<(u64, Sha1Digest)>> {
        let cancel = &self.context.cancel;
        cancel.check()?;
        let wanted = Wanted {
            pipeline: Pipeline::new(vec![Stage::Size, Stage::Sha1]),
            skip_empty: false,
            reports_only: true,
        };
        match self.read(host, file, wanted, &mut Counter { count, cancel })? {
            ReadOutcome::Missing => Ok(None),
            ReadOutcome::Empty => Ok(Some((0, Sha1Digest::EMPTY))),
            ReadOutcome::Read(reports) => {
                let size = reports.first().and_then(Report::size);
                let sha1 = reports.get(1).and_then(Report::sha1);
                let lost =
                    || Error::new(ErrorCode::Assert, "a stage of the pipeline did not report");
                size.zip(sha1).map(Some).ok_or_else(lost)
            }
        }
    }

    /// Size and SHA-1 of a file of the repository; `None` if there is none.
    fn measure_stored(
        &self,
        target: &StoragePath,
        count: &mut Count<'_>,
    ) -> Result<Option<(u64, Sha1Digest)>> {
        let mut read = match self.repo.open_read(target, &ReadOptions::default()) {
            Ok(read) => read,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        count.restart();
        let (mut size, mut sha1) = (0, Sha1::new());
        let mut buffer = self.buffers.take(self.buffer_size.min(READ_MAX));
        loop {
            self.context.cancel.check()?;
            let got = read.read(&mut buffer)?;
            if got == 0 {
                break;
            }
            sha1.update(&buffer[..got]);
            size += got as u64;
            count.add(got as u64);
        }
        self.buffers.put_back(buffer);
        Ok(Some((size, sha1.finish())))
    }
}
