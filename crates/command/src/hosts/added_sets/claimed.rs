//! What sets claim that are not listed: their manifests, when they were stored, and whether what they name is there.

use std::collections::BTreeMap;

use pgkeep_repo::archive::{is_wal_directory, wal_directory};
use pgkeep_repo::claims::{Claim, Said};
use pgkeep_repo::manifest::Manifest;
use pgkeep_repo::{ArchiveId, BackupLabel, Stanza, archive, layout};
use pgkeep_storage::{InfoLevel, ListOptions, Storage, StoragePath};
use secrecy::SecretString;

use crate::error::Result;
use crate::run::cancel::Cancel;

/// Those of the sets `new` that have a manifest; `pass` is that of manifests.
///
/// # Errors
/// Those of the storage. A manifest that cannot be read is a claim.
pub(super) fn read(
    cancel: &Cancel,
    storage: &dyn Storage,
    stanza: &Stanza,
    pass: Option<&SecretString>,
    new: &[&BackupLabel],
) -> Result<Vec<Claim>> {
    let paths: Vec<StoragePath> = new
        .iter()
        .map(|label| layout::manifest(stanza, label))
        .collect();
    let found = storage.info_many(&paths, InfoLevel::Basic)?;
    let mut claims = Vec::new();
    for ((label, path), found) in new.iter().copied().zip(&paths).zip(found) {
        cancel.check()?;
        let Some(found) = found else {
            continue;
        };
        // This very file: its copy is what the set began with.
        let manifest = Manifest::load_file(storage, path, pass);
        let said = match manifest {
            Ok(manifest) => said(storage, stanza, label, &manifest)?,
            Err(error) if error.kind.is_unreachable() => return Err(error.into()),
            Err(error) => Err(error.to_string()),
        };
        claims.push(Claim {
            label: label.clone(),
            said,
            stored: found.modified,
        });
    }
    Ok(claims)
}

fn said(
    storage: &dyn Storage,
    stanza: &Stanza,
    label: &BackupLabel,
    manifest: &Manifest,
) -> Result<std::result::Result<Said, String>> {
    let entry = match manifest
        .validate(true)
        .and_then(|()| manifest.backup_entry())
    {
        Ok(entry) => entry,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let missing = match missing_file(storage, stanza, label, manifest)? {
        None => missing_wal(storage, stanza, manifest)?,
        some => some,
    };
    Ok(Ok(Said {
        entry,
        system_id: manifest.pg.system_id,
        version: manifest.pg.version.clone(),
        missing,
    }))
}

/// A file of the set that is not there, or is too short.
///
/// # Errors
/// Those of the storage.
pub fn missing_file(
    storage: &dyn Storage,
    stanza: &Stanza,
    label: &BackupLabel,
    manifest: &Manifest,
) -> Result<Option<String>> {
    let set = layout::set_path(stanza, label);
    let mut sizes = BTreeMap::new();
    let options = ListOptions {
        level: InfoLevel::Basic,
        ..ListOptions::default()
    };
    storage.list_tree(&set, &options, &mut |info| {
        sizes.insert(set.join(info.name.as_bytes()), info.size);
        Ok(())
    })?;
    for file in manifest.files() {
        // What an earlier backup holds was looked at when that one was listed. With bundles no empty file is stored.
        let nothing = file.size == 0 && manifest.backup.bundle;
        if file.reference_label().is_some() || nothing {
            continue;
        }
        let Some(path) = manifest.stored_path(stanza, &file) else {
            continue;
        };
        let offset = file.bundle.map_or(0, |bundle| bundle.offset);
        let size = sizes.get(&path).copied();
        let wanted = offset.saturating_add(file.repo_size);
        let right = match (size, file.bundle) {
            (None, _) => false,
            (Some(size), None) => size == wanted,
            (Some(size), Some(_)) => size >= wanted,
        };
        if !right {
            return Ok(Some(match size {
                None => format!("its file '{}' is not there", storage.display(&path)),
                Some(size) => format!(
                    "its file '{}' has {size} bytes and not {wanted}",
                    storage.display(&path)
                ),
            }));
        }
    }
    Ok(None)
}

/// The first or the last segment that recovery needs, if it is not in the archive.
fn missing_wal(
    storage: &dyn Storage,
    stanza: &Stanza,
    manifest: &Manifest,
) -> Result<Option<String>> {
    let backup = &manifest.backup;
    let id = ArchiveId::new(manifest.pg.version.clone(), manifest.pg.id);
    for (segment, is_start) in [(&backup.archive_start, true), (&backup.archive_stop, false)] {
        let Some(segment) = segment else {
            continue;
        };
        let directory = segment.get(..16).unwrap_or(segment);
        let stored = names(storage, &layout::wal_path(stanza, &id, directory))?;
        let stored = stored.iter().map(String::as_str);
        if !archive::find_segment(segment, stored.clone()).is_empty() {
            continue;
        }
        if manifest.options.archive_check {
            return Ok(Some(format!(
                "segment {segment}, which it needs, is not in the archive"
            )));
        }
        // Who did not look into the archive says nothing about it. But all that is there must not be before the first segment: it
        // may be removed once the backup is listed. It comes before long if it was only late.
        if !is_start {
            continue;
        }
        let later = stored.filter(|name| wal_directory(name).is_some());
        if later.max().is_some_and(|last| last > segment.as_str()) {
            continue;
        }
        let directories = names(storage, &layout::archive_id_path(stanza, &id))?;
        let mut directories = directories.iter().filter(|name| is_wal_directory(name));
        let any = directories.clone().next().is_some();
        if any && !directories.any(|name| name.as_str() > directory) {
            return Ok(Some(format!(
                "segment {segment}, which it needs, is later than all WAL in the archive"
            )));
        }
    }
    Ok(None)
}

fn names(storage: &dyn Storage, path: &StoragePath) -> Result<Vec<String>> {
    let options = ListOptions {
        level: InfoLevel::Exists,
        ..ListOptions::default()
    };
    let found = storage.list(path, &options)?.unwrap_or_default();
    Ok(found.iter().map(|info| info.name.to_string()).collect())
}
