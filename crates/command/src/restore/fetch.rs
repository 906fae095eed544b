//! Fetching the files of a job that are not there: read from the repository, written, and their checksums proved.
//!
//! Slices of a bundle come through one reader from front to back. Block-incremental files are [`super::block`]'s.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use pgkeep_pipeline::{Pipeline, Report, Sha1Digest, Stage};
use pgkeep_repo::manifest::FileRef;
use pgkeep_storage::copy::{CopyError, copy_file_with};
use pgkeep_storage::wrap::limited::LimitedWrite;
use pgkeep_storage::{PipelineRead, Range, StoragePath, StorageWrite};

use super::block;
use super::damage::Failed;
use super::damaged_file;
use super::delta::OnDisk;
use super::queue::Opened;
use super::repository_file::OPEN_AHEAD;
use super::stream::{Counted, Watched};
use super::worker::{Restored, Worker};
use crate::error::{Error, ErrorCode, Result};
use crate::run::moved::Count;

/// A file of a job that has to be fetched.
pub(super) struct Fetch<'a> {
    /// Place in the job.
    pub at: usize,
    pub file: FileRef<'a>,
    pub place: StoragePath,
    pub existing: OnDisk,
}

impl<'a> Worker<'a> {
    /// As [`Self::open`], the error with all that is known of the file.
    fn open_told(&self, file: &FileRef<'_>, ranges: Vec<Range>) -> Result<Box<dyn PipelineRead>> {
        self.open(file, ranges)
            .map_err(|error| damaged_file::error(self, file, Failed::Repository(error)))
    }

    /// Fetches slices of one bundle through one reader.
    pub(super) fn fetch_bundled(
        &self,
        fetches: Vec<Fetch<'a>>,
        mut opened: Opened,
        results: &mut [Restored],
        count: &mut Count<'_>,
    ) -> Result<()> {
        let Some(first) = fetches.first() else {
            return Ok(());
        };
        let ranges: Vec<Range> = fetches
            .iter()
            .map(|fetch| self.needed_range_of(fetch))
            .collect::<Result<_>>()?;
        let read = match opened.pop_front() {
            Some(read) => read,
            None => self.open_told(&first.file, ranges.clone())?,
        };
        let mut source = self.watched(read);
        for (fetch, range) in fetches.into_iter().zip(ranges) {
            let length = range.length.unwrap_or(0);
            results[fetch.at] =
                self.fetch(&fetch, range, &mut (&mut source).take(length), count)?;
        }
        Ok(())
    }

    /// Fetches files that are stored alone; on a slow network the next ones are asked for while one is written.
    pub(super) fn fetch_alone(
        &self,
        fetches: Vec<Fetch<'a>>,
        mut opened: Opened,
        results: &mut [Restored],
        count: &mut Count<'_>,
    ) -> Result<()> {
        let ahead = if self.repository.storage.has_latency() {
            OPEN_AHEAD
        } else {
            1
        };
        let mut waiting = fetches.into_iter();
        let mut opening = VecDeque::new();
        loop {
            while opening.len() < ahead
                && let Some(fetch) = waiting.next()
            {
                let range = self.needed_range_of(&fetch)?;
                let read = match opened.pop_front() {
                    Some(read) => read,
                    None => self.open_told(&fetch.file, vec![range])?,
                };
                opening.push_back((fetch, range, self.watched(read)));
            }
            let Some((fetch, range, mut source)) = opening.pop_front() else {
                return Ok(());
            };
            results[fetch.at] = self.fetch(&fetch, range, &mut source, count)?;
        }
    }

    fn watched(&self, read: Box<dyn PipelineRead>) -> Watched<'a> {
        Watched {
            read,
            context: self.context,
        }
    }

    fn slowed_down(&self, write: Box<dyn StorageWrite>) -> Box<dyn StorageWrite> {
        match &self.limit {
            Some(limit) => Box::new(LimitedWrite::new(write, Arc::clone(limit))),
            None => write,
        }
    }

    fn needed_range_of(&self, fetch: &Fetch<'_>) -> Result<Range> {
        self.needed_range(&fetch.file, matches!(fetch.existing, OnDisk::Nothing))
    }

    fn fetch(
        &self,
        fetch: &Fetch<'_>,
        range: Range,
        source: &mut dyn Read,
        count: &mut Count<'_>,
    ) -> Result<Restored> {
        let file = &fetch.file;
        count.begin(|| file.name.to_string(), file.size);
        let result = match file.block_map_size() {
            0 => self
                .fetch_whole(file, &fetch.place, source, count)
                .map(|sha1| (sha1, 0)),
            _ => block::fetch(
                self,
                file,
                &fetch.place,
                &fetch.existing,
                range,
                source,
                count,
            ),
        };
        // A copy that was stopped fails somewhere in its streams; that is not what is to be reported.
        let (sha1, block_bytes) = result.map_err(|failed| match self.context.cancel.check() {
            Err(stopped) => stopped,
            Ok(()) => damaged_file::error(self, file, failed),
        })?;
        let expected = file.checksum.unwrap_or(Sha1Digest::EMPTY);
        if sha1 == expected {
            self.settle(file, &fetch.place)?;
            count.finish();
            return Ok(Restored::Copied { block_bytes });
        }
        let shown = self.places.shown(&file.name.to_vec());
        let message = format!(
            "error restoring '{}': actual checksum '{sha1}' does not match expected checksum '{expected}'",
            String::from_utf8_lossy(&shown)
        );
        let error = Error::new(ErrorCode::Checksum, message);
        Err(damaged_file::error(self, file, Failed::Repository(error)))
    }

    fn fetch_whole(
        &self,
        file: &FileRef<'_>,
        place: &StoragePath,
        source: &mut dyn Read,
        count: &mut Count<'_>,
    ) -> std::result::Result<Sha1Digest, Failed> {
        let raw = self.manifest.stored_raw(file);
        let mut stages = Vec::with_capacity(3);
        if let Some(pass) = &self.manifest.cipher_pass {
            stages.push(Stage::Decrypt {
                pass: pass.clone(),
                raw,
            });
        }
        stages.push(Stage::Decompress {
            kind: self.manifest.options.compress_type,
            raw,
        });
        stages.push(Stage::Sha1);
        let write = Counted {
            write: self.slowed_down(self.tree.open_write(place, &self.write_options(file))?),
            count,
        };
        let mut buffer = self.buffer();
        let running = Pipeline::new(stages).start(self.settings.buffer_size);
        // No more of the buffer than the file can fill: reading ahead into cold memory costs more than it saves.
        let used = usize::try_from(file.repo_size)
            .unwrap_or(usize::MAX)
            .saturating_add(1)
            .min(buffer.len());
        let copied = copy_file_with(
            &mut &mut *source,
            Box::new(write),
            running,
            &mut buffer[..used],
        );
        self.buffers.put_back(buffer);
        let (reports, ticket) = copied.map_err(lower)?;
        ticket.wait()?;
        let sha1 = reports.iter().find_map(Report::sha1);
        sha1.ok_or_else(|| {
            Failed::Target(Error::new(
                ErrorCode::Assert,
                "the pipeline has no checksum",
            ))
        })
    }
}

fn lower(error: CopyError) -> Failed {
    match error {
        CopyError::Storage(error) => error.into(),
        CopyError::Pipeline(error) => error.into(),
    }
}
