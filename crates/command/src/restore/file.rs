//! What a worker does: decides about each file of a job, reads what is needed, writes, and proves the checksum.
//!
//! Slices of a bundle come through one reader from front to back. Block-incremental files are [`super::block`]'s. A job
//! may be done again at any time: every file is written from its beginning.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use pgkeep_pipeline::{Pipeline, Report, Sha1Digest, Stage};
use pgkeep_postgres::data_dir::CONTROL_FILE;
use pgkeep_repo::Manifest;
use pgkeep_repo::manifest::FileRef;
use pgkeep_storage::copy::{CopyError, copy_file_with};
use pgkeep_storage::{
    FileTree, FileType, InfoLevel, PipelineRead, Range, ReadOptions, StoragePath, WriteMode,
    WriteOptions,
};

use super::block;
use super::damage::{Damage, Failed};
use super::keep::{self, Existing};
use super::modes;
use super::owner::Owners;
use super::places::Places;
use super::queue::{Job, Opened};
use super::selective::Zeroed;
use super::settings::Settings;
use super::stream::{Counted, Watched};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;
use crate::run::Context;
use crate::run::moved::{Count, Moved};

/// Readers opened ahead of the file in hand where requests cost round trips.
const OPEN_AHEAD: usize = 16;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restored {
    /// It was there already.
    Kept,
    /// Made without content: it has none, or its database is left out.
    Zero,
    /// Written; of a block-incremental file so many bytes were fetched.
    Copied { block_bytes: u64 },
}

/// Everything that workers share.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub manifest: &'a Manifest,
    pub repository: &'a Repository,
    pub places: &'a Places,
    pub owners: &'a Owners,
    pub zeroed: &'a Zeroed,
    pub tree: &'a dyn FileTree,
    /// Each file is flushed when it is closed.
    pub sync_files: bool,
    pub damage: Damage,
    pub buffers: Mutex<Vec<Vec<u8>>>,
    pub moved: Arc<Moved>,
}

/// A file of a job that has to be fetched.
struct Fetch<'a> {
    /// Place in the job.
    at: usize,
    file: FileRef<'a>,
    place: StoragePath,
    existing: Existing,
}

impl<'a> Worker<'a> {
    /// Restores the files of a job, results in the order of the job.
    ///
    /// # Errors
    /// [`ErrorCode::Checksum`] for a file that came out wrong, else the first thing that failed.
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
                true => keep::existing(self, &place, &file, &mut count)?,
                false => Existing::Nothing,
            };
            if matches!(existing, Existing::Same) {
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

    /// A file without content: empty, or as long as in the backup but without blocks on disk.
    fn write_zero(&self, file: &FileRef<'_>, place: &StoragePath) -> Result<()> {
        if file.size == 0 {
            self.tree
                .open_write(place, &self.write_options(file))?
                .finish()?
                .wait()?;
            return Ok(());
        }
        let written = self
            .tree
            .open_update(place, modes::file_at_work(file.mode))?;
        let failed = |error: std::io::Error| {
            Error::new(
                ErrorCode::FileWrite,
                format!("unable to truncate '{}': {error}", self.tree.display(place)),
            )
        };
        written
            .set_len(0)
            .and_then(|()| written.set_len(file.size))
            .map_err(failed)?;
        self.complete(file, place, &written)
    }

    /// Lets the owner write a file that is there and closed: a try of this job may have made it, and what links lead to was
    /// not looked at before.
    fn open_to_owner(&self, file: &FileRef<'_>, place: &StoragePath) -> Result<()> {
        let name = file.name.to_vec();
        if !modes::file_is_settled_later(file.mode) && !self.places.is_linked(&name) {
            return Ok(());
        }
        let there = self.tree.info(place, InfoLevel::Detail)?;
        match there.filter(|info| info.kind == FileType::File) {
            Some(info) if modes::file_at_work(info.mode) != info.mode => {
                Ok(self.tree.set_mode(place, modes::file_at_work(info.mode))?)
            }
            _ => Ok(()),
        }
    }

    /// Gives a file that is complete its final mode. The control file is still to be changed.
    fn settle(&self, file: &FileRef<'_>, place: &StoragePath) -> Result<()> {
        let name = file.name.to_vec();
        let is_later = modes::file_is_settled_later(file.mode) || self.places.is_linked(&name);
        if !is_later || name == CONTROL_FILE {
            return Ok(());
        }
        match self.sync_files {
            true => self.tree.set_mode_durably(place, file.mode)?,
            // With the rest of its file system.
            false => self.tree.set_mode(place, file.mode)?,
        }
        Ok(())
    }

    /// Gives a file that was written in place its owner and time, and flushes it.
    pub(super) fn complete(
        &self,
        file: &FileRef<'_>,
        place: &StoragePath,
        written: &std::fs::File,
    ) -> Result<()> {
        if let Some((uid, gid)) = self.owners.to_set(file.user, file.group) {
            self.tree.set_owner(place, uid, gid)?;
        }
        self.tree.set_modified(place, file.timestamp)?;
        if self.sync_files {
            written.sync_all().map_err(|error| {
                let shown = self.tree.display(place);
                Error::new(
                    ErrorCode::FileSync,
                    format!("unable to sync file '{shown}' after write: {error}"),
                )
            })?;
        }
        Ok(())
    }

    fn write_options(&self, file: &FileRef<'_>) -> WriteOptions {
        WriteOptions {
            mode: WriteMode::InPlace,
            file_mode: modes::file_at_work(file.mode),
            create_path: false,
            sync: self.sync_files,
            // Directories are flushed once, at the end.
            sync_path: false,
            expect: Some(file.size),
            owner: self.owners.to_set(file.user, file.group),
            modified: Some(file.timestamp),
            ..WriteOptions::default()
        }
    }

    /// The repository file that holds a file.
    pub(super) fn stored_path(&self, file: &FileRef<'_>) -> Result<StoragePath> {
        self.manifest
            .stored_path(&self.settings.stanza, file)
            .ok_or_else(|| Error::new(ErrorCode::Format, "manifest has no backup label"))
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

    fn open(&self, file: &FileRef<'_>, ranges: Vec<Range>) -> Result<Box<dyn PipelineRead>> {
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
        };
        Ok(self
            .repository
            .storage
            .open_read(&self.stored_path(file)?, &options)?)
    }

    /// As [`Self::open`], the error with all that is known of the file.
    fn open_told(&self, file: &FileRef<'_>, ranges: Vec<Range>) -> Result<Box<dyn PipelineRead>> {
        self.open(file, ranges)
            .map_err(|error| self.damage.told(self, file, Failed::Repository(error)))
    }

    /// Fetches slices of one bundle through one reader.
    fn fetch_bundled(
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

    /// Fetches files that are stored alone; on a slow line the next ones are asked for while one is written.
    fn fetch_alone(
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
        let mut begun = VecDeque::new();
        loop {
            while begun.len() < ahead
                && let Some(fetch) = waiting.next()
            {
                let range = self.needed_range_of(&fetch)?;
                let read = match opened.pop_front() {
                    Some(read) => read,
                    None => self.open_told(&fetch.file, vec![range])?,
                };
                begun.push_back((fetch, range, self.watched(read)));
            }
            let Some((fetch, range, mut source)) = begun.pop_front() else {
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

    fn needed_range_of(&self, fetch: &Fetch<'_>) -> Result<Range> {
        self.needed_range(&fetch.file, matches!(fetch.existing, Existing::Nothing))
    }

    fn needed_range(&self, file: &FileRef<'_>, nothing_there: bool) -> Result<Range> {
        needed_range(self.manifest, file, nothing_there)
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
            Ok(()) => self.damage.told(self, file, failed),
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
        Err(self.damage.told(self, file, Failed::Repository(error)))
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
            write: self.tree.open_write(place, &self.write_options(file))?,
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
        self.give_back(buffer);
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

    /// A buffer of the size the options say.
    pub(super) fn buffer(&self) -> Vec<u8> {
        let spare = self
            .buffers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        spare.unwrap_or_else(|| vec![0; self.settings.buffer_size.max(1)])
    }

    pub(super) fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.resize(self.settings.buffer_size.max(1), 0);
        self.buffers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(buffer);
    }
}

/// What is read of the repository file at first: the whole of a whole file; of a block-incremental one its map, or all of it
/// where it is short and nothing is there that could spare a part.
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

fn lower(error: CopyError) -> Failed {
    match error {
        CopyError::Storage(error) => error.into(),
        CopyError::Pipeline(error) => error.into(),
    }
}
