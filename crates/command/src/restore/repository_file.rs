//! Reading the repository file of a file: which part of it is needed, and opening it before its turn.

use std::collections::VecDeque;

use pgkeep_pipeline::CompressType;
use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::FileRef;
use pgkeep_storage::{PipelineRead, Range, ReadOptions, StoragePath};

use super::block;
use super::queue::Job;
use super::worker::Worker;
use crate::error::{Error, ErrorCode, Result};

/// Readers opened ahead of the file in hand where requests cost round trips.
pub(super) const OPEN_AHEAD: usize = 16;

impl Worker<'_> {
    /// The repository file that holds a file.
    fn stored_path(&self, file: &FileRef<'_>) -> Result<StoragePath> {
        self.manifest
            .stored_path(&self.settings.stanza, file)
            .ok_or_else(|| Error::new(ErrorCode::Format, "manifest has no backup label"))
    }

    /// Whether files of the backup are stored as they are, so that it is worth compressing them for the way.
    pub(super) fn is_compressible(&self) -> bool {
        self.manifest.options.compress_type == CompressType::None
    }

    /// Whether jobs are opened before they begin: where requests cost round trips. Not with delta, where only a look at what
    /// is there tells what is needed.
    pub(super) fn opens_ahead(&self) -> bool {
        !self.settings.delta && self.repository.storage.has_latency()
    }

    /// Begins to read what a job needs at first. An error is left to the job.
    pub(super) fn open_ahead(&self, job: &mut Job) {
        let needed = job
            .files
            .iter()
            .map(|&position| self.manifest.file_at(position as usize))
            .filter(|file| file.size > 0 && !self.zeroed.contains(&file.name));
        let opened: Result<VecDeque<_>> = if job.bundled {
            let files: Vec<_> = needed.collect();
            let read = files.first().map(|first| {
                let ranges = files.iter().map(|file| self.needed_range(file, true));
                self.open(first, ranges.collect::<Result<_>>()?)
            });
            read.into_iter().collect()
        } else {
            needed
                .take(OPEN_AHEAD)
                .map(|file| self.open(&file, vec![self.needed_range(&file, true)?]))
                .collect()
        };
        if let Ok(opened) = opened {
            job.give_opened(opened);
        }
    }

    pub(super) fn open(
        &self,
        file: &FileRef<'_>,
        ranges: Vec<Range>,
    ) -> Result<Box<dyn PipelineRead>> {
        // Ranges of unknown length are whole files.
        let expect = ranges
            .iter()
            .map(|range| range.length)
            .try_fold(0u64, |sum, length| Some(sum.saturating_add(length?)));
        let whole = matches!(ranges[..], [Range { length: None, .. }]);
        let options = ReadOptions {
            expect: if whole { Some(file.repo_size) } else { expect },
            ranges: if whole { Vec::new() } else { ranges },
            lazy_open: true,
            compressible: self.is_compressible(),
        };
        Ok(self
            .repository
            .storage
            .open_read(&self.stored_path(file)?, &options)?)
    }

    pub(super) fn needed_range(&self, file: &FileRef<'_>, nothing_there: bool) -> Result<Range> {
        needed_range(self.manifest, file, nothing_there)
    }
}

/// What is read of the repository file at first: the whole of a whole file; of a block-incremental one its map, or all of it
/// where it is short and nothing is there that could save a part.
pub(super) fn needed_range(
    manifest: &Manifest,
    file: &FileRef<'_>,
    nothing_there: bool,
) -> Result<Range> {
    match file.block_map_size() {
        0 => Ok(manifest.stored_range(file)),
        map_size => block::first_range(file, map_size, nothing_there),
    }
}
