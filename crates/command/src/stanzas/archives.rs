//! Reads which WAL each archive of a stanza holds.

use pgkeep_repo::pg_history::PgHistoryEntry;
use pgkeep_repo::{ArchiveId, ArchiveInfo, BackupInfo, Stanza, archive, layout};
use pgkeep_storage::{InfoLevel, ListOptions, Storage};

use super::report::ArchiveReport;
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::Repository;
use crate::wal::archive::WalArchive;
use crate::wal::window::Wal;

/// First and last segment of every cluster the stanza has had.
pub(crate) fn archives(
    storage: &dyn Storage,
    stanza: &Stanza,
    info: &BackupInfo,
    archive_info: &ArchiveInfo,
) -> Result<Vec<ArchiveReport>> {
    let entries = info.history.entries();
    let mut reports = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let id = archive_id(entry, archive_info)?;
        let path = layout::archive_id_path(stanza, &id);
        let options = ListOptions {
            level: InfoLevel::Exists,
            sort: true,
        };
        let directories: Vec<String> = storage
            .list(&path, &options)?
            .unwrap_or_default()
            .into_iter()
            .map(|info| info.name.to_string())
            .filter(|name| archive::is_wal_directory(name))
            .collect();
        let segments = |directory: &String| -> Result<Vec<String>> {
            let path = layout::wal_path(stanza, &id, directory);
            let listed = storage.list(&path, &options)?.unwrap_or_default();
            Ok(listed
                .into_iter()
                .filter_map(|info| archive::StoredSegment::parse(&info.name.to_string()))
                .filter(|stored| !stored.is_partial())
                .map(|stored| stored.segment().to_owned())
                .collect())
        };
        let mut min = None;
        for directory in &directories {
            min = segments(directory)?.into_iter().next();
            if min.is_some() {
                break;
            }
        }
        let mut max = None;
        for directory in directories.iter().rev() {
            max = segments(directory)?.into_iter().next_back();
            if max.is_some() {
                break;
            }
        }
        reports.push(ArchiveReport {
            entry: entry.clone(),
            id,
            min,
            max,
            newest: at + 1 == entries.len(),
        });
    }
    Ok(reports)
}

/// All WAL of every archive that has some.
pub(crate) fn wal(
    repository: &Repository,
    stanza: &Stanza,
    archives: &[ArchiveReport],
    archive_info: &ArchiveInfo,
) -> Result<Vec<(ArchiveId, Wal)>> {
    let mut found = Vec::new();
    for report in archives.iter().filter(|report| report.min.is_some()) {
        let (storage, pass) = (&*repository.storage, archive_info.cipher_pass.as_ref());
        let mut archive = WalArchive::new(storage, stanza, report.id.clone(), pass);
        archive.list(&|_| true)?;
        found.push((report.id.clone(), archive.unverified()?));
    }
    Ok(found)
}

/// The archive id of a cluster: the histories of both files need not count alike.
fn archive_id(entry: &PgHistoryEntry, archive_info: &ArchiveInfo) -> Result<ArchiveId> {
    let same = |other: &&PgHistoryEntry| {
        other.system_id == entry.system_id && other.version == entry.version
    };
    let entries = archive_info.history.entries();
    let found = entries
        .iter()
        .filter(same)
        .find(|other| other.id == entry.id)
        .or_else(|| entries.iter().rev().find(same));
    found.map(PgHistoryEntry::archive_id).ok_or_else(|| {
        Error::new(
            ErrorCode::ArchiveMismatch,
            format!(
                "unable to retrieve the archive id for database version '{}' and system-id '{}'",
                entry.version, entry.system_id
            ),
        )
    })
}
