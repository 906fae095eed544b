//! What every worker of a backup has: where files come from and go to, and how they are stored.
//!
//! The work itself is in `copy_job`, step by step in `compare` and `copy_file`. Here stands the one way to a file of the
//! cluster that all of them take.

use std::io::Write;
use std::sync::Arc;

use pgkeep_pipeline::{CompressType, Pipeline};
use pgkeep_storage::Storage;
use secrecy::SecretString;

use super::from_standby::{SourceHost, SourceHosts};
use super::job::FileJob;
use crate::error::Result;
use crate::hosts::cluster;
use crate::hosts::pg_host::{FileReceiver, OpenFile, ReadOutcome, ReadRequest};
use crate::hosts::repository::measured::Measure;
use crate::jobs::Buffers;
use crate::run::Context;
use crate::run::cancel::Cancel;
use crate::run::moved::{Count, Moved};

/// What all jobs of a backup have in common.
pub(super) struct Copier {
    pub context: Context,
    pub hosts: SourceHosts,
    pub repo: Arc<dyn Storage>,
    /// Has what is in the repository measured.
    pub measure: Measure,
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
    /// For reading what is in the repository.
    pub buffers: Buffers,
    pub moved: Arc<Moved>,
    /// Small files are made durable together when all are there.
    pub together: bool,
    /// Files that a worker asks a host with latency for at most.
    pub files_ahead: usize,
}

impl std::fmt::Debug for Copier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copier")
            .field("hosts", &self.hosts)
            .field("repo", &self.repo)
            .finish_non_exhaustive()
    }
}

/// How the bytes of one file are wanted.
#[derive(Clone)]
pub(super) struct Wanted {
    pub pipeline: Pipeline,
    /// A file without a byte does not go through the pipeline.
    pub skip_empty: bool,
    /// Only the reports are wanted.
    pub reports_only: bool,
}

impl Copier {
    /// What the host of a file is asked for.
    pub(super) fn request(&self, file: &FileJob, wanted: Wanted) -> ReadRequest {
        ReadRequest {
            path: file.path(),
            // What was added since the manifest was built comes from WAL.
            limit: Some(file.size_original),
            pipeline: wanted.pipeline,
            buffer_size: self.buffer_size,
            may_be_missing: file.may_vanish,
            skip_empty: wanted.skip_empty,
            reports_only: wanted.reports_only,
        }
    }

    /// Reads a file of the cluster on the host that delivers it; it may be under way (`open`). What the standby does not have (yet) comes from the
    /// primary: replay may not have come so far as to make it, and it counts as removed only when the primary has lost it too.
    ///
    /// # Errors
    /// Errors of reading, a stage or the receiver.
    pub(super) fn take(
        &self,
        part: SourceHost,
        file: &FileJob,
        wanted: Wanted,
        open: Option<Box<dyn OpenFile + '_>>,
        receiver: &mut dyn FileReceiver,
    ) -> Result<ReadOutcome> {
        let host = self.hosts.get(part);
        if file.is_control {
            // What is stored is not the file but the image that was checked, which is always there and never empty.
            let (_, image) = cluster::read_control(&self.context, host)?;
            let mut running = wanted.pipeline.start(self.buffer_size);
            running.push_into(&image, receiver)?;
            receiver.progress(image.len() as u64)?;
            return Ok(ReadOutcome::Read(running.finish_into(receiver)?));
        }
        let request = self.request(file, wanted);
        if part == SourceHost::Primary {
            let open = match open {
                Some(open) => open,
                None => host.open_file(request)?,
            };
            return open.deliver(receiver);
        }
        let open = match open {
            Some(open) => open,
            None => host.open_file(request.clone())?,
        };
        match open.deliver(receiver)? {
            ReadOutcome::Missing => {
                let primary = self.hosts.get(SourceHost::Primary);
                primary.open_file(request)?.deliver(receiver)
            }
            outcome => Ok(outcome),
        }
    }
}

/// Counts what was read for the progress, and ends the reading when the run was cancelled. Bytes are thrown away.
pub(super) struct Counter<'a, 'b> {
    pub count: &'a mut Count<'b>,
    pub cancel: &'a Cancel,
}

impl FileReceiver for Counter<'_, '_> {
    fn progress(&mut self, bytes: u64) -> Result<()> {
        self.count.add(bytes);
        self.cancel.check()
    }
}

impl Write for Counter<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
