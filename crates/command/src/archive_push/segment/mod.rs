//! One file of WAL: what its name and its header say, and what it is called in the archive.
//!
//! The steps are files beside this one: [`read`] it in chunks and hash it, look for a [`duplicate`] in the archive, [`compress`]
//! it and [`store`] it. None of them knows whether a push is synchronous or asynchronous.

pub(super) mod compress;
pub(super) mod duplicate;
pub(super) mod read;
pub(super) mod store;
mod taken;

use std::path::Path;
use std::sync::Arc;

use pgkeep_pipeline::{CompressType, Sha1Digest};
use pgkeep_postgres::wal::header::{HEADER_SIZE, WalHeader};
use pgkeep_postgres::wal::name;
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::{FileInfo, InfoLevel, PipelineRead, ReadOptions, Storage, StoragePath};

use super::repositories::Identity;
use super::settings::Settings;
use crate::archiving::wal_path;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;

/// Whether it is a segment, complete or partial: both take the whole size on disk, and are compressed and checked, unlike the
/// small files beside them.
pub(super) fn is_segment(file: &str) -> bool {
    name::is_segment(file) || name::is_partial(file)
}

/// One file of the WAL directory, which is only read.
#[derive(Debug, Clone)]
pub(super) struct WalFile {
    /// Name of the file, which is its name in the archive as well.
    pub name: String,
    /// Absolute path as text, for messages.
    pub shown: String,
    path: StoragePath,
    storage: Arc<PosixStorage>,
}

impl WalFile {
    /// The file at an absolute path.
    pub(super) fn new(path: &Path) -> Self {
        let shown = path.to_string_lossy().into_owned();
        Self {
            name: wal_path::base_name(&shown).to_owned(),
            shown,
            path: wal_path::from_root(path),
            storage: this_host::directory(Path::new("/")),
        }
    }

    /// As [`is_segment`].
    pub(super) fn is_segment(&self) -> bool {
        is_segment(&self.name)
    }

    /// Size in bytes.
    ///
    /// # Errors
    /// [`ErrorCode::FileOpen`] when it cannot be looked at.
    pub(super) fn size(&self) -> Result<u64> {
        self.size_if_present()?.ok_or_else(|| {
            Error::new(
                ErrorCode::FileOpen,
                format!("unable to get info for missing path/file '{}'", self.shown),
            )
        })
    }

    /// The same; `None` when it is not there.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub(super) fn size_if_present(&self) -> Result<Option<u64>> {
        Ok(self.info()?.map(|info| info.size))
    }

    /// What the directory says of it; `None` when it is not there.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub(super) fn info(&self) -> Result<Option<FileInfo>> {
        Ok(self.storage.info(&self.path, InfoLevel::Basic)?)
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`ErrorCode::FileMissing`], [`ErrorCode::FileOpen`].
    pub(super) fn open(&self) -> Result<Box<dyn PipelineRead>> {
        Ok(self
            .storage
            .open_read(&self.path, &ReadOptions::default())?)
    }

    /// Makes sure that the segment was written by this cluster.
    ///
    /// # Errors
    /// [`ErrorCode::ArchiveMismatch`], or those of a header that cannot be read.
    pub(super) fn check_header(
        &self,
        first: &[u8],
        settings: &Settings,
        identity: &Identity,
    ) -> Result<()> {
        if !settings.header_check || !self.is_segment() {
            return Ok(());
        }
        if first.len() < HEADER_SIZE {
            return Err(Error::new(
                ErrorCode::FileRead,
                format!("unable to read {HEADER_SIZE} byte(s) from '{}'", self.shown),
            ));
        }
        let header = WalHeader::parse(&first[..HEADER_SIZE], settings.version_force)?;
        let version = header.version.to_string();
        if version == identity.version && header.system_id == identity.system_id {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::ArchiveMismatch,
            format!(
                "WAL file '{}' version {version}, system-id {} do not match stanza version {}, system-id {}",
                self.shown, header.system_id, identity.version, identity.system_id
            ),
        ))
    }

    /// The name in the archive: `<segment>-<checksum>.<extension>`, or the plain name without a checksum.
    pub(super) fn stored_name(
        &self,
        checksum: Option<Sha1Digest>,
        compress: CompressType,
    ) -> String {
        match checksum {
            Some(checksum) => format!("{}-{checksum}{}", self.name, compress.extension()),
            None => self.name.clone(),
        }
    }
}
