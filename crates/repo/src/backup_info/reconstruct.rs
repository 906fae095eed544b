//! Reconciles `backup.info` with the sets on disk (`docs/format/info-files.md`). The manifests are the truth, the list is
//! their index.
//!
//! Used by the commands that change backups; `info`, `restore` and `verify` take the list as it is.

use std::collections::BTreeSet;

use pgkeep_storage::{InfoLevel, Storage, StoragePath, in_parallel};
use secrecy::SecretString;

use super::{BackupEntry, BackupInfo};
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;
use crate::error::Result;
use crate::layout;
use crate::manifest::Manifest;
use crate::sets::list_sets;
use crate::stanza::Stanza;

/// What was found when the list was reconciled with the sets.
#[derive(Debug, Default)]
pub struct Reconciled {
    /// In pgBackRest's words.
    pub warnings: Vec<String>,
    /// Sets that have a manifest and are no backups for all that: it is not of the name of its directory or of the stanza, or what they
    /// depend on is not there.
    pub refused: BTreeSet<BackupLabel>,
}

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
        let reconciled = info.reconstruct(storage, stanza, &sets)?;
        Ok((info, reconciled.warnings))
    }

    /// Drops entries whose manifest is gone, with all that depend on them, and adopts finished backups that are not
    /// listed. `sets`: labels on disk, ascending.
    pub fn reconstruct(
        &mut self,
        storage: &dyn Storage,
        stanza: &Stanza,
        sets: &[BackupLabel],
    ) -> Result<Reconciled> {
        let complete = complete(storage, stanza, sets)?;
        let mut warnings = self.drop_missing(&complete);
        // Ascending, so a full backup is there before those that depend on it.
        let listed = self.labels();
        for label in complete.iter().filter(|label| !listed.contains(label)) {
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
            if self.accepts(label, &manifest) {
                warnings.push(self.list(manifest.backup_entry()?));
            } else {
                warnings.push(format!(
                    "invalid backup '{label}' cannot be added to current backups"
                ));
            }
        }
        let refused = &complete - &self.labels();
        Ok(Reconciled { warnings, refused })
    }

    /// Drops entries whose manifest is gone, with all that depend on them, and adopts nothing. Returns warnings in pgBackRest's
    /// words.
    pub fn drop_gone(&mut self, storage: &dyn Storage, stanza: &Stanza) -> Result<Vec<String>> {
        let listed: Vec<BackupLabel> = self
            .entries()
            .iter()
            .map(|entry| entry.label.clone())
            .collect();
        let complete = complete(storage, stanza, &listed)?;
        Ok(self.drop_missing(&complete))
    }

    /// Lists a backup that was found. Returns a warning in pgBackRest's words.
    pub fn list(&mut self, entry: BackupEntry) -> String {
        let warning = format!(
            "backup '{}' found in repository added to backup.info",
            entry.label
        );
        self.add(entry);
        warning
    }

    fn drop_missing(&mut self, complete: &BTreeSet<BackupLabel>) -> Vec<String> {
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
        warnings
    }

    /// Whether a backup is what the name of its directory says, of a cluster of the history, and what it depends on is listed. Under
    /// another label it would take the place of the backup that has it.
    fn accepts(&self, label: &BackupLabel, manifest: &Manifest) -> bool {
        let backup = &manifest.backup;
        if backup.label.as_ref() != Some(label) {
            return false;
        }
        // As when it is loaded by the account that adds: what a set began with does not stand in for its manifest.
        if self.closed == Some(true) && backup.timestamp_stop == 0 {
            return false;
        }
        let pg = &manifest.pg;
        let known = self
            .history
            .find(pg.id)
            .is_some_and(|entry| entry.system_id == pg.system_id && entry.version == pg.version);
        known
            && backup
                .prior
                .as_ref()
                .is_none_or(|prior| self.find(prior).is_some())
    }
}

/// Those of `sets` that have a manifest.
fn complete(
    storage: &dyn Storage,
    stanza: &Stanza,
    sets: &[BackupLabel],
) -> Result<BTreeSet<BackupLabel>> {
    let manifests: Vec<StoragePath> = sets
        .iter()
        .map(|label| layout::manifest(stanza, label))
        .collect();
    // One call for all: a slow storage has many requests under way.
    let found = storage.info_many(&manifests, InfoLevel::Exists)?;
    let complete = std::iter::zip(sets, &found).filter(|(_, found)| found.is_some());
    Ok(complete.map(|(label, _)| label.clone()).collect())
}
