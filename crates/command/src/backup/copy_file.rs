//! What a worker does: copies the files of one job from the data directory into one repository file.
//!
//! First every file that may be unchanged or already stored is compared, then the rest goes through its pipeline, one
//! after the other, into the same repository file. Nothing here touches the manifest. The invariant: what a result says is
//! true once the ticket of the job has resolved, and a job that failed can be done again from the start.

use std::io::{Cursor, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use pgkeep_pipeline::block::BlockSettings;
use pgkeep_pipeline::{
    CompressType, PageCheckSettings, Pipeline, Report, Reread, Running, Sha1, Sha1Digest, Stage,
};
use pgkeep_postgres::data_dir;
use pgkeep_storage::{
    Range, ReadOptions, Storage, StoragePath, StorageWrite, WriteMode, WriteOptions,
};
use secrecy::SecretString;

use super::block_map::MapReader;
use super::job::{CopyJob, FileJob, FileResult, Outcome};
use super::sink::Sink;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{PgHost, cluster};
use crate::jobs;
use crate::run::Context;
use crate::run::moved::{Count, Moved};

/// Bytes read from a file at once at most: what the hash and the codec then work on still lies in the cache.
const READ_MAX: usize = 256 * 1024;

/// What all jobs of a backup have in common.
pub(super) struct Copier {
    pub context: Context,
    pub pg: PgHost,
    pub repo: Arc<dyn Storage>,
    pub compress: CompressType,
    pub level: i32,
    /// Passphrase of the backup set's files.
    pub pass: Option<SecretString>,
    /// Files inside bundles have the raw forms.
    pub bundle_raw: bool,
    pub page_size: u32,
    pub header_check: bool,
    /// Plain bytes in a super block.
    pub super_block_size: u64,
    /// Index of this backup in `backup-reference`.
    pub reference: u32,
    pub buffer_size: usize,
    /// Read buffers that no worker uses at the moment.
    pub buffers: Mutex<Vec<Vec<u8>>>,
    pub moved: Arc<Moved>,
}

/// What a worker has in hand while it does a job.
struct Hand<'a> {
    buffer: &'a mut [u8],
    count: Count<'a>,
}

impl std::fmt::Debug for Copier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copier")
            .field("pg", &self.pg)
            .field("repo", &self.repo)
            .finish_non_exhaustive()
    }
}

/// The place of a cluster file below the data directory; tablespaces are reached through their links.
pub(super) fn pg_path(name: &[u8]) -> StoragePath {
    let below = name
        .strip_prefix(data_dir::PG_DATA)
        .and_then(|rest| rest.strip_prefix(b"/"));
    StoragePath::new(below.unwrap_or(name))
}

/// How files of a backup set are written: their names need not appear at once, since the manifest alone makes them valid,
/// and their directories are made durable together at the end.
fn write_options() -> WriteOptions {
    WriteOptions {
        mode: WriteMode::InPlace,
        sync_path: false,
        ..WriteOptions::default()
    }
}

impl Copier {
    /// Does one job.
    ///
    /// # Errors
    /// Whatever reading, a stage or writing meets; [`ErrorCode::Term`] when the run was cancelled.
    pub(super) fn run(&self, job: &CopyJob) -> Result<jobs::Outcome<Vec<FileResult>>> {
        let mut buffer = self.take_buffer();
        let hand = Hand {
            buffer: &mut buffer,
            count: Count::new(&self.moved),
        };
        let result = self.copy(job, hand);
        self.buffers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(buffer);
        result
    }

    fn take_buffer(&self) -> Vec<u8> {
        let spare = self
            .buffers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        spare.unwrap_or_else(|| vec![0; self.buffer_size.min(READ_MAX)])
    }

    fn copy(&self, job: &CopyJob, mut hand: Hand<'_>) -> Result<jobs::Outcome<Vec<FileResult>>> {
        let mut checked = Vec::with_capacity(job.files.len());
        for file in &job.files {
            hand.count.begin(|| file.shown(), file.size_original);
            let found = self.check(file, &job.target, &mut hand)?;
            if found.result.is_some() {
                hand.count.finish();
            } else {
                hand.count.restart();
            }
            checked.push(found);
        }
        let mut maps = MapReader::new(&*self.repo, self.pass.as_ref());
        for (file, _) in job
            .files
            .iter()
            .zip(&checked)
            .filter(|(_, checked)| checked.result.is_none())
        {
            maps.expect(file);
        }
        let mut write = None;
        let mut offset = 0;
        let mut results = Vec::with_capacity(job.files.len());
        for (file, checked) in job.files.iter().zip(checked) {
            let result = match checked.result {
                Some(result) => result,
                None => {
                    hand.count.begin(|| file.shown(), file.size_original);
                    let mut result =
                        self.store(job, file, offset, &mut maps, &mut write, &mut hand)?;
                    hand.count.finish();
                    result.repo_invalid = checked.repo_invalid && result.outcome == Outcome::Stored;
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
        hand.count.keep();
        Ok(outcome)
    }

    /// Compares a file with the prior backup and with what an aborted run left.
    fn check(&self, file: &FileJob, target: &StoragePath, hand: &mut Hand<'_>) -> Result<Checked> {
        let mut same = None;
        if file.delta {
            let Some(mut read) = self.open(file)? else {
                if file.resume {
                    self.repo.remove(target)?;
                }
                return Ok(Checked::done(vanished()));
            };
            let found = self.measure(&mut *read, hand)?;
            same = Some(file.checksum == Some(found.1) && found.0 == file.size);
            if same == Some(true) && file.has_reference {
                return Ok(Checked::done(FileResult::new(
                    Outcome::Unchanged,
                    found.0,
                    found.1,
                )));
            }
        }
        let (Some(checksum), true) = (file.checksum, file.resume && same != Some(false)) else {
            return Ok(Checked {
                result: None,
                repo_invalid: false,
            });
        };
        let found = match self.repo.open_read(target, &ReadOptions::default()) {
            Ok(mut read) => {
                hand.count.restart();
                Some(self.measure(&mut *read, hand)?)
            }
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        if found == Some((file.repo_size, file.repo_checksum.unwrap_or(checksum))) {
            return Ok(Checked::done(FileResult::new(
                Outcome::Resumed,
                file.size,
                checksum,
            )));
        }
        Ok(Checked {
            result: None,
            repo_invalid: true,
        })
    }

    /// Size and SHA-1 of what is left to read.
    fn measure(&self, read: &mut dyn Read, hand: &mut Hand<'_>) -> Result<(u64, Sha1Digest)> {
        let mut sha1 = Sha1::new();
        let mut size = 0;
        loop {
            self.context.cancel.check()?;
            let got = read.read(hand.buffer)?;
            if got == 0 {
                return Ok((size, sha1.finish()));
            }
            sha1.update(&hand.buffer[..got]);
            size += got as u64;
            hand.count.add(got as u64);
        }
    }

    /// Opens a file of the cluster; `None` when it is gone and may be.
    fn open(&self, file: &FileJob) -> Result<Option<Box<dyn Read>>> {
        if !file.limited {
            let (_, image) = cluster::read_control(&self.context, &self.pg)?;
            return Ok(Some(Box::new(Cursor::new(image))));
        }
        let options = ReadOptions {
            expect: Some(file.size_original),
            ..ReadOptions::default()
        };
        match self.pg.storage.open_read(&pg_path(&file.name), &options) {
            Ok(read) => Ok(Some(Box::new(read.take(file.size_original)))),
            Err(error) if error.is_not_found() && file.may_vanish => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Copies one file to the end of the job's repository file.
    fn store(
        &self,
        job: &CopyJob,
        file: &FileJob,
        offset: u64,
        maps: &mut MapReader<'_>,
        write: &mut Option<Box<dyn StorageWrite>>,
        hand: &mut Hand<'_>,
    ) -> Result<FileResult> {
        // Before the file is opened: maps are read in one go, so each must be taken even if its file has vanished.
        let mut prior = maps.next(file)?;
        loop {
            let had_prior = prior.is_some();
            let block = file.block.as_ref().map(|block| BlockSettings {
                block_size: block.block_size,
                super_block_size: self.super_block_size,
                checksum_size: block.checksum_size,
                reference: self.reference,
                bundle_id: job.bundle_id,
                offset,
                prior: prior.take(),
                compress: self.compress,
                level: self.level,
                pass: self.pass.clone(),
            });
            let Some(mut read) = self.open(file)? else {
                return Ok(vanished());
            };
            hand.count.restart();
            let first = read.read(hand.buffer)?;
            if first == 0 && job.bundle_id != 0 {
                return Ok(FileResult::new(Outcome::Truncated, 0, Sha1Digest::EMPTY));
            }
            let (pipeline, places) = self.pipeline(job, file, block);
            let reread = pipeline.rereads().then(|| self.reread(file));
            let mut sink = Sink {
                open: || Ok(self.repo.open_write(&job.target, &write_options())?),
                write,
                moved: &self.moved,
                held: Vec::new(),
                // What stays within one buffer is judged before anything is stored.
                hold: if file.has_reference {
                    self.buffer_size
                } else {
                    0
                },
            };
            let reports = self.push(
                &mut *read,
                first,
                pipeline.start_with(self.buffer_size, reread),
                &mut sink,
                hand,
            )?;
            let result = places.result(&reports, offset)?;
            let unchanged = file.has_reference
                && file.checksum == Some(result.checksum)
                && file.size == result.size;
            if sink.is_held() && unchanged {
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
            if same_blocks && had_prior {
                // Two different blocks have one block checksum: store the whole file, then the map is right.
                continue;
            }
            sink.release()?;
            return Ok(result);
        }
    }

    /// Pushes a file whose first bytes are in the buffer through its pipeline.
    fn push(
        &self,
        read: &mut dyn Read,
        first: usize,
        mut running: Running,
        sink: &mut dyn Write,
        hand: &mut Hand<'_>,
    ) -> Result<Vec<Report>> {
        let mut got = first;
        while got > 0 {
            self.context.cancel.check()?;
            running.push_into(&hand.buffer[..got], sink)?;
            hand.count.add(got as u64);
            got = read.read(hand.buffer)?;
        }
        Ok(running.finish_into(sink)?)
    }

    /// The stages of one file, and which report is whose.
    fn pipeline(
        &self,
        job: &CopyJob,
        file: &FileJob,
        block: Option<BlockSettings>,
    ) -> (Pipeline, Places) {
        let raw = job.bundle_id != 0 && self.bundle_raw;
        let mut stages = vec![Stage::Sha1, Stage::Size];
        let mut places = Places::default();
        if file.page_check {
            places.page = Some(stages.len());
            stages.push(Stage::PageCheck(self.page_check(file)));
        }
        let plain = stages.len();
        if let Some(block) = block {
            places.block = Some(stages.len());
            stages.push(Stage::BlockIncremental(block));
        } else {
            if self.compress != CompressType::None {
                stages.push(Stage::Compress {
                    kind: self.compress,
                    level: self.level,
                    raw,
                });
            }
            if let Some(pass) = &self.pass {
                stages.push(Stage::Encrypt {
                    pass: pass.clone(),
                    raw,
                });
            }
        }
        // A file that is stored as it is has the same checksum on both sides.
        if stages.len() > plain {
            places.repo_checksum = Some(stages.len());
            stages.push(Stage::Sha1);
            places.repo_size = Some(stages.len());
            stages.push(Stage::Size);
        }
        (Pipeline::new(stages), places)
    }

    fn page_check(&self, file: &FileJob) -> PageCheckSettings {
        PageCheckSettings {
            page_size: self.page_size as usize,
            segment_first_block: data_dir::first_page(&file.name, self.page_size),
            header_check: self.header_check,
            reread: true,
        }
    }

    /// Reads a file of the cluster again, for the page check.
    fn reread(&self, file: &FileJob) -> Reread {
        let (storage, path) = (Arc::clone(&self.pg.storage), pg_path(&file.name));
        Arc::new(move |offset, page: &mut [u8]| {
            let range = Range {
                offset,
                length: Some(page.len() as u64),
            };
            let mut read = storage
                .open_read(
                    &path,
                    &ReadOptions {
                        ranges: vec![range],
                        ..Default::default()
                    },
                )
                .ok()?;
            let mut filled = 0;
            while filled < page.len() {
                match read.read(&mut page[filled..]).ok()? {
                    0 => break,
                    got => filled += got,
                }
            }
            Some(filled)
        })
    }
}

/// Outcome of the comparison of one file.
struct Checked {
    /// `None`: it must be copied.
    result: Option<FileResult>,
    repo_invalid: bool,
}

impl Checked {
    fn done(result: FileResult) -> Self {
        Self {
            result: Some(result),
            repo_invalid: false,
        }
    }
}

fn vanished() -> FileResult {
    FileResult::new(Outcome::Vanished, 0, Sha1Digest::EMPTY)
}

/// Which of the reports of a file says what.
#[derive(Default)]
struct Places {
    page: Option<usize>,
    block: Option<usize>,
    repo_checksum: Option<usize>,
    repo_size: Option<usize>,
}

impl Places {
    fn result(&self, reports: &[Report], offset: u64) -> Result<FileResult> {
        let at = |place: Option<usize>| place.and_then(|place| reports.get(place));
        let lost = || Error::new(ErrorCode::Assert, "a stage of the pipeline did not report");
        let checksum = at(Some(0)).and_then(Report::sha1).ok_or_else(lost)?;
        let size = at(Some(1)).and_then(Report::size).ok_or_else(lost)?;
        Ok(FileResult {
            repo_size: at(self.repo_size).and_then(Report::size).unwrap_or(size),
            repo_checksum: at(self.repo_checksum).and_then(Report::sha1),
            bundle_offset: offset,
            map_size: at(self.block)
                .and_then(Report::block)
                .map_or(0, |block| block.map_size),
            page: at(self.page).and_then(Report::page).cloned(),
            ..FileResult::new(Outcome::Stored, size, checksum)
        })
    }
}
