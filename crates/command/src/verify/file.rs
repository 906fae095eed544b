//! One file or one slice of a bundle: read to its end, measured, compared. Runs on the workers.
//!
//! A worker gets several files at once and opens those that follow while it reads the first, so that on a network with latency no file
//! waits for a round trip of its own.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use pgkeep_pipeline::{Pipeline, Report, Sha1Digest, Stage};
use pgkeep_storage::{PipelineRead, Range, ReadOptions, Storage, StoragePath};

use crate::error::{Error, ErrorCode, Result};
use crate::jobs;
use crate::run::cancel::Cancel;
use crate::run::moved::{Count, Moved};

/// Bytes that one worker has under way ahead of its reading.
const AHEAD_BYTES: u64 = 16 << 20;
/// Files that one worker has opened ahead of its reading.
const AHEAD_FILES: usize = 128;

/// Stands for a repository file and the offset in it: a hash, for a million of them are remembered at once.
pub(super) type FileKey = Sha1Digest;

/// What a file belongs to: position in the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Archive(usize),
    Backup(usize),
}

/// A file to verify.
#[derive(Debug)]
pub(super) struct Item {
    pub owner: Owner,
    pub path: StoragePath,
    /// Only for a file in a bundle.
    pub slice: Option<Range>,
    /// Bytes to read.
    pub stored: u64,
    /// What the bytes go through before they are measured.
    pub stages: Vec<Stage>,
    /// `None`: the manifest does not say, so nothing can be right.
    pub checksum: Option<Sha1Digest>,
    /// `None`: unknown, and not compared.
    pub size: Option<u64>,
}

impl Item {
    pub(super) fn key(&self) -> FileKey {
        let offset = self.slice.map_or(0, |slice| slice.offset);
        Sha1Digest::of(&[self.path.as_bytes(), &b"\0"[..], &offset.to_le_bytes()].concat())
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Missing,
    Checksum,
    Size,
    Other,
}

/// What reading a file came to.
#[derive(Debug)]
pub(super) enum Verdict {
    Valid,
    Fault(Fault),
    /// It could not be read or unpacked.
    Error(Error),
}

/// What all workers share.
#[derive(Debug)]
pub(super) struct Reader {
    pub storage: Arc<dyn Storage>,
    pub cancel: Cancel,
    pub buffer_size: usize,
    pub buffers: jobs::Buffers,
    pub moved: Arc<Moved>,
}

type Opened = pgkeep_storage::Result<Box<dyn PipelineRead>>;

impl Reader {
    /// Verifies files in the order given.
    ///
    /// # Errors
    /// When the repository is out of reach or the run was cancelled; all else is a verdict.
    pub(super) fn run(&self, items: &[Item]) -> Result<jobs::Outcome<Vec<Verdict>>> {
        let mut buffer = self.buffers.take(self.buffer_size.clamp(4096, 256 * 1024));
        let result = self.verify(items, &mut buffer);
        self.buffers.put_back(buffer);
        result.map(jobs::Outcome::Done)
    }

    fn verify(&self, items: &[Item], buffer: &mut [u8]) -> Result<Vec<Verdict>> {
        let mut opened: VecDeque<Opened> = VecDeque::new();
        let (mut next, mut ahead) = (0, 0_u64);
        let mut verdicts = Vec::with_capacity(items.len());
        let mut count = Count::new(&self.moved);
        for item in items {
            while let Some(following) = items.get(next)
                && (opened.is_empty() || (opened.len() < AHEAD_FILES && ahead < AHEAD_BYTES))
            {
                ahead += following.stored;
                opened.push_back(self.open(following));
                next += 1;
            }
            let read = opened
                .pop_front()
                .expect("the item itself was opened above at the latest");
            ahead = ahead.saturating_sub(item.stored);
            count.begin(|| item.path.to_string(), item.stored);
            let verdict = match read
                .map_err(Error::from)
                .and_then(|read| self.measure(item, read, buffer, &mut count))
            {
                Ok(verdict) => verdict,
                Err(error) if error.is_about_the_storage() => return Err(error),
                Err(error) if error.code == ErrorCode::FileMissing => {
                    Verdict::Fault(Fault::Missing)
                }
                Err(error) => Verdict::Error(error),
            };
            count.finish();
            verdicts.push(verdict);
        }
        count.keep();
        Ok(verdicts)
    }

    fn open(&self, item: &Item) -> Opened {
        let options = ReadOptions {
            ranges: item.slice.into_iter().collect(),
            expect: Some(item.stored),
            lazy_open: true,
        };
        self.storage.open_read(&item.path, &options)
    }

    fn measure(
        &self,
        item: &Item,
        mut read: Box<dyn PipelineRead>,
        buffer: &mut [u8],
        count: &mut Count<'_>,
    ) -> Result<Verdict> {
        let Some(checksum) = item.checksum else {
            return Ok(Verdict::Fault(Fault::Checksum));
        };
        let mut stages = item.stages.clone();
        stages.extend([Stage::Sha1, Stage::Size]);
        let mut running = Pipeline::new(stages).start(self.buffer_size);
        let mut sink = std::io::sink();
        loop {
            self.cancel.check()?;
            let got = read.read(buffer)?;
            if got == 0 {
                break;
            }
            running.push_into(&buffer[..got], &mut sink)?;
            count.add(got as u64);
        }
        let reports = running.finish_into(&mut sink)?;
        let measured = match &reports[..] {
            [.., Report::Sha1(sha1), Report::Size(size)] => (*sha1, *size),
            _ => {
                return Err(Error::new(
                    ErrorCode::Assert,
                    "a stage of the pipeline did not report",
                ));
            }
        };
        Ok(match measured {
            (sha1, _) if sha1 != checksum => Verdict::Fault(Fault::Checksum),
            (_, size) if item.size.is_some_and(|expected| expected != size) => {
                Verdict::Fault(Fault::Size)
            }
            _ => Verdict::Valid,
        })
    }
}
