//! The end of a backup: from files in the repository to a backup that exists.
//!
//! The order is the format's promise. A reader believes `backup.manifest` and then `backup.info`; whatever they name must be
//! durable before they are.

use pgkeep_repo::manifest::{Manifest, save_history};
use pgkeep_repo::{ArchiveInfo, BackupInfo, BackupLabel, durability, layout};
use pgkeep_storage::Durability;

use super::plan::Plan;
use super::settings::Settings;
use super::start::Started;
use super::stop::Stopped;
use crate::error::Result;
use crate::runtime::Repository;

/// Writes into the manifest what is only known at the end.
pub(super) fn fill(
    manifest: &mut Manifest,
    settings: &Settings,
    plan: &Plan,
    started: &Started,
    stopped: &Stopped,
) {
    let backup = &mut manifest.backup;
    backup.timestamp_stop = stopped.time;
    backup.lsn_start = started.lsn.map(|lsn| lsn.to_string());
    backup.lsn_stop = stopped.lsn.map(|lsn| lsn.to_string());
    backup.archive_start = started.wal_file.map(|segment| segment.to_string());
    backup.archive_stop = stopped.wal_file.map(|segment| segment.to_string());
    let options = &mut manifest.options;
    options.archive_check = settings.archive_check;
    options.archive_copy = settings.archive_copy;
    options.backup_standby = Some(false);
    options.buffer_size = u32::try_from(settings.buffer_size).ok();
    options.compress_level = Some(plan.level);
    options.compress_level_network = Some(settings.compress_level_network);
    options.hardlink = settings.hardlink;
    options.process_max = Some(settings.process_max);
    manifest.annotations = settings.annotations.clone();
    for database in &started.databases {
        manifest.add_database(pgkeep_repo::manifest::Database {
            name: database.name.clone().into_bytes(),
            oid: database.oid,
            last_system_oid: database.last_system_oid,
        });
    }
}

/// Makes the backup exist.
///
/// # Errors
/// A manifest that is not complete; what saving meets. Until `backup.manifest` is there, the backup is one that can be
/// resumed; after that, whoever reconciles `backup.info` next finds and lists it.
pub(super) fn complete(
    settings: &Settings,
    repository: &Repository,
    info: &mut BackupInfo,
    manifest: &Manifest,
    label: &BackupLabel,
) -> Result<()> {
    let (storage, stanza, pass) = (
        &*repository.storage,
        &settings.stanza,
        repository.pass.as_ref(),
    );
    manifest.validate(true)?;
    // 1. The data and its directories are durable: workers waited for it, see `process`.
    if let Some(grade) = durability::save(storage, stanza, label)? {
        match grade {
            Durability::Fsynced => crate::detail!("durability of backup {label} = {grade}"),
            Durability::ReRead | Durability::Trusted => log::warn!(
                "durability of backup {label} = {grade}: the server cannot be asked to flush its files to disk"
            ),
        }
    }
    // 2. The copy, then the main manifest: the set is complete from that instant, and both hold the same.
    manifest.save(storage, stanza, label, info.cipher_pass.as_ref())?;
    // 3. The history before backup.info: a label that is listed must never be given out again, even when the set has been
    //    expired by then.
    save_history(storage, stanza, label, info.cipher_pass.as_ref())?;
    if storage.features().path_sync {
        storage.sync_paths(&[layout::history_path(stanza)])?;
    }
    // 4. Only for people: nothing ever reads the link.
    storage.link(&layout::latest(stanza), label.as_str().as_bytes())?;
    // 5. Now the backup is listed.
    info.add(manifest.backup_entry()?);
    info.save(storage, stanza, pass)?;
    // 6. Unchanged, but with a new modification time: rules that remove old files from a bucket must not meet it.
    ArchiveInfo::load(storage, stanza, pass)?.save(storage, stanza, pass)?;
    Ok(())
}
