//! Backups that an account has added which may only add: found by their manifests, judged, and listed.
//!
//! The rules are `pgkeep_repo::claims`, and `claimed` collects what they are told. A claim that is not believed ends the run before
//! anything is changed.

mod claimed;
mod settings;

use std::collections::BTreeSet;

use pgkeep_repo::backup_info::Reconciled;
use pgkeep_repo::claims::{self, Limits, Refusal};
use pgkeep_repo::sets::list_sets_and_closed;
use pgkeep_repo::{BackupInfo, BackupLabel, Stanza, closed, layout};
use pgkeep_storage::copy::copy_plain;
use pgkeep_storage::{StoragePath, in_parallel};

use super::Repository;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
pub use claimed::missing_file;
pub use settings::limits;

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
    /// What was listed when the list was read ([`BackupInfo::catch_up`]).
    pub before: BTreeSet<BackupLabel>,
    /// Sets that have a manifest and are no backups for all that.
    pub refused: BTreeSet<BackupLabel>,
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
    let (mut info, sets, closed) = open(repository, stanza)?;
    let before = info.labels();
    let Reconciled { warnings, refused } = match closed {
        false => info.reconstruct(storage, stanza, &sets)?,
        true => {
            // First, so that no claim is compared with what somebody has removed.
            let mut warnings = info.drop_gone(storage, stanza)?;
            let new: Vec<&BackupLabel> = sets.iter().filter(|set| !before.contains(*set)).collect();
            let pass = info.cipher_pass.as_ref();
            let claims = claimed::read(&context.cancel, storage, stanza, pass, &new)?;
            let now = context.clock.seconds();
            claims::judge(info.entries(), &info.history, &claims, now, limits)
                .map_err(|refusal| not_believed(stanza, &refusal))?;
            // What was read is what was judged. Whoever has added a manifest may hold it open, and write another one in its place.
            let said = claims.into_iter().filter_map(|claim| claim.said.ok());
            warnings.extend(said.map(|said| info.list(said.entry)));
            Reconciled {
                warnings,
                ..Reconciled::default()
            }
        }
    };
    let after = info.labels();
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
        before,
        refused,
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
    let before = info.labels();
    if closed {
        sets.retain(|set| set == label || before.contains(set));
    }
    let warnings = info.reconstruct(storage, stanza, &sets)?.warnings;
    if closed {
        let after = info.labels();
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

fn not_believed(stanza: &Stanza, refusal: &Refusal) -> Error {
    let label = &refusal.label;
    let path = |label: &BackupLabel| layout::backup_path(stanza).join(label.as_str());
    let error = Error::new(
        ErrorCode::BackupSetInvalid,
        format!("backup {label} was added and is not believed: {}", refusal.reason),
    )
    .with_hint("nothing was changed. Has the key of the account that adds backups been stolen?")
    .with_hint(format!(
        "remove it: repo-rm --recurse {}; or, if you know it to be genuine, list it: annotate --set={label} --annotation=genuine=yes.",
        path(label)
    ));
    match &refusal.against {
        None => error,
        // The false one may have come first.
        Some(other) => error.with_hint(format!(
            "if backup {other} is the one that you do not know, remove that: repo-rm --recurse {}; the other is then believed.",
            path(other)
        )),
    }
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

#[cfg(test)]
mod tests;
