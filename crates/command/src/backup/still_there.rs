//! Whether somebody has removed a part of the backup while it was made.
//!
//! Locks keep away only what runs on this host. An `expire` on another host leaves a backup that runs alone; but it can be told to
//! remove the one that this one builds on, and people and other hosts can remove anything. A backup that lacks files must not exist.

use pgkeep_repo::manifest::Manifest;
use pgkeep_repo::{BackupLabel, Stanza, layout};
use pgkeep_storage::{InfoLevel, Storage, StoragePath};

use crate::error::{Error, ErrorCode, Result};

/// One request for all: what was stored first of this backup, and the manifests of those that it refers to.
///
/// # Errors
/// [`ErrorCode::FileMissing`]; those of the storage.
pub(super) fn check(
    storage: &dyn Storage,
    stanza: &Stanza,
    label: &BackupLabel,
    manifest: &Manifest,
) -> Result<()> {
    let others: Vec<&BackupLabel> = manifest
        .references
        .iter()
        .filter(|other| *other != label)
        .collect();
    let mut paths: Vec<StoragePath> = others
        .iter()
        .map(|other| layout::manifest(stanza, other))
        .collect();
    paths.extend(first_stored(stanza, manifest));
    let found = storage.info_many(&paths, InfoLevel::Exists)?;
    let Some(missing) = found.iter().position(Option::is_none) else {
        return Ok(());
    };
    let what = match others.get(missing) {
        Some(other) => format!("backup {other}, which it refers to, was removed meanwhile"),
        None => format!(
            "'{}' was removed meanwhile",
            storage.display(&paths[missing])
        ),
    };
    Err(Error::new(
        ErrorCode::FileMissing,
        format!("backup {label} is not published: {what}"),
    )
    .with_hint("does another host expire, remove or make backups of this stanza at the same time?")
    .with_hint("make a new backup."))
}

/// The first bundle, or the largest file: both are copied first. Whoever removes the set removes it.
fn first_stored(stanza: &Stanza, manifest: &Manifest) -> Option<StoragePath> {
    let own = manifest
        .files()
        .filter(|file| file.reference_label().is_none() && file.size > 0);
    let first = own.min_by_key(|file| {
        let bundle = file.bundle.map_or(u64::MAX, |bundle| bundle.id);
        (bundle, std::cmp::Reverse(file.size))
    })?;
    manifest.stored_path(stanza, &first)
}
