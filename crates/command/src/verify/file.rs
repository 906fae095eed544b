//! One file or one slice of a bundle: measured on the host of the repository, and compared here. Runs on the workers.
//!
//! A worker gets several files at once and asks for all of them together, so that on a network with latency no file waits for a
//! round trip of its own, and of a repository on another host no stored byte crosses.

use std::sync::Arc;

use pgkeep_pipeline::Sha1Digest;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository::measured::Measure;
use crate::hosts::repository::measured::file::{Measured, StoredFile, Told};
use crate::hosts::repository::measured::local::Reading;
use crate::jobs;
use crate::run::cancel::Cancel;
use crate::run::moved::{Count, Moved};

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
    /// Which file of its backup or its directory of WAL.
    pub position: u64,
    pub file: StoredFile,
    /// Bytes to read.
    pub stored: u64,
    /// `None`: the manifest does not say, so nothing can be right.
    pub checksum: Option<Sha1Digest>,
    /// `None`: unknown, and not compared.
    pub size: Option<u64>,
}

impl Item {
    pub(super) fn key(&self) -> FileKey {
        let offset = self.file.slice.map_or(0, |slice| slice.offset);
        Sha1Digest::of(&[self.file.path.as_bytes(), &b"\0"[..], &offset.to_le_bytes()].concat())
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
    pub measure: Measure,
    pub cancel: Cancel,
    pub buffer_size: usize,
    pub buffers: jobs::Buffers,
    pub moved: Arc<Moved>,
}

impl Reader {
    /// Verifies files in the order given.
    ///
    /// # Errors
    /// When the repository is out of reach or the run was cancelled; all else is a verdict.
    pub(super) fn run(&self, items: &[Item]) -> Result<jobs::Outcome<Vec<Verdict>>> {
        let mut verdicts = Vec::with_capacity(items.len());
        let mut count = Count::new(&self.moved);
        let begin = |count: &mut Count<'_>, at: usize| {
            if let Some(item) = items.get(at) {
                count.begin(|| item.file.path.to_string(), item.stored);
            }
        };
        begin(&mut count, 0);
        let files: Vec<&StoredFile> = items.iter().map(|item| &item.file).collect();
        let reading = Reading {
            cancel: &self.cancel,
            buffers: &self.buffers,
            buffer_size: self.buffer_size,
        };
        self.measure.run(reading, &files, &mut |told| {
            match told {
                Told::Read(bytes) => count.add(bytes),
                Told::Done(measured) => {
                    verdicts.push(items[verdicts.len()].verdict(measured));
                    count.finish();
                    begin(&mut count, verdicts.len());
                }
            }
            Ok(())
        })?;
        count.keep();
        Ok(jobs::Outcome::Done(verdicts))
    }
}

impl Item {
    fn verdict(&self, measured: Result<Measured>) -> Verdict {
        match measured {
            Ok(measured) if self.checksum != Some(measured.sha1) => Verdict::Fault(Fault::Checksum),
            Ok(measured) if self.size.is_some_and(|size| size != measured.size) => {
                Verdict::Fault(Fault::Size)
            }
            Ok(_) => Verdict::Valid,
            Err(error) if error.code == ErrorCode::FileMissing => Verdict::Fault(Fault::Missing),
            Err(error) => Verdict::Error(error),
        }
    }
}
