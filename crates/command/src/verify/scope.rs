//! What a run verifies: which archives, which backups, which WAL.

use pgkeep_repo::sets::list_sets_and_closed;
use pgkeep_repo::{ArchiveId, BackupInfo, BackupLabel, layout};
use pgkeep_storage::{InfoLevel, ListOptions};

use super::findings::Findings;
use super::manifest;
use super::result::Status;
use super::settings::Settings;
use super::wal::WalRange;
use crate::error::{ErrorCode, Result};
use crate::hosts::Repository;
use crate::hosts::stanza_info::StanzaInfo;

/// What is verified.
#[derive(Debug)]
pub(super) struct Scope {
    /// Sorted by history id.
    pub archives: Vec<ArchiveId>,
    /// Ascending.
    pub backups: Vec<BackupLabel>,
    /// `Some` with `--set`: only this WAL; an empty range when the backup's manifest cannot be read.
    pub wal: Option<WalRange>,
    /// The newest backup on disk, if it is not listed: it may be in progress.
    pub current: Option<BackupLabel>,
    /// Backups are made by an account that may only add, so one that was aborted stays until a later one is listed.
    pub only_added: bool,
}

impl Scope {
    /// The status of a backup without a manifest, where that is no fault, and what to say of it.
    pub(super) fn unfinished(
        &self,
        label: &BackupLabel,
        info: &BackupInfo,
    ) -> Option<(Status, &'static str)> {
        if self.current.as_ref() == Some(label) {
            // In pgBackRest's words.
            return Some((Status::InProgress, "appears to be in progress"));
        }
        (self.only_added && info.find(label).is_none())
            .then_some((Status::NotFinished, "was not finished"))
    }

    /// The inner error is the text of a finding that leaves nothing to verify.
    pub(super) fn of(
        settings: &Settings,
        repository: &Repository,
        info: &StanzaInfo,
        findings: &mut Findings,
    ) -> Result<std::result::Result<Self, String>> {
        let (storage, stanza) = (&*repository.storage, &settings.stanza);
        let (mut backups, closed) = list_sets_and_closed(storage, stanza)?;
        let mut set = None;
        if let Some(text) = &settings.set {
            let Ok(label) = text.parse::<BackupLabel>() else {
                findings.add(ErrorCode::OptionInvalidValue);
                return Ok(Err(format!(
                    "\n  '{text}' is not a valid backup label format"
                )));
            };
            backups.retain(|other| *other == label);
            if backups.is_empty() {
                findings.add(ErrorCode::BackupSetInvalid);
                return Ok(Err(format!("\n  backup set {label} is not valid")));
            }
            set = Some(label);
        }
        for label in backups
            .iter()
            .filter(|label| info.backup.find(label).is_none())
        {
            log::warn!("backup '{label}' found in the repository but not in backup.info");
        }
        let options = ListOptions {
            level: InfoLevel::Exists,
            ..ListOptions::default()
        };
        let listed = storage
            .list(&layout::archive_path(stanza), &options)?
            .unwrap_or_default();
        let mut archives: Vec<ArchiveId> = listed
            .iter()
            .filter_map(|info| info.name.to_string().parse().ok())
            .collect();
        archives.sort();
        let wal = match &set {
            Some(label) => Some(manifest::needs(
                repository,
                settings,
                info,
                label,
                &mut backups,
            )),
            None => {
                add_listed(&mut backups, &info.backup, findings);
                None
            }
        };
        let current = backups
            .last()
            .filter(|label| info.backup.find(label).is_none())
            .cloned();
        Ok(Ok(Self {
            archives,
            backups,
            wal,
            current,
            only_added: closed || storage.only_adds(),
        }))
    }
}

/// Backups that are listed but whose directories are gone are findings too.
fn add_listed(backups: &mut Vec<BackupLabel>, info: &BackupInfo, findings: &mut Findings) {
    for entry in info.entries() {
        if !backups.contains(&entry.label) {
            log::warn!(
                "backup '{}' found in backup.info but not in the repository",
                entry.label
            );
            findings.note(ErrorCode::FileMissing);
            backups.push(entry.label.clone());
        }
    }
    backups.sort();
}

#[cfg(test)]
mod tests {
    use pgkeep_repo::PgHistory;
    use pgkeep_repo::pg_history::PgHistoryEntry;

    use super::*;

    #[test]
    fn what_is_said_of_a_backup_without_a_manifest_is_its_status() {
        let label = |text: &str| text.parse::<BackupLabel>().unwrap();
        let cluster = PgHistoryEntry {
            id: 1,
            system_id: 7,
            version: "17".to_owned(),
            catalog_version: 1,
            control_version: 2,
        };
        let info = BackupInfo::new(PgHistory::new(cluster), None);
        let (aborted, newest) = (label("20260101-000000F"), label("20260102-000000F"));
        let said = |only_added: bool, of: &BackupLabel| {
            let scope = Scope {
                archives: Vec::new(),
                backups: Vec::new(),
                wal: None,
                current: Some(newest.clone()),
                only_added,
            };
            let found = scope.unfinished(of, &info);
            found.map(|(status, what)| (status.text(), what))
        };
        let running = Some(("in-progress", "appears to be in progress"));
        assert_eq!(said(false, &newest), running);
        assert_eq!(said(true, &newest), running);
        assert_eq!(
            said(true, &aborted),
            Some(("not finished", "was not finished"))
        );
        assert_eq!(said(false, &aborted), None);
    }
}
