//! Continuing a full backup that was aborted (spec 7.5): which one, and which of its files are worth keeping.
//!
//! Only the newest set can be resumed, and only by the very version that left it. A set that cannot be resumed is removed, so
//! that nothing half-done stays behind a newer backup. Kept files are trusted only after their checksum was verified when
//! their turn to be copied comes.

use pgkeep_pipeline::CompressType;
use pgkeep_repo::layout::{self, BLOCK_EXTENSION};
use pgkeep_repo::manifest::Manifest;
use pgkeep_repo::{BackupLabel, BackupType, info_file};
use pgkeep_storage::{FileType, InfoLevel, ListOptions, Storage, StoragePath};
use secrecy::SecretString;

use super::label;
use super::plan::Plan;
use super::settings::Settings;
use crate::detail;
use crate::error::Result;
use crate::runtime::{Context, Repository};

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
        f.debug_struct("Resume").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl Resume<'_> {
    /// Takes over label, passphrase and files of an aborted backup; `false` when there is none that can be resumed.
    ///
    /// # Errors
    /// What listing and removing meets.
    pub(super) fn resume(&self, manifest: &mut Manifest) -> Result<bool> {
        let Some((label, resumed)) = self.find(manifest)? else { return Ok(false) };
        log::warn!(
            "resumable backup {label} of same type exists -- invalid files will be removed then the backup will resume"
        );
        // The files that are kept are encrypted with it.
        manifest.cipher_pass.clone_from(&resumed.cipher_pass);
        let set = layout::set_path(&self.settings.stanza, &label);
        manifest.set_label(label);
        self.clean(&set, &StoragePath::root(), manifest, &resumed)?;
        Ok(true)
    }

    /// The aborted backup that can be resumed; one that cannot is removed.
    fn find(&self, manifest: &Manifest) -> Result<Option<(BackupLabel, Manifest)>> {
        let (storage, stanza) = (&*self.repository.storage, &self.settings.stanza);
        let sets = label::labels(&label::names(storage, &layout::backup_path(stanza))?, "");
        let Some(label) = sets.into_iter().max() else { return Ok(None) };
        if storage.info(&layout::manifest(stanza, &label), InfoLevel::Exists)?.is_some() {
            return Ok(None);
        }
        let wanted = self.settings.resume && self.plan.backup_type == BackupType::Full;
        let reason = match self.judge(manifest, &label)? {
            Ok(resumed) => return Ok(Some((label, resumed))),
            Err(reason) => reason,
        };
        let level = if wanted { log::Level::Warn } else { log::Level::Info };
        log::log!(level, "backup '{label}' cannot be resumed: {reason}");
        storage.remove_tree(&layout::set_path(stanza, &label))?;
        Ok(None)
    }

    /// The manifest of an aborted backup, or why it cannot be resumed.
    fn judge(&self, manifest: &Manifest, label: &BackupLabel) -> Result<std::result::Result<Manifest, String>> {
        let (storage, stanza) = (&*self.repository.storage, &self.settings.stanza);
        if self.plan.backup_type != BackupType::Full {
            return Ok(Err("resume only valid for full backup".to_owned()));
        }
        let copy = layout::manifest_copy(stanza, label);
        if storage.info(&copy, InfoLevel::Exists)?.is_none() {
            return Ok(Err("partially deleted by prior resume or invalid".to_owned()));
        }
        if !self.settings.resume {
            return Ok(Err("resume is disabled".to_owned()));
        }
        // Whatever is wrong with it: a backup that starts afresh is always right.
        let Ok(resumed) = Manifest::load_file(storage, &copy, self.manifest_pass) else {
            return Ok(Err(format!("unable to read <REPO:BACKUP>/{label}/backup.manifest.copy")));
        };
        Ok(match self.difference(manifest, &resumed) {
            None => Ok(resumed),
            Some(reason) => Err(reason),
        })
    }

    fn difference(&self, manifest: &Manifest, resumed: &Manifest) -> Option<String> {
        if resumed.version != info_file::PROGRAM_VERSION {
            return Some(format!(
                "new pgBackRest version '{}' does not match resumable pgBackRest version '{}'",
                info_file::PROGRAM_VERSION,
                resumed.version
            ));
        }
        if resumed.backup.backup_type != self.plan.backup_type {
            return Some(format!(
                "new backup type '{}' does not match resumable backup type '{}'",
                self.plan.backup_type, resumed.backup.backup_type
            ));
        }
        if resumed.backup.prior != manifest.backup.prior {
            let shown = |label: &Option<BackupLabel>| label.as_ref().map_or("<undef>".to_owned(), ToString::to_string);
            return Some(format!(
                "new prior backup label '{}' does not match resumable prior backup label '{}'",
                shown(&resumed.backup.prior),
                shown(&manifest.backup.prior)
            ));
        }
        if resumed.options.compress_type != self.plan.compress {
            return Some(format!(
                "new compression '{}' does not match resumable compression '{}'",
                self.plan.compress, resumed.options.compress_type
            ));
        }
        // A repository that was made anew with or without encryption under the same path.
        (resumed.cipher_pass.is_some() != self.settings.encrypted)
            .then(|| "encryption does not match resumable encryption".to_owned())
    }

    /// Goes through what the aborted backup left below `below` and removes what cannot be used.
    fn clean(&self, set: &StoragePath, below: &StoragePath, manifest: &mut Manifest, resumed: &Manifest) -> Result<()> {
        self.context.cancel.check()?;
        let storage = &*self.repository.storage;
        let options = ListOptions { level: InfoLevel::Type, sort: true, ..ListOptions::default() };
        for entry in storage.list(&set.join(below.as_bytes()), &options)?.unwrap_or_default() {
            let name = below.join(entry.name.as_bytes());
            let path = set.join(name.as_bytes());
            match entry.kind {
                FileType::Path if manifest.path(name.as_bytes()).is_some() => self.clean(set, &name, manifest, resumed)?,
                FileType::Path => {
                    detail!("remove path '{}' from resumed backup", storage.display(&path));
                    storage.remove_tree(&path)?;
                }
                // It stays until it is written again: without it this backup could not be resumed once more.
                FileType::File if name.as_bytes() == b"backup.manifest.copy" => {}
                FileType::File => {
                    if let Some(reason) = self.keep_or_reason(name.as_bytes(), manifest, resumed) {
                        detail!("remove file '{}' from resumed backup ({reason})", storage.display(&path));
                        storage.remove(&path)?;
                    }
                }
                FileType::Link => {
                    storage.remove(&path)?;
                }
                FileType::Special => {
                    log::warn!("remove special file '{}' from resumed backup", storage.display(&path));
                    storage.remove(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Marks a file of the aborted backup to be verified instead of copied, or says why it must go.
    fn keep_or_reason(&self, stored: &[u8], manifest: &mut Manifest, resumed: &Manifest) -> Option<&'static str> {
        let (name, kind) = without_extension(stored);
        let (name, block) = match name.strip_suffix(BLOCK_EXTENSION.as_bytes()) {
            Some(name) => (name, true),
            None => (name, false),
        };
        if kind != self.plan.compress && !block {
            return Some("mismatched compression type");
        }
        let Some(position) = manifest.file_position(name) else { return Some("missing in manifest") };
        let Some(before) = resumed.file(name) else { return Some("missing in resumed manifest") };
        let mut file = manifest.file_at(position).data;
        if before.checksum.is_none() {
            return Some("no checksum in resumed manifest");
        }
        if file.size != before.size {
            return Some("mismatched size");
        }
        if !self.plan.delta && file.timestamp != before.timestamp {
            return Some("mismatched timestamp");
        }
        if file.size == 0 {
            return Some("zero size");
        }
        file.repo_size = before.repo_size;
        file.checksum = before.checksum;
        file.repo_checksum = before.repo_checksum;
        file.block = before.block;
        file.page_check = before.page_check.clone();
        file.resume = true;
        file.delta = self.plan.delta;
        manifest.update_file_at(position, &file);
        None
    }
}

/// A name without the extension of its compression, and that compression.
fn without_extension(name: &[u8]) -> (&[u8], CompressType) {
    CompressType::ALL
        .into_iter()
        .skip(1)
        .find_map(|kind| Some((name.strip_suffix(kind.extension().as_bytes())?, kind)))
        .unwrap_or((name, CompressType::None))
}
