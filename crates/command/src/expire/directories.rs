//! Directories of backups that are not listed any more, or never were.

use std::fmt::Display;

use pgkeep_repo::retention::{NewestSet, Protection, unlisted};
use pgkeep_repo::sets::list_sets;
use pgkeep_repo::{BackupInfo, BackupLabel, Manifest, layout};
use pgkeep_storage::InfoLevel;

use super::{Expire, listed};
use crate::error::Result;

impl Expire<'_> {
    /// Removes them, newest first.
    pub(super) fn remove_unlisted(&self, info: &BackupInfo) -> Result<()> {
        let on_disk = list_sets(self.storage(), self.stanza())?;
        let newest = match on_disk.last() {
            Some(label) => self.look_at_newest(info, label)?,
            None => return Ok(()),
        };
        let protection = self
            .settings
            .set
            .as_ref()
            .map_or(Protection::Retention, Protection::Adhoc);
        let gone: Vec<BackupLabel> = unlisted(&on_disk, &listed(info), &newest, protection)
            .into_iter()
            .collect();
        let mut done = 0;
        for group in gone.chunks(self.trees_at_once()) {
            self.context.cancel.check()?;
            self.removing("backup", &group[0], done, gone.len());
            done += group.len();
            for label in group {
                log::info!("{}: remove expired backup {label}", self.name);
                self.removed.directory(label);
            }
            if !self.settings.dry_run {
                let paths: Vec<_> = group
                    .iter()
                    .map(|label| layout::set_path(self.stanza(), label))
                    .collect();
                self.storage().remove_trees(&paths)?;
            }
        }
        Ok(())
    }

    /// Says what is being removed: so many of all are gone already.
    pub(super) fn removing(&self, what: &str, name: &dyn Display, done: usize, all: usize) {
        if !self.settings.dry_run {
            self.context.progress.doing(Some(&format!(
                "{}: removing {what} {name} ({} of {all})",
                self.name,
                done + 1
            )));
        }
    }

    /// Trees that are removed between two checks of whether the run was cancelled.
    pub(super) fn trees_at_once(&self) -> usize {
        if self.storage().has_latency() { 16 } else { 1 }
    }

    /// Whether the newest directory is of a backup that runs now or may be resumed.
    fn look_at_newest(&self, info: &BackupInfo, label: &BackupLabel) -> Result<NewestSet> {
        let (storage, stanza) = (self.storage(), self.stanza());
        let copy = layout::manifest_copy(stanza, label);
        let found = storage.info_many(
            &[layout::manifest(stanza, label), copy.clone()],
            InfoLevel::Exists,
        )?;
        let in_progress = matches!(found[..], [None, Some(_)]);
        let prior = match &self.settings.set {
            Some(set) if in_progress && set.full_part() == label.full_part() => {
                Manifest::load_file(storage, &copy, info.cipher_pass.as_ref())?
                    .backup
                    .prior
            }
            _ => None,
        };
        Ok(NewestSet { in_progress, prior })
    }
}
