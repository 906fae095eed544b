//! Directories of backups that are not listed any more, or never were.

use std::collections::BTreeSet;
use std::fmt::Display;

use pgkeep_repo::retention::{Protection, unlisted};
use pgkeep_repo::{BackupInfo, BackupLabel, claims, layout};
use pgkeep_storage::InfoLevel;

use super::Expire;
use super::on_disk::{AT_ONCE, OnDisk};
use crate::error::Result;

impl Expire<'_> {
    /// Tells which directories are removed, newest first; nothing is removed yet. `refused`: sets with a manifest that were no backups
    /// when the list was read. A backup whose manifest another host has published since is no such set: the next run lists it.
    ///
    /// # Errors
    /// Those of looking.
    pub(super) fn unlisted(
        &self,
        info: &BackupInfo,
        on_disk: Option<OnDisk>,
        refused: &BTreeSet<BackupLabel>,
    ) -> Result<Vec<BackupLabel>> {
        let Some(OnDisk { sets, newest }) = on_disk else {
            return Ok(Vec::new());
        };
        let protection = self
            .settings
            .set
            .as_ref()
            .map_or(Protection::Retention, Protection::Adhoc);
        let gone = unlisted(&sets, &info.labels(), &newest, protection);
        let unsure = |label: &&BackupLabel| !self.removed.has(label) && !refused.contains(*label);
        let manifests: Vec<_> = gone
            .iter()
            .filter(unsure)
            .map(|label| layout::manifest(self.stanza(), label))
            .collect();
        let found = self.storage().info_many(&manifests, InfoLevel::Exists)?;
        let mut found = found.into_iter();
        let mut left = Vec::new();
        for label in gone {
            let is_new = unsure(&&label) && found.next().flatten().is_some();
            if is_new {
                log::info!(
                    "{}: backup {label} was finished meanwhile: the next run lists it",
                    self.name
                );
            } else {
                left.push(label);
            }
        }
        Ok(left)
    }

    /// Directories to remove where another host adds backups meanwhile, without a lock that both know: those that have no manifest
    /// and cannot get one any more. One whose manifest has come since the list was read is listed by the next run.
    ///
    /// # Errors
    /// Those of looking.
    pub(super) fn unfinished(
        &self,
        info: &BackupInfo,
        on_disk: Option<OnDisk>,
    ) -> Result<Vec<BackupLabel>> {
        let Some(OnDisk { sets, .. }) = on_disk else {
            return Ok(Vec::new());
        };
        let now = self.context.clock.seconds();
        let manifests: Vec<_> = sets
            .iter()
            .map(|label| layout::manifest(self.stanza(), label))
            .collect();
        let found = self.storage().info_many(&manifests, InfoLevel::Exists)?;
        let listed = info.labels();
        let mut gone: Vec<BackupLabel> = sets
            .into_iter()
            .zip(found)
            // In a dry run those that would be expired have their manifests.
            .filter(|(label, found)| {
                let removed = self.settings.dry_run && self.removed.has(label);
                !listed.contains(label) && (found.is_none() || removed)
            })
            .map(|(label, _)| label)
            .filter(|label| {
                self.removed.has(label)
                    || claims::is_overtaken(label, info.entries())
                    || claims::is_ahead(label, now)
            })
            .collect();
        gone.reverse();
        Ok(gone)
    }

    /// Says that they are removed, and counts them.
    pub(super) fn tell_unlisted(&self, gone: &[BackupLabel]) {
        for label in gone {
            log::info!("{}: remove expired backup {label}", self.name);
            self.removed.directory(label);
        }
    }

    /// Removes them one after the other.
    pub(super) fn remove_unlisted(&self, gone: &[BackupLabel]) -> Result<()> {
        for (done, label) in gone.iter().enumerate() {
            self.context.cancel.check()?;
            self.removing("backup", label, done, gone.len());
            self.tell_unlisted(std::slice::from_ref(label));
            if !self.settings.dry_run {
                let path = layout::set_path(self.stanza(), label);
                self.storage().remove_tree(&path)?;
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
        if self.storage().has_latency() {
            AT_ONCE
        } else {
            1
        }
    }
}
