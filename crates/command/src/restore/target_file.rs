//! A file in the target: written empty, opened to its owner, given its owner, time and final mode, and flushed.

use pgkeep_postgres::data_dir::CONTROL_FILE;
use pgkeep_repo::manifest::FileRef;
use pgkeep_storage::{FileType, InfoLevel, StoragePath, WriteMode, WriteOptions};

use super::modes;
use super::worker::Worker;
use crate::error::{Error, ErrorCode, Result};

impl Worker<'_> {
    /// A file without content: empty, or as long as in the backup but without blocks on disk.
    pub(super) fn write_zero(&self, file: &FileRef<'_>, place: &StoragePath) -> Result<()> {
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
    pub(super) fn open_to_owner(&self, file: &FileRef<'_>, place: &StoragePath) -> Result<()> {
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
    pub(super) fn settle(&self, file: &FileRef<'_>, place: &StoragePath) -> Result<()> {
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

    pub(super) fn write_options(&self, file: &FileRef<'_>) -> WriteOptions {
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
}
