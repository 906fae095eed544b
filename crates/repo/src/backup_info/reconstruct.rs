//! Reconciles `backup.info` with the sets on disk (`docs/format/info-files.md`). The manifests are the truth, the list is
//! their index.
//!
//! Used by the commands that change backups; `info`, `restore` and `verify` take the list as it is.

use std::collections::BTreeSet;

use pgkeep_storage::{InfoLevel, Storage, StoragePath, in_parallel};
use secrecy::SecretString;

use super::BackupInfo;
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;
use crate::error::Result;
use crate::layout;
use crate::manifest::Manifest;
use crate::sets::list_sets;
use crate::stanza::Stanza;

impl BackupInfo {
    /// Loads the stanza's file and reconciles it; returns warnings in pgBackRest's words.
    pub fn load_reconstructed(
        storage: &dyn Storage,
        stanza: &Stanza,
        pass: Option<&SecretString>,
    ) -> Result<(Self, Vec<String>)> {
        let (mut info, sets) = in_parallel(
            storage,
            || Self::load(storage, stanza, pass),
            || list_sets(storage, stanza),
        )?;
        let warnings = info.reconstruct(storage, stanza, &sets)?;
        Ok((info, warnings))
    }

    /// Drops entries whose manifest is gone, with all that depend on them, and adopts finished backups that are not
    /// listed. `sets`: labels on disk, ascending. Returns warnings in pgBackRest's words.
    pub fn reconstruct(
        &mut self,
        storage: &dyn Storage,
        stanza: &Stanza,
        sets: &[BackupLabel],
    ) -> Result<Vec<String>> {
        let manifests: Vec<StoragePath> = sets
            .iter()
            .map(|label| layout::manifest(stanza, label))
            .collect();
        // One call for all: a slow storage has many requests under way.
        let found = storage.info_many(&manifests, InfoLevel::Exists)?;
        let complete: BTreeSet<&BackupLabel> = sets
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_some())
            .map(|(label, _)| label)
            .collect();

        let mut warnings = Vec::new();
        let listed: Vec<BackupLabel> = self
            .entries()
            .iter()
            .map(|entry| entry.label.clone())
            .collect();
        for label in listed.iter().filter(|label| !complete.contains(label)) {
            if self.find(label).is_none() {
                // Went with the one it depended on.
                continue;
            }
            for gone in self.dependents(label).iter().rev() {
                warnings.push(format!(
                    "backup '{gone}' missing manifest removed from backup.info"
                ));
                self.remove(gone);
            }
        }
        // Ascending, so a full backup is there before those that depend on it.
        let listed: BTreeSet<BackupLabel> = self
            .entries()
            .iter()
            .map(|entry| entry.label.clone())
            .collect();
        for label in complete.into_iter().filter(|label| !listed.contains(label)) {
            let set_is_listed = self
                .entries()
                .iter()
                .any(|entry| entry.label.full_part() == label.full_part());
            if label.backup_type() != BackupType::Full && !set_is_listed {
                // Its prior is in the same set, so it cannot be adopted whatever its manifest says.
                continue;
            }
            let manifest = match Manifest::load(storage, stanza, label, self.cipher_pass.as_ref()) {
                // Anybody who may add can add nonsense, and it must not hide what is sound.
                Err(error) if storage.only_adds() && !error.kind.is_unreachable() => {
                    warnings.push(format!("backup '{label}' cannot be read: {error}"));
                    continue;
                }
                other => other?,
            };
            if self.accepts(&manifest) {
                warnings.push(format!(
                    "backup '{label}' found in repository added to backup.info"
                ));
                self.add(manifest.backup_entry()?);
            } else {
                warnings.push(format!(
                    "invalid backup '{label}' cannot be added to current backups"
                ));
            }
        }
        Ok(warnings)
    }

    /// Whether a backup is of a cluster of the history and what it depends on is listed.
    fn accepts(&self, manifest: &Manifest) -> bool {
        let pg = &manifest.pg;
        let known = self
            .history
            .find(pg.id)
            .is_some_and(|entry| entry.system_id == pg.system_id && entry.version == pg.version);
        known
            && manifest
                .backup
                .prior
                .as_ref()
                .is_none_or(|prior| self.find(prior).is_some())
    }
}
