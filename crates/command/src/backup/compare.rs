//! Which files of a batch need not be copied: those that equal the prior backup's, and those that an aborted run stored.
//!
//! Each is measured where it is. Of a host with latency several are asked for ahead, and of the repository all at once, so that
//! no file costs a way there and back of its own.

use std::collections::VecDeque;

use pgkeep_pipeline::{Pipeline, Report, Sha1Digest, Stage};
use pgkeep_storage::StoragePath;

use super::copier::{Copier, Counter, Wanted};
use super::job::{CopyJob, FileJob, FileResult, Outcome};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::pg_host::{OpenFile, ReadOutcome};
use crate::hosts::repository::measured::file::{Measured, StoredFile, Told};
use crate::hosts::repository::measured::local::Reading;
use crate::run::moved::Count;

/// Bytes of files that a worker has asked for ahead. Nothing of them is sent, so it only bounds what the host reads in vain
/// when a run ends.
const AHEAD: u64 = 64 << 20;

/// Outcome of the comparison of one file.
#[derive(Default)]
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

/// A file of the batch.
#[derive(Clone, Copy)]
struct Of<'a> {
    job: &'a CopyJob,
    file: &'a FileJob,
}

/// What a file of the cluster is; `None`: it is gone.
type OnHost = Option<(u64, Sha1Digest)>;

impl Copier {
    /// Compares the files of all jobs with the prior backup and with what an aborted run left, in their order.
    ///
    /// # Errors
    /// Errors of reading.
    pub(super) fn compare(
        &self,
        batch: &[CopyJob],
        count: &mut Count<'_>,
    ) -> Result<VecDeque<Compared>> {
        let files = batch
            .iter()
            .flat_map(|job| job.files.iter().map(move |file| Of { job, file }));
        let files: Vec<Of<'_>> = files.collect();
        let mut compared: VecDeque<Compared> = files.iter().map(|_| Compared::default()).collect();
        // What an aborted run left of these, with the checksum of the content.
        let (mut left, mut gone) = (Vec::new(), Vec::new());
        let mut on_hosts = self.measure(&files, count)?.into_iter();
        for (at, of) in files.iter().enumerate() {
            let file = of.file;
            let mut same = true;
            if file.delta {
                let found = on_hosts.next().expect("each with delta was measured");
                let Some((size, sha1)) = found else {
                    gone.extend(file.resume.then(|| of.job.target.clone()));
                    compared[at] = Compared::done(FileResult::vanished());
                    continue;
                };
                same = file.checksum == Some(sha1) && size == file.size;
                if same && file.has_reference {
                    let result = FileResult::new(Outcome::Unchanged, size, sha1);
                    compared[at] = Compared::done(result);
                    continue;
                }
            }
            if let (Some(checksum), true) = (file.checksum, file.resume && same) {
                left.push((at, *of, checksum));
            }
        }
        if !gone.is_empty() {
            self.repo.remove_files(&gone)?;
        }
        self.compare_left(&left, &mut compared, count)?;
        Ok(compared)
    }

    /// Size and SHA-1 of the files with delta, on their hosts.
    fn measure(&self, files: &[Of<'_>], count: &mut Count<'_>) -> Result<Vec<OnHost>> {
        let wanted = || Wanted {
            pipeline: Pipeline::new(vec![Stage::Size, Stage::Sha1]),
            skip_empty: false,
            reports_only: true,
        };
        let cancel = &self.context.cancel;
        let mut waiting = files.iter().filter(|of| of.file.delta).peekable();
        let mut asked: VecDeque<(Of<'_>, Option<Box<dyn OpenFile + '_>>)> = VecDeque::new();
        let (mut found, mut under_way) = (Vec::new(), 0_u64);
        loop {
            while let Some(next) = waiting.next_if(|_| {
                asked.is_empty() || (asked.len() < self.files_ahead && under_way < AHEAD)
            }) {
                let host = self.hosts.get(next.job.host);
                let far = host.has_latency() && !next.file.is_control;
                let request = far.then(|| self.request(next.file, wanted()));
                let open = request.map(|request| host.open_file(request));
                under_way = under_way.saturating_add(next.file.size_original);
                asked.push_back((*next, open.transpose()?));
            }
            let Some((of, open)) = asked.pop_front() else {
                return Ok(found);
            };
            let file = of.file;
            under_way -= file.size_original.min(under_way);
            cancel.check()?;
            count.begin(|| file.shown(), file.size_original);
            let mut counter = Counter { count, cancel };
            let outcome = self.take(of.job.host, file, wanted(), open, &mut counter)?;
            let on_host = match outcome {
                ReadOutcome::Missing => None,
                ReadOutcome::Empty => Some((0, Sha1Digest::EMPTY)),
                ReadOutcome::Read(reports) => Some(measured(&reports)?),
            };
            let is_prior = |found| found == (file.size, file.checksum);
            let stays = on_host
                .is_none_or(|(size, sha1)| file.has_reference && is_prior((size, Some(sha1))));
            match stays {
                true => count.finish(),
                false => count.restart(),
            }
            found.push(on_host);
        }
    }

    /// Measures what an aborted run left in the repository.
    fn compare_left(
        &self,
        left: &[(usize, Of<'_>, Sha1Digest)],
        compared: &mut VecDeque<Compared>,
        count: &mut Count<'_>,
    ) -> Result<()> {
        let stored: Vec<StoredFile> = left
            .iter()
            .map(|(_, of, _)| stored(&of.job.target))
            .collect();
        let stored: Vec<&StoredFile> = stored.iter().collect();
        let reading = Reading {
            cancel: &self.context.cancel,
            buffers: &self.buffers,
            buffer_size: self.buffer_size,
        };
        let begin = |count: &mut Count<'_>, at: usize| {
            if let Some((_, of, _)) = left.get(at) {
                count.begin(|| of.file.shown(), of.file.size_original);
            }
        };
        begin(count, 0);
        let mut done = 0;
        self.measure.run(reading, &stored, &mut |told| {
            let measured = match told {
                Told::Read(bytes) => {
                    count.add(bytes);
                    return Ok(());
                }
                Told::Done(measured) => measured,
            };
            let (at, of, checksum) = left[done];
            let file = of.file;
            let expected = Measured {
                size: file.repo_size,
                sha1: file.repo_checksum.unwrap_or(checksum),
            };
            compared[at] = match measured {
                Ok(measured) if measured == expected => {
                    count.finish();
                    Compared::done(FileResult::new(Outcome::Resumed, file.size, checksum))
                }
                Err(error) if error.code != ErrorCode::FileMissing => return Err(error),
                _ => Compared {
                    result: None,
                    repo_invalid: true,
                },
            };
            done += 1;
            begin(count, done);
            Ok(())
        })?;
        count.restart();
        Ok(())
    }
}

fn stored(target: &StoragePath) -> StoredFile {
    StoredFile {
        path: target.clone(),
        slice: None,
        stored: None,
        unpack: None,
    }
}

fn measured(reports: &[Report]) -> Result<(u64, Sha1Digest)> {
    let size = reports.first().and_then(Report::size);
    let sha1 = reports.get(1).and_then(Report::sha1);
    let lost = || Error::new(ErrorCode::Assert, "a stage of the pipeline did not report");
    size.zip(sha1).ok_or_else(lost)
}
