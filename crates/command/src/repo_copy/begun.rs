//! What an earlier run left of a backup in the target: kept if it is of this very backup, else removed before anything is written.
//!
//! A manifest goes before the files that it names. A note of which backup is copied is there before the first of its files, and goes
//! when the backup is published: files of right size are trusted only where the note says that they are of the same backup with
//! the same key.

use std::io::Write;

use pgkeep_pipeline::{Sha1, Sha1Digest};
use pgkeep_repo::manifest::Made;
use pgkeep_repo::{BackupLabel, Manifest, Stanza, layout};
use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::temporary::TEMP_SUFFIX;
use pgkeep_storage::{FileType, InfoLevel, ListOptions, Storage, WriteOptions};
use secrecy::SecretString;

use super::publish::sync;
use crate::error::{Error, Result};

/// A note is the digits of a checksum.
const NOTE_LIMIT: u64 = 64;
/// What a checksum is made with in place of the version of a program.
const NO_VERSION: &str = "";

/// The set of a backup in the target.
pub(super) struct Begun<'a> {
    pub storage: &'a dyn Storage,
    pub stanza: &'a Stanza,
    pub label: &'a BackupLabel,
    /// What manifests of the target are encrypted with.
    pub pass: Option<&'a SecretString>,
    /// Sets that the target has, ascending, whole or not.
    pub sets: &'a [BackupLabel],
}

impl Begun<'_> {
    /// Begins the set or goes on with it; hands back whether files that have their name and size may be kept. `manifest` has the key
    /// of the target. A set that gets a new key each time (`is_new`) is always begun anew.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn begin(&self, manifest: &Manifest, is_new: bool) -> Result<bool> {
        let note = layout::copied(self.stanza, self.label);
        let digest = checksum(manifest)?.to_string();
        let is_there = self.sets.contains(self.label);
        let goes_on = is_there && !is_new && self.is_noted(&digest)?;
        if goes_on {
            self.remove_temporary()?;
        } else if is_there {
            self.clear()?;
        }
        if !is_new && !goes_on {
            let options = WriteOptions::default();
            write_all(self.storage, &note, &options, digest.as_bytes())?;
        }
        // The newest set that has only the copy of its manifest is one in progress, which an expire on another host leaves alone. Of
        // an older one every program would believe the copy.
        let copy = layout::manifest_copy(self.stanza, self.label);
        if self.sets.last().is_none_or(|newest| newest <= self.label) {
            manifest
                .begin_copy(
                    self.storage,
                    self.stanza,
                    self.label,
                    (self.pass, Made::Elsewhere),
                )?
                .wait()?;
        } else if goes_on {
            self.storage.remove_files(&[copy])?;
        }
        Ok(goes_on)
    }

    /// Removes what the run that died was writing: no later one gives it its name, and it would stay as long as the backup.
    fn remove_temporary(&self) -> Result<()> {
        let set = layout::set_path(self.stanza, self.label);
        let options = ListOptions {
            level: InfoLevel::Type,
            ..ListOptions::default()
        };
        let mut left = Vec::new();
        self.storage.list_tree(&set, &options, &mut |entry| {
            if entry.kind == FileType::File
                && entry.name.as_bytes().ends_with(TEMP_SUFFIX.as_bytes())
            {
                left.push(set.join(entry.name.as_bytes()));
            }
            Ok(())
        })?;
        Ok(self.storage.remove_files(&left)?)
    }

    /// The set is unfinished, and its note is of this backup.
    fn is_noted(&self, digest: &str) -> Result<bool> {
        let note = layout::copied(self.stanza, self.label);
        let noted = match read_all(self.storage, &note, NOTE_LIMIT).map_err(Error::from) {
            Ok(noted) => noted,
            Err(error) if error.is_about_the_storage() => return Err(error),
            // Whatever is wrong with it: a set that is begun anew is always right.
            Err(_) => None,
        };
        let has_manifest = || {
            let path = layout::manifest(self.stanza, self.label);
            let found = self.storage.info(&path, InfoLevel::Exists);
            found.map(|found| found.is_some())
        };
        Ok(noted.as_deref() == Some(digest.as_bytes()) && !has_manifest()?)
    }

    /// Removes the set.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn clear(&self) -> Result<()> {
        let set = layout::set_path(self.stanza, self.label);
        self.storage.remove_files(&[
            layout::manifest(self.stanza, self.label),
            layout::manifest_copy(self.stanza, self.label),
            layout::copied(self.stanza, self.label),
        ])?;
        sync(self.storage, std::slice::from_ref(&set))?;
        self.storage.remove_tree(&set)?;
        Ok(())
    }

    /// The set is not finished by this run: what is there waits for the next one, and is no set in progress any more.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn leave(&self) -> Result<()> {
        let copy = layout::manifest_copy(self.stanza, self.label);
        Ok(self.storage.remove_files(&[copy])?)
    }

    /// The set is published.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn end(&self) -> Result<()> {
        let note = layout::copied(self.stanza, self.label);
        Ok(self.storage.remove_files(&[note])?)
    }
}

/// Of the whole text: it names every file with its checksum, and the key.
fn checksum(manifest: &Manifest) -> Result<Sha1Digest> {
    let mut out = Sha1Write(Sha1::new());
    manifest.write(&mut out, NO_VERSION)?;
    Ok(out.0.finish())
}

struct Sha1Write(Sha1);

impl Write for Sha1Write {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
