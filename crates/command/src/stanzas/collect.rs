//! Reads every repository: which stanzas it holds, their info files, their WAL, and who holds locks.
//!
//! Repositories are read side by side, because one that is dead keeps its caller waiting.

use std::collections::BTreeMap;

use pgkeep_config::{Program, option};
use pgkeep_repo::manifest::Manifest;
use pgkeep_repo::{ArchiveInfo, BackupInfo, BackupLabel, Stanza, durability, layout};
use pgkeep_storage::protection::KeptUntil;
use pgkeep_storage::{FileType, InfoLevel, ListOptions, Storage, StoragePath};

use super::archives::{archives, wal};
use super::report::{RepositoryReport, StanzaReport};
use super::status::{Running, Status};
use super::wanted::{Requested, WalRead, Wanted};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{Repository, repository};
use crate::jobs::{AT_ONCE, side_by_side};
use crate::locks::{self, LockState, LockType};
use crate::run::Context;

/// Reads all repositories, or the one of `--repo`.
///
/// # Errors
/// Only when a feature is not supported; what a repository does wrong becomes its status.
pub(crate) fn stanzas(context: &Context, wanted: &Wanted) -> Result<Vec<StanzaReport>> {
    let keys = repository::keys(&context.config);
    context.cancel.check()?;
    for &key in &keys {
        repository::refuse(context, key)?;
    }
    let read = side_by_side(&keys, AT_ONCE, |&key| {
        context.cancel.check()?;
        repository::noted(context, key, read_repository(context, wanted, key))
    });
    let mut found: BTreeMap<String, StanzaReport> = BTreeMap::new();
    let mut failed: BTreeMap<u32, Error> = BTreeMap::new();
    let mut backup_found = false;
    for (&key, read) in keys.iter().zip(read) {
        match read {
            Ok(reports) => {
                for read in reports {
                    if let Some(why) = &read.report.wal_error {
                        let name = &read.name;
                        log::warn!("repo{key}: the WAL of stanza '{name}' cannot be read: {why}");
                    }
                    backup_found |= read.has_set;
                    let (name, restore) = (read.name, read.restore);
                    let stanza = found
                        .entry(name.clone())
                        .or_insert_with(|| empty(context, &name, &keys));
                    stanza.restore.held |= restore.held;
                    stanza.restore.size += restore.size;
                    stanza.restore.size_complete += restore.size_complete;
                    if let Some(slot) = stanza.repositories.iter_mut().find(|slot| slot.key == key)
                    {
                        *slot = read.report;
                    }
                }
            }
            Err(error) if matches!(error.code, ErrorCode::Term) => return Err(error),
            Err(error) => {
                failed.insert(key, error);
            }
        }
    }
    if found.is_empty() && !failed.is_empty() {
        let name = wanted
            .stanza
            .clone()
            .unwrap_or_else(|| "[invalid]".to_owned());
        found.insert(name.clone(), empty(context, &name, &keys));
    }
    for stanza in found.values_mut() {
        for report in &mut stanza.repositories {
            if let Some(error) = failed.get(&report.key) {
                report.fail(error);
            }
        }
        settle(stanza, wanted, backup_found);
    }
    Ok(found.into_values().collect())
}

/// Statuses that follow from all repositories seen together.
fn settle(stanza: &mut StanzaReport, wanted: &Wanted, backup_found: bool) {
    for report in &mut stanza.repositories {
        if wanted.set.is_some() && !backup_found && report.status == Status::Ok {
            report.status = Status::BackupMissing;
            report.backup_info = None;
            report.archives.clear();
        }
        if wanted.full
            && report.status == Status::Ok
            && report
                .backup_info
                .as_ref()
                .is_some_and(|info| info.entries().is_empty())
        {
            report.status = Status::NoBackups;
        }
    }
}

/// A stanza that no repository holds, until one says otherwise.
fn empty(context: &Context, name: &str, keys: &[u32]) -> StanzaReport {
    let repositories = keys
        .iter()
        .map(|&key| RepositoryReport::new(key, cipher_name(context, key), Status::MissingPath))
        .collect();
    StanzaReport {
        name: name.to_owned(),
        repositories,
        restore: Running::default(),
    }
}

fn cipher_name(context: &Context, key: u32) -> &'static str {
    match context.config.string_at(option::REPO_CIPHER_TYPE, key) {
        Some("aes-256-cbc") => "aes-256-cbc",
        _ => "none",
    }
}

/// What one repository holds of one stanza.
struct Read {
    name: String,
    report: RepositoryReport,
    restore: Running,
    /// It has the backup that was asked for.
    has_set: bool,
}

fn read_repository(context: &Context, wanted: &Wanted, key: u32) -> Result<Vec<Read>> {
    let repository = repository::open(context, key)?;
    let storage = &*repository.storage;
    let options = ListOptions {
        level: InfoLevel::Type,
        sort: true,
    };
    let listed = storage
        .list(&StoragePath::from(layout::BACKUP), &options)?
        .unwrap_or_default();
    let names: Vec<String> = listed
        .into_iter()
        .filter(|info| info.kind == FileType::Path || info.kind == FileType::Link)
        .map(|info| info.name.to_string())
        .collect();
    let asked = match &wanted.stanza {
        Some(stanza) => vec![stanza.clone()],
        None => names.clone(),
    };
    let mut reports = Vec::new();
    for name in asked {
        let there = names.contains(&name);
        let mut read = Read {
            name,
            report: RepositoryReport::new(key, repository.cipher_name(), Status::MissingPath),
            restore: Running::default(),
            has_set: false,
        };
        if there {
            read.report.status = Status::Ok;
            let result = read_stanza(context, wanted, &repository, &mut read);
            if let Err(error) = repository::noted(context, key, result) {
                if error.code == ErrorCode::Term {
                    return Err(error);
                }
                read.report.fail(&error);
            }
        }
        reports.push(read);
    }
    Ok(reports)
}

fn read_stanza(
    context: &Context,
    wanted: &Wanted,
    repository: &Repository,
    read: &mut Read,
) -> Result<()> {
    let stanza = Stanza::new(&read.name)?;
    let report = &mut read.report;
    if wanted.full {
        match BackupInfo::load(&*repository.storage, &stanza, repository.pass.as_ref())
            .map_err(Error::from)
        {
            Ok(info) => report.backup_info = Some(info),
            Err(error) if error.code == ErrorCode::FileMissing => {
                report.status = Status::MissingData
            }
            Err(error) if error.code == ErrorCode::Crypto => {
                return Err(error.with_hint(
                    "use option --stanza if encryption settings are different for the stanza than the global wanted.",
                ));
            }
            Err(error) => return Err(error),
        }
        if let Some(info) = &report.backup_info {
            let archive_info =
                ArchiveInfo::load(&*repository.storage, &stanza, repository.pass.as_ref())?;
            if context.config.program() == Program::PgKeep {
                let labels: Vec<_> = info
                    .entries()
                    .iter()
                    .map(|entry| entry.label.clone())
                    .collect();
                let grades = durability::load_many(&*repository.storage, &stanza, &labels)?;
                report.locked = locked(&*repository.storage, &stanza, &labels)?;
                let kept = labels.into_iter().zip(grades);
                report.durability = kept
                    .filter_map(|(label, grade)| Some((label, grade?)))
                    .collect();
            }
            report.archives = archives(&*repository.storage, &stanza, info, &archive_info)?;
            if wanted.wal != WalRead::Ends {
                report.wal = match wal(repository, &stanza, &report.archives, &archive_info) {
                    Ok(wal) => Some(wal),
                    Err(error) if wanted.wal == WalRead::All || error.code == ErrorCode::Term => {
                        return Err(error);
                    }
                    Err(error) => {
                        report.wal_error = Some(error.text());
                        None
                    }
                };
            }
            if let Some(Requested { label: Some(label) }) = &wanted.set
                && repository
                    .storage
                    .info(&layout::manifest(&stanza, label), InfoLevel::Exists)?
                    .is_some()
            {
                read.has_set = true;
                report.manifest = Some(Manifest::load(
                    &*repository.storage,
                    &stanza,
                    label,
                    info.cipher_pass.as_ref(),
                )?);
            }
        }
    }
    if report.backup_info.is_some() || !wanted.full {
        let lock_path = locks::path(context);
        let add_holder = |lock_type, running: &mut Running| {
            if let Ok(LockState::Held(data)) = locks::state(
                &lock_path,
                &locks::file_name(&read.name, lock_type, repository.key),
            ) {
                running.add(&data);
            }
        };
        add_holder(LockType::Backup, &mut report.backup);
        add_holder(LockType::Restore, &mut read.restore);
    }
    Ok(())
}

/// Until when the sets are locked, of those that are. The manifest is written last, so its lock ends last.
fn locked(
    storage: &dyn Storage,
    stanza: &Stanza,
    labels: &[BackupLabel],
) -> Result<BTreeMap<BackupLabel, KeptUntil>> {
    let Some(protection) = storage.as_protection() else {
        return Ok(BTreeMap::new());
    };
    let manifests: Vec<_> = labels
        .iter()
        .map(|label| layout::manifest(stanza, label))
        .collect();
    let until = protection.kept_until(&manifests)?;
    let locked = labels.iter().zip(until);
    Ok(locked
        .filter_map(|(label, until)| Some((label.clone(), until?)))
        .collect())
}
