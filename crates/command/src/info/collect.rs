//! Reads every repository: which stanzas it holds, their info files, their WAL, and who holds locks.

use std::collections::BTreeMap;

use pgkeep_config::{Program, option};
use pgkeep_repo::manifest::Manifest;
use pgkeep_repo::pg_history::PgHistoryEntry;
use pgkeep_repo::{
    ArchiveId, ArchiveInfo, BackupInfo, BackupLabel, Stanza, archive, durability, layout,
};
use pgkeep_storage::{Durability, FileType, InfoLevel, ListOptions, Storage, StoragePath};

use super::settings::{Output, Requested, Settings};
use super::status::{Running, Status};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{Repository, repository};
use crate::locks::{self, LockState, LockType};
use crate::run::Context;
use crate::wal::archive::WalArchive;
use crate::wal::window::Wal;

/// One stanza over all repositories.
#[derive(Debug)]
pub(super) struct StanzaReport {
    pub(super) name: String,
    pub(super) repositories: Vec<RepositoryReport>,
    pub(super) restore: Running,
}

/// One stanza in one repository.
#[derive(Debug)]
pub(super) struct RepositoryReport {
    pub(super) key: u32,
    pub(super) cipher: &'static str,
    pub(super) status: Status,
    pub(super) backup_info: Option<BackupInfo>,
    /// WAL per history entry of `backup.info`, oldest first.
    pub(super) archives: Vec<ArchiveReport>,
    pub(super) backup: Running,
    /// Of the sets for which it was kept; as pgkeep only.
    pub(super) durability: BTreeMap<BackupLabel, Durability>,
    /// Manifest of the requested backup.
    pub(super) manifest: Option<Manifest>,
    /// All WAL by name; only for the table.
    pub(super) wal: Vec<(ArchiveId, Wal)>,
}

/// WAL of one history entry.
#[derive(Debug, Clone)]
pub(super) struct ArchiveReport {
    pub(super) entry: PgHistoryEntry,
    pub(super) id: ArchiveId,
    pub(super) min: Option<String>,
    pub(super) max: Option<String>,
    /// Whether it is the newest entry of the history.
    pub(super) newest: bool,
}

impl RepositoryReport {
    fn new(key: u32, cipher: &'static str, status: Status) -> Self {
        Self {
            key,
            cipher,
            status,
            backup_info: None,
            archives: Vec::new(),
            backup: Running::default(),
            durability: BTreeMap::new(),
            manifest: None,
            wal: Vec::new(),
        }
    }

    fn fail(&mut self, error: &Error) {
        *self = Self::new(self.key, self.cipher, Status::Other(error.named_text()));
    }
}

impl StanzaReport {
    /// The cluster of the first repository that knows one.
    pub(super) fn current(&self) -> Option<&PgHistoryEntry> {
        self.repositories.iter().find_map(|report| {
            report
                .backup_info
                .as_ref()
                .map(|info| info.history.current())
        })
    }

    /// The status over all repositories.
    pub(super) fn status(&self, full: bool) -> Status {
        if full && let Some(current) = self.current() {
            let same = |report: &RepositoryReport| match &report.backup_info {
                Some(info) => {
                    let other = info.history.current();
                    other.system_id == current.system_id && other.version == current.version
                }
                None => true,
            };
            if !self.repositories.iter().all(same) {
                return Status::PgMismatch;
            }
        }
        Status::over_all(self.repositories.iter().map(|report| &report.status))
    }
}

/// Reads all repositories, or the one of `--repo`.
///
/// # Errors
/// Only when a feature is not supported; what a repository does wrong becomes its status.
pub(super) fn stanzas(context: &Context, settings: &Settings) -> Result<Vec<StanzaReport>> {
    let keys = repository::keys(&context.config);
    let mut found: BTreeMap<String, StanzaReport> = BTreeMap::new();
    let mut failed: BTreeMap<u32, Error> = BTreeMap::new();
    let mut backup_found = false;
    for &key in &keys {
        context.cancel.check()?;
        let cipher = cipher_name(context, key);
        match read_repository(context, settings, key, &mut backup_found) {
            Ok(reports) => {
                for (name, report, restore) in reports {
                    let stanza = found
                        .entry(name.clone())
                        .or_insert_with(|| empty(context, &name, &keys));
                    stanza.restore.held |= restore.held;
                    stanza.restore.size += restore.size;
                    stanza.restore.size_complete += restore.size_complete;
                    if let Some(slot) = stanza.repositories.iter_mut().find(|slot| slot.key == key)
                    {
                        *slot = report;
                    }
                }
            }
            Err(error) if matches!(error.code, ErrorCode::Term) => return Err(error),
            Err(error) if error.message.contains("is not supported by pgkeep yet") => {
                return Err(error);
            }
            Err(error) => {
                let _ = cipher;
                failed.insert(key, error);
            }
        }
    }
    if found.is_empty() && !failed.is_empty() {
        let name = settings
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
        settle(stanza, settings, backup_found);
    }
    Ok(found.into_values().collect())
}

/// Statuses that follow from all repositories seen together.
fn settle(stanza: &mut StanzaReport, settings: &Settings, backup_found: bool) {
    for report in &mut stanza.repositories {
        if settings.set.is_some() && !backup_found && report.status == Status::Ok {
            report.status = Status::BackupMissing;
            report.backup_info = None;
            report.archives.clear();
        }
        if settings.full
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

fn read_repository(
    context: &Context,
    settings: &Settings,
    key: u32,
    backup_found: &mut bool,
) -> Result<Vec<(String, RepositoryReport, Running)>> {
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
    let wanted = match &settings.stanza {
        Some(stanza) => vec![stanza.clone()],
        None => names.clone(),
    };
    let mut reports = Vec::new();
    for name in wanted {
        let mut report = RepositoryReport::new(key, repository.cipher_name(), Status::MissingPath);
        let mut restore = Running::default();
        if names.contains(&name) {
            report.status = Status::Ok;
            if let Err(error) = read_stanza(
                context,
                settings,
                &repository,
                &name,
                &mut report,
                &mut restore,
                backup_found,
            ) {
                if error.code == ErrorCode::Term {
                    return Err(error);
                }
                report.fail(&error);
            }
        }
        reports.push((name, report, restore));
    }
    Ok(reports)
}

fn read_stanza(
    context: &Context,
    settings: &Settings,
    repository: &Repository,
    name: &str,
    report: &mut RepositoryReport,
    restore: &mut Running,
    backup_found: &mut bool,
) -> Result<()> {
    let stanza = Stanza::new(name)?;
    if settings.full {
        match BackupInfo::load(&*repository.storage, &stanza, repository.pass.as_ref())
            .map_err(Error::from)
        {
            Ok(info) => report.backup_info = Some(info),
            Err(error) if error.code == ErrorCode::FileMissing => {
                report.status = Status::MissingData
            }
            Err(error) if error.code == ErrorCode::Crypto => {
                return Err(error.with_hint(
                    "use option --stanza if encryption settings are different for the stanza than the global settings.",
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
                let kept = labels.into_iter().zip(grades);
                report.durability = kept
                    .filter_map(|(label, grade)| Some((label, grade?)))
                    .collect();
            }
            report.archives = archives(&*repository.storage, &stanza, info, &archive_info)?;
            if settings.output == Output::Table {
                report.wal = wal(repository, &stanza, &report.archives, &archive_info)?;
            }
            if let Some(Requested { label: Some(label) }) = &settings.set
                && repository
                    .storage
                    .info(&layout::manifest(&stanza, label), InfoLevel::Exists)?
                    .is_some()
            {
                *backup_found = true;
                report.manifest = Some(Manifest::load(
                    &*repository.storage,
                    &stanza,
                    label,
                    info.cipher_pass.as_ref(),
                )?);
            }
        }
    }
    if report.backup_info.is_some() || !settings.full {
        let lock_path = locks::path(context);
        let add_holder = |lock_type, running: &mut Running| {
            if let Ok(LockState::Held(data)) = locks::state(
                &lock_path,
                &locks::file_name(name, lock_type, repository.key),
            ) {
                running.add(&data);
            }
        };
        add_holder(LockType::Backup, &mut report.backup);
        add_holder(LockType::Restore, restore);
    }
    Ok(())
}

/// First and last segment of every cluster the stanza has had.
fn archives(
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
fn wal(
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
