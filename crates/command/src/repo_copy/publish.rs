//! Makes a copied backup exist in the target.
//!
//! The order is the format's promise. All files of the set are there and durable, and the WAL that makes it consistent. Then come the
//! manifest and its copy, and `backup.info` last: a run that dies in between leaves files that nothing names, or a backup that is
//! found by its manifest, and the next run goes on from there. The list is read again for it: others may have changed it meanwhile.

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::manifest::Made;
use pgkeep_repo::{BackupInfo, Manifest, Stanza, durability, layout};
use pgkeep_storage::{InfoLevel, Storage, StoragePath};
use secrecy::SecretString;

use super::listed::Listed;
use crate::error::Result;
use crate::hosts::Repository;

/// Publishes the set of `manifest` and lists it as `entry`; hands back the list. `pass` is that of manifests.
///
/// # Errors
/// Those of the storage.
pub(super) fn publish(
    (to, pass): (&Repository, Option<&SecretString>),
    stanza: &Stanza,
    manifest: &Manifest,
    entry: BackupEntry,
) -> Result<Listed> {
    let (storage, label) = (&*to.storage, entry.label.clone());
    let grade = durability::save(storage, stanza, &label)?;
    let staged = manifest.stage(storage, stanza, &label, (pass, Made::Elsewhere))?;
    if let Some((_, ticket)) = grade {
        ticket.wait()?;
    }
    staged.publish()?;
    sync(storage, &[layout::history_path(stanza)])?;
    Listed::add(to, stanza, entry)
}

/// The link is for people: nothing ever reads it.
///
/// # Errors
/// Those of the storage.
pub(super) fn link_latest(storage: &dyn Storage, stanza: &Stanza, info: &BackupInfo) -> Result<()> {
    if let Some(links) = storage.as_symbolic_links()
        && let Some(newest) = info.entries().last()
    {
        links.link(&layout::latest(stanza), newest.label.as_str().as_bytes())?;
    }
    Ok(())
}

/// Makes the entries of those directories durable that are there.
///
/// # Errors
/// Those of the storage.
pub(super) fn sync(storage: &dyn Storage, paths: &[StoragePath]) -> Result<()> {
    let Some(sync) = storage.as_path_sync() else {
        return Ok(());
    };
    let found = storage.info_many(paths, InfoLevel::Exists)?;
    let there = paths.iter().zip(found).filter(|(_, found)| found.is_some());
    let there: Vec<StoragePath> = there.map(|(path, _)| path.clone()).collect();
    Ok(sync.sync_paths(&there)?)
}
