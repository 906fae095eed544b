//! The two repositories of a copy: opened, told apart, and found to be of one cluster.

use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_repo::pg_history::PgHistoryEntry;
use pgkeep_repo::sets::list_sets_and_closed;
use pgkeep_repo::{ArchiveId, ArchiveInfo, BackupInfo, PgHistory, Stanza, layout};
use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::wrap::read_only::ReadOnly;
use pgkeep_storage::{InfoLevel, StoragePath, WriteOptions};

use super::listed::Listed;
use super::settings::{Settings, onto_itself};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::new_stanza::{self, Histories};
use crate::hosts::stanza_info::{self, StanzaInfo};
use crate::hosts::{Repository, repository};
use crate::run::Context;

/// An info file is some kilobytes, with ten thousand backups some megabytes.
const INFO_LIMIT: u64 = 256 << 20;

/// Source and target.
#[derive(Debug)]
pub(super) struct Sides {
    pub from: Repository,
    pub to: Repository,
    pub source: StanzaInfo,
    /// `None`: the target has no such stanza yet.
    pub target: Option<Target>,
}

/// What the target has of the stanza; `None` where a run died that made it.
#[derive(Debug)]
pub(super) struct Target {
    pub archive: ArchiveInfo,
    pub backup: Option<BackupInfo>,
    /// Each file that is there has its copy.
    pub paired: bool,
}

impl Sides {
    /// Opens both and reads their info files. Nothing is changed.
    ///
    /// # Errors
    /// As [`Self::of`]; one place for both.
    pub(super) fn open(context: &Context, settings: &Settings) -> Result<Self> {
        let from = repository::open(context, settings.from)?;
        let to = repository::open(context, settings.to)?;
        if same_name(&from, &to) {
            return Err(onto_itself(settings.from, settings.to));
        }
        let sides = Self::of(from, to, settings)?;
        let looks = sides.target.is_some() && !settings.dry_run;
        if looks && sides.is_one_place(context, settings)? {
            return Err(onto_itself(settings.from, settings.to));
        }
        Ok(sides)
    }

    /// Reads the info files of both.
    ///
    /// # Errors
    /// A wrong pass-phrase; a target of another cluster, or one that takes no copies; half a stanza in the target.
    pub(super) fn of(
        mut from: Repository,
        mut to: Repository,
        settings: &Settings,
    ) -> Result<Self> {
        from.storage = Arc::new(ReadOnly::new(from.storage));
        if settings.dry_run {
            to.storage = Arc::new(ReadOnly::new(to.storage));
        }
        let stanza = &settings.stanza;
        refuse_closed(&to, stanza)?;
        let source = stanza_info::load(&from, stanza).map_err(|error| of(&from, error))?;
        stanza_info::check_match(&source)?;
        let target = load_target(&to, settings).map_err(|error| of(&to, error))?;
        let sides = Self {
            from,
            to,
            source,
            target,
        };
        if let Some(target) = &sides.target {
            sides.check_cluster(target)?;
        }
        Ok(sides)
    }

    /// WAL gets another key.
    pub(super) fn is_recoded(&self) -> bool {
        self.from.pass.is_some() || self.to.pass.is_some()
    }

    /// The files of backups are stored in another way: encrypted on one side only.
    pub(super) fn is_rewritten(&self) -> bool {
        self.from.pass.is_some() != self.to.pass.is_some()
    }

    /// The archive of a cluster of the source.
    pub(super) fn archive_id(&self, pg_id: u32) -> Option<ArchiveId> {
        let entry = self.source.archive.history.find(pg_id)?;
        Some(entry.archive_id())
    }

    /// The same clusters under the same numbers, as far as both know them.
    fn check_cluster(&self, target: &Target) -> Result<()> {
        let mut histories = vec![(&self.source.archive.history, &target.archive.history)];
        if let Some(backup) = &target.backup {
            histories.push((&self.source.backup.history, &backup.history));
        }
        for (source, target) in histories {
            for theirs in target.entries() {
                let Some(ours) = source.find(theirs.id) else {
                    continue;
                };
                if ours.system_id != theirs.system_id || ours.version != theirs.version {
                    return Err(self.another_cluster(ours, theirs));
                }
            }
        }
        Ok(())
    }

    fn another_cluster(&self, ours: &PgHistoryEntry, theirs: &PgHistoryEntry) -> Error {
        let (from, to) = (self.from.name(), self.to.name());
        let text = |name: &str, entry: &PgHistoryEntry| {
            format!(
                "{name}: id = {}, version = {}, system-id = {}",
                entry.id, entry.version, entry.system_id
            )
        };
        Error::new(
            ErrorCode::BackupMismatch,
            format!(
                "the stanza in {to} is of another cluster than the one in {from}\n{}\n{}",
                text(&from, ours),
                text(&to, theirs)
            ),
        )
        .with_hint("nothing was changed. Copy into a repository that does not have this stanza, or has it of the same cluster.")
    }

    /// Whether both names lead to one place, by links or mounts: asked only where both have the same files, for then nothing else
    /// tells a copy from its original. A file that is made in the one is then in the other too.
    fn is_one_place(&self, context: &Context, settings: &Settings) -> Result<bool> {
        let (from, to) = (&*self.from.storage, &*self.to.storage);
        if from.kind() != to.kind() {
            return Ok(false);
        }
        let path = layout::backup_info(&settings.stanza);
        if read_all(from, &path, INFO_LIMIT)? != read_all(to, &path, INFO_LIMIT)? {
            return Ok(false);
        }
        let trial = layout::trial("repo-copy", context.config.exec_id());
        write_all(to, &trial, &WriteOptions::default(), b"")?;
        let found = from.info(&trial, InfoLevel::Exists);
        to.remove(&trial)?;
        Ok(found?.is_some())
    }

    /// Makes the stanza in the target, or adds the clusters that it does not know yet, and hands back its files.
    ///
    /// # Errors
    /// Those of the storage; files of the stanza without info files.
    pub(super) fn prepare(&mut self, settings: &Settings) -> Result<StanzaInfo> {
        let stanza = &settings.stanza;
        let (storage, pass) = (&*self.to.storage, self.to.pass.as_ref());
        match self.target.take() {
            None => {
                log::info!("stanza '{stanza}' is made in {}", self.to.name());
                let histories = Histories {
                    archive: self.source.archive.history.clone(),
                    backup: self.source.backup.history.clone(),
                };
                new_stanza::make(&self.to, stanza, histories)?;
            }
            Some(target) => {
                if target.backup.is_none() {
                    log::info!("stanza '{stanza}' is completed in {}", self.to.name());
                    new_stanza::complete(&self.to, stanza, self.source.backup.history.clone())?;
                }
                self.extend(settings, target)?;
            }
        }
        Ok(StanzaInfo {
            archive: ArchiveInfo::load(storage, stanza, pass)?,
            backup: BackupInfo::load(storage, stanza, pass)?,
        })
    }

    /// Adds the clusters that only the source knows, as `stanza-upgrade` does.
    /// A file that a run left without its copy is written once more.
    fn extend(&self, settings: &Settings, target: Target) -> Result<()> {
        let (storage, pass) = (&*self.to.storage, self.to.pass.as_ref());
        let mut staged = Vec::new();
        let mut archive = target.archive;
        let history = longer(&archive.history, &self.source.archive.history)?;
        if history.is_some() || !target.paired {
            archive.history = history.unwrap_or(archive.history);
            staged.push(archive.stage(storage, &settings.stanza, pass)?);
        }
        if let Some(mut backup) = target.backup {
            let history = longer(&backup.history, &self.source.backup.history)?;
            // What is listed and has no manifest leaves the list before anything is written into its set.
            if history.is_some() || !target.paired || backup.is_updated() {
                backup.history = history.unwrap_or(backup.history);
                staged.push(backup.stage(storage, &settings.stanza, pass)?);
            }
        }
        Ok(pgkeep_repo::info_file::publish(staged)?)
    }
}

/// The target's history with what only the source has; `None`: it has all.
fn longer(target: &PgHistory, source: &PgHistory) -> Result<Option<PgHistory>> {
    let new = |entry: &&PgHistoryEntry| target.find(entry.id).is_none();
    let mut added: Vec<PgHistoryEntry> = source.entries().iter().filter(new).cloned().collect();
    if added.is_empty() {
        return Ok(None);
    }
    let newest = source.current().id.max(target.current().id);
    let mut entries = target.entries().to_vec();
    entries.append(&mut added);
    entries.sort_by_key(|entry| entry.id);
    Ok(Some(PgHistory::from_entries(entries, newest)?))
}

/// One type of storage with one name, of which one may lead to the other by links: whatever the host, it would be a strange chance.
/// What no name tells, such as a mount, is found by [`Sides::is_one_place`].
fn same_name(from: &Repository, to: &Repository) -> bool {
    let root = StoragePath::root();
    let place = |side: &Repository| {
        let name = side.storage.display(&root);
        PathBuf::from(&name).canonicalize().map_err(|_| name)
    };
    from.storage.kind() == to.storage.kind()
        && !from.storage.has_latency()
        && place(from) == place(to)
}

/// Whoever keeps the repository of an account that only adds believes none of the backups that come late and were made elsewhere, and
/// files of a copy would not be closed to that account.
fn refuse_closed(to: &Repository, stanza: &Stanza) -> Result<()> {
    let (_, is_closed) = list_sets_and_closed(&*to.storage, stanza)?;
    if !is_closed {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::RepoInvalid,
        format!(
            "{} is kept for an account that may only add to it, and takes no copies",
            to.name()
        ),
    )
    .with_hint("its files are closed to that account, those of a copy would not be: copy into another repository."))
}

fn of(repository: &Repository, error: Error) -> Error {
    error.with_prefix(&format!("{}: ", repository.name()))
}

/// What the target has of the stanza; `None`: nothing.
fn load_target(to: &Repository, settings: &Settings) -> Result<Option<Target>> {
    let stanza = &settings.stanza;
    let (storage, pass) = (&*to.storage, to.pass.as_ref());
    let found = storage.info_many(&layout::info_files(stanza), InfoLevel::Exists)?;
    let has = |first: usize| found[first].is_some() || found[first + 1].is_some();
    match (has(0), has(2)) {
        (false, false) => Ok(None),
        (false, true) => Err(Error::new(
            ErrorCode::FileMissing,
            "backup.info exists but archive.info is missing",
        )
        .with_hint("this may be a symptom of repository corruption!")),
        (true, has_backup) => {
            let archive = ArchiveInfo::load(storage, stanza, pass)?;
            let backup = match has_backup {
                true => Some(Listed::read(to, stanza)?.info),
                false => None,
            };
            let both = |first: usize| found[first].is_some() == found[first + 1].is_some();
            Ok(Some(Target {
                archive,
                backup,
                paired: both(0) && both(2),
            }))
        }
    }
}
