//! Continuing a full backup that was aborted: which one, and which of its files are worth keeping.
//!
//! Only the newest set can be resumed, and only by the very version that left it. A set that cannot be resumed is removed, so
//! that nothing half-done stays behind a newer backup. Kept files are trusted only after their checksum was verified when
//! their turn to be copied comes.

use std::collections::BTreeSet;

use pgkeep_repo::manifest::{Manifest, ResumedFile};
use pgkeep_repo::{BackupInfo, BackupLabel, BackupType, layout};
use pgkeep_storage::{ErrorKind, FileType, InfoLevel, ListOptions, StoragePath};
use secrecy::SecretString;

use super::plan::Plan;
use super::settings::Settings;
use crate::detail;
use crate::error::Result;
use crate::hosts::Repository;
use crate::run::Context;

/// What resuming needs to know.
pub(super) struct Resume<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub plan: &'a Plan,
    pub repository: &'a Repository,
    /// Passphrase of manifests.
    pub manifest_pass: Option<&'a SecretString>,
}

impl std::fmt::Debug for Resume<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resume")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl Resume<'_> {
    /// Takes over label, passphrase and files of an aborted backup. `false` when there is none that can be resumed. `info` is
    /// reconciled with the sets. `sets` are the labels on disk, ascending. One that had to be removed leaves the list.
    ///
    /// # Errors
    /// Errors of listing and removing.
    pub(super) fn resume(
        &self,
        manifest: &mut Manifest,
        info: &BackupInfo,
        sets: &mut Vec<BackupLabel>,
    ) -> Result<bool> {
        let Some((label, resumed)) = self.find(manifest, info, sets)? else {
            return Ok(false);
        };
        log::warn!(
            "resumable backup {label} of same type exists -- invalid files will be removed then the backup will resume"
        );
        // The files that are kept are encrypted with it.
        manifest.cipher_pass.clone_from(&resumed.cipher_pass);
        let set = layout::set_path(&self.settings.stanza, &label);
        manifest.set_label(label);
        self.clean(&set, manifest, &resumed)?;
        Ok(true)
    }

    /// The aborted backup that can be resumed; one that cannot is removed.
    fn find(
        &self,
        manifest: &Manifest,
        info: &BackupInfo,
        sets: &mut Vec<BackupLabel>,
    ) -> Result<Option<(BackupLabel, Manifest)>> {
        let (storage, stanza) = (&*self.repository.storage, &self.settings.stanza);
        let Some(label) = sets.last().cloned() else {
            return Ok(None);
        };
        // A listed one was seen to be complete when the list was read.
        if info.find(&label).is_some()
            || storage
                .info(&layout::manifest(stanza, &label), InfoLevel::Exists)?
                .is_some()
        {
            return Ok(None);
        }
        if storage.only_adds() {
            log::info!(
                "backup '{label}' was not finished and is begun anew: its files can be neither changed nor removed"
            );
            return Ok(None);
        }
        let wanted = self.settings.resume && self.plan.backup_type == BackupType::Full;
        let reason = match self.check(manifest, &label)? {
            Ok(resumed) => return Ok(Some((label, resumed))),
            Err(reason) => reason,
        };
        let level = if wanted {
            log::Level::Warn
        } else {
            log::Level::Info
        };
        log::log!(level, "backup '{label}' cannot be resumed: {reason}");
        match storage.remove_tree(&layout::set_path(stanza, &label)) {
            Ok(_) => drop(sets.pop()),
            // A key that may remove nothing. The set is not the newest any more once this backup has begun: whoever expires removes it.
            Err(error) if error.kind == ErrorKind::Denied => {
                log::warn!("backup '{label}' is left for expire: {error}");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(None)
    }

    /// The manifest of an aborted backup, or why it cannot be resumed.
    fn check(
        &self,
        manifest: &Manifest,
        label: &BackupLabel,
    ) -> Result<std::result::Result<Manifest, String>> {
        let (storage, stanza) = (&*self.repository.storage, &self.settings.stanza);
        if self.plan.backup_type != BackupType::Full {
            return Ok(Err("resume only valid for full backup".to_owned()));
        }
        let copy = layout::manifest_copy(stanza, label);
        if storage.info(&copy, InfoLevel::Exists)?.is_none() {
            return Ok(Err(
                "partially deleted by prior resume or invalid".to_owned()
            ));
        }
        if !self.settings.resume {
            return Ok(Err("resume is disabled".to_owned()));
        }
        // Whatever is wrong with it: a backup that starts afresh is always right.
        let Ok(mut resumed) = Manifest::load_file(storage, &copy, self.manifest_pass) else {
            return Ok(Err(format!(
                "unable to read <REPO:BACKUP>/{label}/backup.manifest.copy"
            )));
        };
        Ok(match self.difference(manifest, &mut resumed) {
            None => Ok(resumed),
            Some(reason) => Err(reason),
        })
    }

    fn difference(&self, manifest: &Manifest, resumed: &mut Manifest) -> Option<String> {
        // pgBackRest resumes only what its own version left, and so does this program. But it knows what pgBackRest leaves as
        // well as its own.
        if is_pgbackrest_of_this_format(&resumed.version) {
            resumed.version.clone_from(&manifest.version);
        }
        manifest
            .resume_obstacle(resumed, self.plan.compress)
            .or_else(|| {
                // A repository that was made anew, with or without encryption, around what an old one left.
                (resumed.cipher_pass.is_some() != self.settings.encrypted)
                    .then(|| "encryption does not match resumable encryption".to_owned())
            })
    }

    /// Goes through what the aborted backup left and removes what cannot be used: all of it at the end, in as few requests as
    /// the storage needs for many files.
    fn clean(&self, set: &StoragePath, manifest: &mut Manifest, resumed: &Manifest) -> Result<()> {
        self.context.cancel.check()?;
        let storage = &*self.repository.storage;
        let options = ListOptions {
            level: InfoLevel::Type,
            sort: true,
        };
        let mut left = Left::default();
        storage.list_tree(set, &options, &mut |entry| {
            let name = entry.name.as_bytes();
            if left.is_below_a_tree(name) {
                return Ok(());
            }
            let path = set.join(name);
            match entry.kind {
                FileType::Path if manifest.path(name).is_some() => {}
                FileType::Path => {
                    detail!(
                        "remove path '{}' from resumed backup",
                        storage.display(&path)
                    );
                    left.names.insert(name.to_vec());
                    left.trees.push(path);
                }
                // It stays until it is written again: without it this backup could not be resumed once more.
                FileType::File if name == b"backup.manifest.copy" => {}
                FileType::File => {
                    let verdict = manifest.resume_file(
                        resumed,
                        name,
                        self.plan.compress,
                        self.plan.delta,
                        self.settings.bundle.map(|bundle| bundle.limit),
                    );
                    if let ResumedFile::Remove(reason) = verdict {
                        detail!(
                            "remove file '{}' from resumed backup ({reason})",
                            storage.display(&path)
                        );
                        left.files.push(path);
                    }
                }
                FileType::Link => left.files.push(path),
                FileType::Special => {
                    log::warn!(
                        "remove special file '{}' from resumed backup",
                        storage.display(&path)
                    );
                    left.files.push(path);
                }
            }
            Ok(())
        })?;
        self.context.cancel.check()?;
        storage.remove_trees(&left.trees)?;
        storage.remove_files(&left.files)?;
        Ok(())
    }
}

/// What cannot be used of an aborted backup.
#[derive(Debug, Default)]
struct Left {
    files: Vec<StoragePath>,
    trees: Vec<StoragePath>,
    /// Names of the trees inside the set.
    names: BTreeSet<Vec<u8>>,
}

impl Left {
    fn is_below_a_tree(&self, name: &[u8]) -> bool {
        let mut slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.any(|(at, _)| self.names.contains(&name[..at]))
    }
}

/// Whether a version is one of pgBackRest's that store files as this program does: 2.46 to 2.60 (docs/format/versions.md).
fn is_pgbackrest_of_this_format(version: &str) -> bool {
    let mut parts = version.split('.');
    parts.next() == Some("2")
        && parts
            .next()
            .and_then(|minor| minor.parse::<u32>().ok())
            .is_some_and(|minor| (46..=60).contains(&minor))
}

#[cfg(test)]
mod tests {
    use super::is_pgbackrest_of_this_format;

    #[test]
    fn only_versions_of_the_same_format_are_resumed() {
        for version in ["2.46", "2.55.1", "2.60.0"] {
            assert!(is_pgbackrest_of_this_format(version), "{version}");
        }
        for version in ["2.45", "2.61.0", "1.55", "2.x", "2", "pgkeep 2.50"] {
            assert!(!is_pgbackrest_of_this_format(version), "{version}");
        }
    }
}
