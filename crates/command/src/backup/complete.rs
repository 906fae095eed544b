//! The end of a backup: from files in the repository to a backup that exists.
//!
//! The order is the format's promise. A reader believes `backup.manifest` and then `backup.info`; whatever they name must be
//! durable before they are.

use std::collections::BTreeSet;

use pgkeep_postgres::{Lsn, PgVersion};
use pgkeep_repo::manifest::{Made, Manifest};
use pgkeep_repo::{ArchiveInfo, BackupInfo, BackupLabel, durability, info_file, layout};
use pgkeep_storage::{Durability, Ticket, in_parallel};

use super::plan::Plan;
use super::settings::Settings;
use super::start::Started;
use super::still_there;
use super::stop::Stopped;
use crate::error::Result;
use crate::hosts::Repository;

/// Writes into the manifest what is only known at the end.
pub(super) fn fill(
    manifest: &mut Manifest,
    settings: &Settings,
    plan: &Plan,
    started: &Started,
    stopped: &Stopped,
) {
    let version = manifest.pg.version.parse::<PgVersion>();
    let printed = |lsn: Lsn| match &version {
        Ok(version) => lsn.as_printed_by(*version),
        Err(_) => lsn.to_string(),
    };
    let backup = &mut manifest.backup;
    backup.timestamp_stop = stopped.time;
    backup.lsn_start = started.lsn.map(printed);
    backup.lsn_stop = stopped.lsn.map(printed);
    backup.archive_start = started.wal_file.map(|segment| segment.to_string());
    backup.archive_stop = stopped.wal_file.map(|segment| segment.to_string());
    let options = &mut manifest.options;
    options.archive_check = settings.archive_check;
    options.archive_copy = settings.archive_copy;
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

/// Makes the backup exist. `before`: what was listed when `info` was read; `tickets`: files of it that are on their way.
///
/// # Errors
/// A manifest that is not complete; a part that was removed meanwhile; errors of saving. Until `backup.manifest` is there, the backup is one that can be
/// resumed; after that, whoever reconciles `backup.info` next finds and lists it.
pub(super) fn complete(
    settings: &Settings,
    repository: &Repository,
    (info, before): (&mut BackupInfo, &BTreeSet<BackupLabel>),
    manifest: &Manifest,
    label: &BackupLabel,
    tickets: Vec<Ticket>,
) -> Result<()> {
    let (storage, stanza, pass) = (
        &*repository.storage,
        &settings.stanza,
        repository.pass.as_ref(),
    );
    manifest.validate(true)?;
    // 1. The data and its directories are durable, workers waited for that (see `process`). Not so the files of the stop.
    //    Everything that is written from here on travels together; only names, by which readers find it, wait for each other.
    let grade = durability::save(storage, stanza, label)?;
    let staged = manifest.stage(
        storage,
        stanza,
        label,
        (info.cipher_pass.as_ref(), Made::Here),
    )?;
    // A backup takes hours. What others have done to it, to those it refers to and to the list must not be overwritten.
    in_parallel(
        storage,
        || still_there::check(storage, stanza, label, manifest),
        || match storage.only_adds() {
            true => Ok(()),
            false => Ok(info.catch_up(storage, stanza, pass, before)?),
        },
    )?;
    info.add(manifest.backup_entry()?);
    // Unchanged, but with a new modification time: rules that remove old files from a bucket must not find it old.
    // Where files are only added the set is found by its manifest, until whoever keeps the repository lists it.
    let listing = match storage.only_adds() {
        true => Vec::new(),
        false => {
            let mut archive = ArchiveInfo::load(storage, stanza, pass)?;
            archive.closed = info.closed;
            vec![
                info.stage(storage, stanza, pass)?,
                archive.stage(storage, stanza, pass)?,
            ]
        }
    };
    // 2. What belongs to the set, and what is known of it, before the set is one.
    for ticket in tickets {
        ticket.wait()?;
    }
    if let Some((grade, ticket)) = grade {
        ticket.wait()?;
        match grade {
            Durability::Fsynced => crate::detail!("durability of backup {label} = {grade}"),
            Durability::ReRead | Durability::Trusted => log::warn!(
                "durability of backup {label} = {grade}: the server cannot be asked to flush its files to disk"
            ),
        }
    }
    // 3. The copy, then the main manifest: the set is complete from that instant, and both hold the same. With it the history,
    //    before backup.info: a label that is listed must never be given out again, even when the set has been expired by then.
    staged.publish()?;
    if let Some(sync) = storage.as_path_sync() {
        sync.sync_paths(&[layout::history_path(stanza)])?;
    }
    // 4. Only for people: nothing ever reads the link.
    if let Some(links) = storage.as_symbolic_links() {
        links.link(&layout::latest(stanza), label.as_str().as_bytes())?;
    }
    // 5. Now the backup is listed.
    info_file::publish(listing)?;
    Ok(())
}
