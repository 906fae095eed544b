//! The WAL a backup needs: it must be in the archive, and with `archive-copy` it goes into the backup as well.

use std::io::{Read, Write};

use pgkeep_pipeline::{CompressType, Pipeline, Report, Sha1Digest, Stage};
use pgkeep_postgres::data_dir::wal_dir;
use pgkeep_postgres::lsn::Lsn;
use pgkeep_postgres::wal::segment::WalSegment;
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::layout::{self, StoredAs};
use pgkeep_repo::manifest::{FileData, Manifest};
use pgkeep_repo::{ArchiveId, ArchiveInfo};
use pgkeep_storage::{ReadOptions, WriteOptions};
use secrecy::SecretString;

use super::cluster::Source;
use super::plan::Plan;
use super::settings::Settings;
use super::stop::base_attributes;
use crate::detail;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;
use crate::run::Context;
use crate::wal::find::WalFind;

/// The archive the cluster's WAL goes to.
#[derive(Debug)]
pub(super) struct Archive {
    pub id: ArchiveId,
    /// Passphrase of the WAL.
    pub pass: Option<SecretString>,
}

impl Archive {
    /// Loads `archive.info`; `None` when the backup does not check the archive.
    ///
    /// # Errors
    /// When the file cannot be loaded.
    pub(super) fn load(settings: &Settings, repository: &Repository) -> Result<Option<Self>> {
        if !settings.archive_check {
            return Ok(None);
        }
        let info = ArchiveInfo::load(
            &*repository.storage,
            &settings.stanza,
            repository.pass.as_ref(),
        )?;
        Ok(Some(Self {
            id: info.history.current().archive_id(),
            pass: info.cipher_pass,
        }))
    }

    /// Looks for segments with the timeout of the backup.
    pub(super) fn finder<'a>(
        &'a self,
        settings: &'a Settings,
        repository: &'a Repository,
    ) -> WalFind<'a> {
        WalFind::new(
            &*repository.storage,
            &settings.stanza,
            &self.id,
            settings.archive_timeout,
        )
    }
}

/// What the check needs to know of the backup.
pub(super) struct Needed<'a> {
    pub settings: &'a Settings,
    pub plan: &'a Plan,
    pub repository: &'a Repository,
    pub archive: &'a Archive,
    /// First and last position of the WAL the backup needs.
    pub start: Lsn,
    pub stop: Lsn,
}

impl std::fmt::Debug for Needed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Needed")
            .field("start", &self.start)
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl Needed<'_> {
    /// The first and the last segment, for the log.
    pub(super) fn ends(&self, source: &Source) -> (WalSegment, WalSegment) {
        let (timeline, size) = (source.control.timeline, source.control.wal_segment_size);
        (
            WalSegment::from_lsn(timeline, self.start, size),
            WalSegment::from_lsn(timeline, self.stop, size),
        )
    }

    /// Waits for every segment and copies it into the backup where that is asked for.
    ///
    /// # Errors
    /// Those of waiting, reading and writing.
    pub(super) fn check_and_copy(
        &self,
        context: &Context,
        source: &Source,
        manifest: &mut Manifest,
    ) -> Result<()> {
        let (timeline, size) = (source.control.timeline, source.control.wal_segment_size);
        let mut finder = self.archive.finder(self.settings, self.repository);
        for segment in WalSegment::range(timeline, self.start, self.stop, size) {
            let stored = finder.wait_for(context, &segment.to_string())?;
            if let (Some(stored), true) = (stored, self.settings.archive_copy) {
                detail!("copy segment {segment} to backup");
                self.copy(context, source, &stored, manifest)?;
            }
        }
        Ok(())
    }

    /// Copies a stored segment into the backup's WAL directory, with the compression and the passphrase of the backup.
    fn copy(
        &self,
        context: &Context,
        source: &Source,
        stored: &StoredSegment,
        manifest: &mut Manifest,
    ) -> Result<()> {
        let lost = || Error::new(ErrorCode::Assert, "the manifest has no label yet");
        let label = manifest.backup.label.clone().ok_or_else(lost)?;
        let (stanza, storage) = (&self.settings.stanza, &*self.repository.storage);
        let name = format!(
            "pg_data/{}/{}",
            wal_dir(source.control.version),
            stored.segment()
        );
        let target = layout::backup_file(
            stanza,
            &label,
            name.as_bytes(),
            StoredAs::Whole(self.plan.compress.extension()),
        );
        let path = layout::archive_file(stanza, &self.archive.id, &stored.to_string());
        let mut read = storage.open_read(&path, &ReadOptions::default())?;
        let mut write = storage.open_write(&target, &WriteOptions::default())?;
        let mut running = self
            .pipeline(stored, manifest.cipher_pass.as_ref())
            .start(self.settings.buffer_bytes());
        let mut buffer = vec![0; self.settings.buffer_bytes()];
        loop {
            context.cancel.check()?;
            match read.read(&mut buffer)? {
                0 => break,
                got => running.push_into(&buffer[..got], &mut WriteTo(&mut *write))?,
            }
        }
        let reports = running.finish_into(&mut WriteTo(&mut *write))?;
        // Waited for: the manifest must not name a file that is not there.
        write.finish()?.wait()?;
        let size = u64::from(source.control.wal_segment_size);
        let checksum: Sha1Digest = stored.checksum.parse()?;
        let data = FileData {
            size,
            size_original: size,
            repo_size: reports.last().and_then(Report::size).unwrap_or(size),
            timestamp: manifest.backup.timestamp_stop,
            checksum: Some(checksum),
            ..base_attributes(manifest)
        };
        manifest.add_file(name.as_bytes(), &data);
        Ok(())
    }

    fn pipeline(&self, stored: &StoredSegment, pass: Option<&SecretString>) -> Pipeline {
        let mut stages = Vec::new();
        if let Some(pass) = &self.archive.pass {
            stages.push(Stage::Decrypt {
                pass: pass.clone(),
                raw: false,
            });
        }
        let (from, to) = (
            CompressType::from_extension(&stored.extension),
            self.plan.compress,
        );
        if from != to {
            stages.push(Stage::Decompress {
                kind: from,
                raw: false,
            });
            stages.push(Stage::Compress {
                kind: to,
                level: self.plan.level,
                raw: false,
            });
        }
        if let Some(pass) = pass {
            stages.push(Stage::Encrypt {
                pass: pass.clone(),
                raw: false,
            });
        }
        stages.push(Stage::Size);
        Pipeline::new(stages)
    }
}

/// A storage's writer as a plain one.
struct WriteTo<'a>(&'a mut dyn pgkeep_storage::StorageWrite);

impl Write for WriteTo<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}
