//! Backups that an account has added which may only add: found by their manifests, judged, and listed.
//!
//! The rules are `pgkeep_repo::claims`; here is what they are told: manifests, when they were stored, and whether what they name is
//! there. A claim that is not believed ends the run before anything is changed.

use std::collections::{BTreeMap, BTreeSet};

use pgkeep_repo::claims::{self, Claim, Limits, Said};
use pgkeep_repo::manifest::Manifest;
use pgkeep_repo::sets::list_sets_and_closed;
use pgkeep_repo::{ArchiveId, BackupInfo, BackupLabel, Stanza, archive, closed, layout};
use pgkeep_storage::copy::copy_plain;
use pgkeep_storage::{InfoLevel, ListOptions, Storage, StoragePath, in_parallel};

use super::Repository;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// The list of backups, reconciled with what is stored.
#[derive(Debug)]
pub struct Loaded {
    pub info: BackupInfo,
    /// In pgBackRest's words.
    pub warnings: Vec<String>,
    /// Another account adds to the repository, and may do nothing else.
    pub closed: bool,
    /// What it has added, and is listed now: their copies are to be renewed before the list is saved.
    pub added: Vec<BackupLabel>,
    /// What is no longer listed, as its manifest is gone or that of a backup it depends on. Where `closed`, their manifests are to
    /// be removed before the list is saved ([`remove_manifests`]).
    pub gone: Vec<BackupLabel>,
}

/// Loads the list. Where another account may only add, sets that are not listed are judged first.
///
/// # Errors
/// Those of loading; [`ErrorCode::BackupSetInvalid`] for a set that is not believed. Nothing is changed then.
pub fn load(
    context: &Context,
    repository: &Repository,
    stanza: &Stanza,
    limits: Limits,
) -> Result<Loaded> {
    let storage = &*repository.storage;
    let (mut info, mut sets, closed) = open(repository, stanza)?;
    let before = labels(&info);
    if closed {
        let now = context.clock.seconds();
        let claims = claims(context, repository, stanza, &info, &sets)?;
        claims::judge(info.entries(), &info.history, &claims, now, limits)
            .map_err(|refusal| refused(stanza, &refusal.label, &refusal.reason))?;
        // What was finished since then has not been judged: the next run lists it.
        sets.retain(|set| before.contains(set) || claims.iter().any(|claim| claim.label == *set));
    }
    let warnings = info.reconstruct(storage, stanza, &sets)?;
    let after = labels(&info);
    let added = match closed {
        true => after.difference(&before).cloned().collect(),
        false => Vec::new(),
    };
    Ok(Loaded {
        info,
        warnings,
        closed,
        added,
        gone: before.difference(&after).cloned().collect(),
    })
}

/// Loads the list for a change to the backup `label`, which somebody has named: if it is not listed it is now, whatever the rules
/// say, but no other.
///
/// # Errors
/// Those of loading.
pub fn load_named(
    repository: &Repository,
    stanza: &Stanza,
    label: &BackupLabel,
) -> Result<(BackupInfo, Vec<String>)> {
    let storage = &*repository.storage;
    let (mut info, mut sets, closed) = open(repository, stanza)?;
    let before = labels(&info);
    if closed {
        sets.retain(|set| set == label || before.contains(set));
    }
    let warnings = info.reconstruct(storage, stanza, &sets)?;
    if closed {
        let after = labels(&info);
        let added: Vec<BackupLabel> = after.difference(&before).cloned().collect();
        renew_copies(repository, stanza, &added)?;
        let gone: Vec<BackupLabel> = before.difference(&after).cloned().collect();
        remove_manifests(repository, stanza, &gone)?;
    }
    Ok((info, warnings))
}

/// Makes backups invalid that have left the list. An expire that died may have removed the manifest of one and not yet that of
/// another that depends on it. Once the list is saved nobody could tell what is left of its work from what was added.
///
/// # Errors
/// Those of the storage.
pub fn remove_manifests(
    repository: &Repository,
    stanza: &Stanza,
    gone: &[BackupLabel],
) -> Result<()> {
    let manifests: Vec<StoragePath> = gone
        .iter()
        .rev()
        .flat_map(|label| {
            [
                layout::manifest(stanza, label),
                layout::manifest_copy(stanza, label),
            ]
        })
        .collect();
    Ok(repository.storage.remove_files(&manifests)?)
}

fn open(repository: &Repository, stanza: &Stanza) -> Result<(BackupInfo, Vec<BackupLabel>, bool)> {
    let storage = &*repository.storage;
    let (mut info, (sets, closed)) = in_parallel(
        storage,
        || Ok::<_, Error>(BackupInfo::load(storage, stanza, repository.pass.as_ref())?),
        || Ok(list_sets_and_closed(storage, stanza)?),
    )?;
    info.closed = Some(closed);
    Ok((info, sets, closed))
}

fn labels(info: &BackupInfo) -> BTreeSet<BackupLabel> {
    let entries = info.entries().iter();
    entries.map(|entry| entry.label.clone()).collect()
}

fn refused(stanza: &Stanza, label: &BackupLabel, reason: &str) -> Error {
    let path = layout::backup_path(stanza).join(label.as_str());
    Error::new(
        ErrorCode::BackupSetInvalid,
        format!("backup {label} was added and is not believed: {reason}"),
    )
    .with_hint("nothing was changed. Has the key of the account that adds backups been stolen?")
    .with_hint(format!(
        "remove it: repo-rm --recurse {path}; or, if you know it to be genuine, list it: annotate --set={label} --annotation=genuine=yes."
    ))
}

/// Sets that have a manifest and are not listed.
fn claims(
    context: &Context,
    repository: &Repository,
    stanza: &Stanza,
    info: &BackupInfo,
    sets: &[BackupLabel],
) -> Result<Vec<Claim>> {
    let storage = &*repository.storage;
    let new: Vec<&BackupLabel> = sets
        .iter()
        .filter(|label| info.find(label).is_none())
        .collect();
    let paths: Vec<StoragePath> = new
        .iter()
        .map(|label| layout::manifest(stanza, label))
        .collect();
    let found = storage.info_many(&paths, InfoLevel::Basic)?;
    let mut claims = Vec::new();
    for ((label, path), found) in new.into_iter().zip(&paths).zip(found) {
        context.cancel.check()?;
        let Some(found) = found else {
            continue;
        };
        // This very file: its copy is what the set began with.
        let manifest = Manifest::load_file(storage, path, info.cipher_pass.as_ref());
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
fn missing_file(
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
    for segment in [&backup.archive_start, &backup.archive_stop]
        .into_iter()
        .flatten()
        // A backup may be made without looking into the archive, and then says nothing about it.
        .filter(|_| manifest.options.archive_check)
    {
        let directory = segment.get(..16).unwrap_or(segment);
        let path = layout::wal_path(stanza, &id, directory);
        let options = ListOptions {
            level: InfoLevel::Exists,
            ..ListOptions::default()
        };
        let names = storage.list(&path, &options)?.unwrap_or_default();
        let names: Vec<String> = names.iter().map(|info| info.name.to_string()).collect();
        if archive::find_segment(segment, names.iter().map(String::as_str)).is_empty() {
            return Ok(Some(format!(
                "segment {segment}, which it needs, is not in the archive"
            )));
        }
    }
    Ok(None)
}

/// A set begins with a copy of its manifest that knows nothing yet, and gets the main file at its end. From now on both are one.
///
/// # Errors
/// Those of the storage.
pub fn renew_copies(repository: &Repository, stanza: &Stanza, added: &[BackupLabel]) -> Result<()> {
    let storage = &*repository.storage;
    for label in added {
        let (main, copy) = (
            layout::manifest(stanza, label),
            layout::manifest_copy(stanza, label),
        );
        copy_plain(storage, &main, storage, &copy, &closed::options(true))?.wait()?;
    }
    Ok(())
}
