//! Which files the key of an info file opens.

use pgkeep_repo::archive::{StoredSegment, is_wal_directory};
use pgkeep_repo::sets::{list_history, list_history_years, list_sets};
use pgkeep_repo::{ArchiveId, Stanza, layout};
use pgkeep_storage::{FileType, InfoLevel, ListOptions, Storage, StoragePath};

use super::encrypted::{Encrypted, Proof};
use crate::error::Result;

/// All WAL: segments, histories of timelines and labels of backups, in the order of their names.
pub(super) fn wal(storage: &dyn Storage, stanza: &Stanza) -> Result<Vec<Encrypted>> {
    let mut files = Vec::new();
    for (name, _) in names(storage, &layout::archive_path(stanza))? {
        let Ok(id) = name.parse::<ArchiveId>() else {
            continue;
        };
        let path = layout::archive_id_path(stanza, &id);
        for (name, kind) in names(storage, &path)? {
            match kind {
                FileType::File => files.push(of_archive(&path, &name)),
                FileType::Path if is_wal_directory(&name) => {
                    let path = layout::wal_path(stanza, &id, &name);
                    let found = names(storage, &path)?;
                    files.extend(found.iter().map(|(name, _)| of_archive(&path, name)));
                }
                _ => {}
            }
        }
    }
    Ok(files.into_iter().flatten().collect())
}

fn of_archive(path: &StoragePath, name: &str) -> Option<Encrypted> {
    let proof = match StoredSegment::parse(name) {
        Some(stored) => Proof::Segment(stored),
        None if name.ends_with(".history") || name.ends_with(".backup") => Proof::Text,
        // Temporary files of writers, and what is not of the archive.
        None => return None,
    };
    Some(Encrypted {
        path: path.join(name),
        proof,
    })
}

/// The manifests of all sets, finished or not, their copies and those of the history.
pub(super) fn manifests(storage: &dyn Storage, stanza: &Stanza) -> Result<Vec<Encrypted>> {
    let mut files = Vec::new();
    let mut add = |path, is_gz| {
        files.push(Encrypted {
            path,
            proof: Proof::Manifest { is_gz },
        });
    };
    for label in list_sets(storage, stanza)? {
        add(layout::manifest_copy(stanza, &label), false);
        add(layout::manifest(stanza, &label), false);
    }
    for year in list_history_years(storage, stanza)? {
        for label in list_history(storage, stanza, &year)? {
            add(layout::history_manifest(stanza, &label), true);
        }
    }
    Ok(files)
}

fn names(storage: &dyn Storage, path: &StoragePath) -> Result<Vec<(String, FileType)>> {
    let options = ListOptions {
        level: InfoLevel::Type,
        sort: true,
    };
    let found = storage.list(path, &options)?.unwrap_or_default();
    Ok(found
        .iter()
        .map(|entry| (entry.name.to_string(), entry.kind))
        .collect())
}
