//! The file to push: what its name and its header say, its checksum, and what it is called in the archive.
//!
//! Nothing here knows repositories; the file itself is only read.

use std::path::Path;

use pgkeep_pipeline::{CompressType, Sha1, Sha1Digest};
use pgkeep_postgres::wal::header::{HEADER_SIZE, WalHeader};
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::{FileInfo, InfoLevel, PipelineRead, ReadOptions, Storage, StoragePath};

use super::queue;
use super::settings::Settings;
use super::target::Identity;
use crate::archiving::wal_path;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;
use crate::run::cancel::Cancel;

/// One file of the WAL directory.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Name of the file, which is its name in the archive as well.
    pub name: String,
    /// Absolute path as text, for messages.
    pub shown: String,
    path: StoragePath,
    storage: std::sync::Arc<PosixStorage>,
}

impl Source {
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

    /// Whether it is a segment, complete or partial: compressed and checked, unlike the small files beside them.
    pub(super) fn is_segment(&self) -> bool {
        queue::is_segment(&self.name)
    }

    /// Size in bytes.
    ///
    /// # Errors
    /// [`ErrorCode::FileOpen`] when it cannot be looked at.
    pub(super) fn size(&self) -> Result<u64> {
        self.size_now()?.ok_or_else(|| {
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
    pub(super) fn size_now(&self) -> Result<Option<u64>> {
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

/// Reads to the end, a buffer at a time, telling `each` of every buffer, and returns the checksum of all.
///
/// # Errors
/// Those of reading and of `each`; [`ErrorCode::Term`] when the run was cancelled.
pub(super) fn read_hashed(
    mut read: Box<dyn PipelineRead>,
    mut buffer: impl FnMut() -> Vec<u8>,
    cancel: &Cancel,
    mut each: impl FnMut(Vec<u8>) -> Result<()>,
) -> Result<Sha1Digest> {
    let mut sha1 = Sha1::new();
    loop {
        cancel.check()?;
        let buffer = fill(&mut *read, buffer())?;
        if buffer.is_empty() {
            return Ok(sha1.finish());
        }
        sha1.update(&buffer);
        each(buffer)?;
    }
}

/// The next bytes, as many as a buffer holds; empty at the end.
///
/// # Errors
/// Those of reading.
pub(super) fn read_piece(read: &mut dyn PipelineRead, buffer_size: usize) -> Result<Vec<u8>> {
    fill(read, vec![0; buffer_size])
}

/// The same into a buffer that is there.
fn fill(read: &mut dyn PipelineRead, mut buffer: Vec<u8>) -> Result<Vec<u8>> {
    let mut filled = 0;
    // `read_to_end` would begin with small reads again for every piece.
    while filled < buffer.len() {
        match read.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}
