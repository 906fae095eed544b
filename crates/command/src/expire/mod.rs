//! `expire`: removes backups and WAL that retention no longer asks for.
//!
//! The story of one repository is [`Expire::run`]. The order of removals is the invariant: whatever instant a run dies
//! at, both programs find a valid repository, and the next run removes what was left over.

mod adhoc;
mod ahead;
mod archive;
mod bad_pages;
mod beside;
mod by_retention;
mod claimed_wal;
mod directories;
mod history;
mod late_wal;
mod left_overs;
mod locked;
mod named;
mod on_disk;
mod outlook;
mod plan;
mod removed;
mod settings;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use pgkeep_config::command::CommandId;
use pgkeep_repo::retention::{self, Expired};
use pgkeep_repo::{BackupInfo, BackupType, Stanza, layout};
use pgkeep_storage::wrap::read_only::ReadOnly;
use pgkeep_storage::{Storage, in_parallel};
use serde_json::json;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::added_sets::{self, Loaded};
use crate::hosts::repository::append_only;
use crate::hosts::{Repository, repository};
use crate::locks::LockType;
use crate::locks::stop_file;
use crate::run::progress::Doing;
use crate::run::summary::repositories;
use crate::run::{Context, begin};
use ahead::Archives;
use bad_pages::oldest_with_bad_pages;
use named::Reading;
use on_disk::OnDisk;
pub(crate) use outlook::{Goes, Outlook, outlook};
use removed::Removed;
use settings::{Retention, Settings, repo_option};

/// Expires in every repository, or in the one of `--repo`.
///
/// # Errors
/// Bad options; a repository that cannot be opened; [`ErrorCode::Command`] when something failed in one or more of them.
pub fn run(context: &Context) -> Result<()> {
    run_with(context, None)
}

/// `fresh`: the repository whose list was saved a moment ago, by this process.
fn run_with(context: &Context, fresh: Option<u32>) -> Result<()> {
    stop_file::check(context)?;
    let settings = Settings::from(context)?;
    let mut found = false;
    let mut errors = Vec::new();
    let removed = Removed::default();
    context.summary.fact("repo-key", settings.keys.clone());
    for &key in &settings.keys {
        context.cancel.check()?;
        if fresh.is_some() && append_only::is_set(&context.config, key) {
            log::info!("{}", append_only::not_expired(key));
            continue;
        }
        // A repository that cannot be reached ends the run. What fails within one does not stop the work on the others.
        let mut repository = repository::open(context, key)?;
        if settings.dry_run {
            repository.storage = Arc::new(ReadOnly::new(repository.storage));
        }
        let last = settings.keys.last() == Some(&key);
        let mut expire = Expire::new(
            context,
            &settings,
            &repository,
            Retention::of(&context.config, key),
            &removed,
        );
        expire.fresh = fresh == Some(key);
        match expire.run(&mut found, last) {
            Ok(()) => {}
            Err(error) if error.code == ErrorCode::Term => return Err(error),
            Err(error) => {
                let error = error.with_prefix(&format!("repo{key}: "));
                crate::log_error(&error);
                errors.push(json!({
                    "repo-key": key,
                    "code": error.code.number(),
                    "message": error.message,
                    "hint": error.hints,
                }));
            }
        }
    }
    context.summary.fact("expired", removed.facts());
    let failed = errors.len();
    if failed > 0 {
        context.summary.fact("repo-error", errors);
        return Err(Error::new(
            ErrorCode::Command,
            format!("expire command encountered {failed} error(s), check the log file for details"),
        ));
    }
    tell(context, &settings, fresh.is_some(), &removed);
    Ok(())
}

/// The last line of the run; after a backup, which has one of its own, only what was removed is added to it.
fn tell(context: &Context, settings: &Settings, after_backup: bool, removed: &Removed) {
    let expired = if settings.dry_run {
        "would be expired"
    } else {
        "expired"
    };
    let place = || format!("of {} in {}", settings.stanza, repositories(&settings.keys));
    match (removed.text(), after_backup) {
        (Some(what), true) => context.summary.done(format!("{what} {expired}")),
        (Some(what), false) => context
            .summary
            .done(format!("{what} {} {expired}", place())),
        (None, true) => {}
        (None, false) => context
            .summary
            .done(format!("nothing to expire {}", place())),
    }
    if let Some(kept) = removed.kept() {
        context.summary.done(kept);
    }
}

/// The `expire` that follows a `backup` in the same process, under the same locks; it begins with its own begin line.
///
/// # Errors
/// As [`run`].
pub fn run_after_backup(context: &Context) -> Result<()> {
    // The lock file must no longer tell the progress of a backup that has ended.
    context.clear_progress(LockType::Backup)?;
    log::info!("{}", begin::begin_line(&context.config, CommandId::Expire));
    run_with(context, Some(repository::default_key(&context.config)))
}

/// Expiration in one repository.
struct Expire<'a> {
    context: &'a Context,
    settings: &'a Settings,
    repository: &'a Repository,
    /// `repo1`
    name: String,
    retention: Retention,
    /// The list was saved a moment ago, by this process.
    fresh: bool,
    removed: &'a Removed,
    /// Of the files of backups that were taken off the list.
    names: Reading,
}

impl<'a> Expire<'a> {
    fn new(
        context: &'a Context,
        settings: &'a Settings,
        repository: &'a Repository,
        retention: Retention,
        removed: &'a Removed,
    ) -> Self {
        Self {
            context,
            settings,
            repository,
            name: repository.name(),
            retention,
            fresh: false,
            removed,
            names: Reading::default(),
        }
    }

    fn storage(&self) -> &'a dyn Storage {
        &*self.repository.storage
    }

    fn stanza(&self) -> &'a Stanza {
        &self.settings.stanza
    }

    /// `found` collects whether any repository had the backup of `--set`; `last` says that no repository follows.
    fn run(&mut self, found: &mut bool, last: bool) -> Result<()> {
        let storage = self.storage();
        let (info, removed) = self.beside_left_overs(|this| this.steps(found, last))?;
        left_overs::tell(storage, &self.name, removed);
        if let Some(error) = oldest_with_bad_pages(info.entries()) {
            log::warn!("{}: {}", self.name, error.text());
        }
        Ok(())
    }

    /// Hands back what is listed now, and whether another account adds to the repository.
    fn steps(&mut self, found: &mut bool, last: bool) -> Result<(BackupInfo, bool)> {
        let (storage, stanza, pass) =
            (self.storage(), self.stanza(), self.repository.pass.as_ref());
        let wants_archives =
            storage.has_latency() && self.retention.archive.is_some_and(|keep| keep > 0);
        // With `--set` it matters what the step before has removed.
        let sees_early = storage.has_latency() && self.settings.set.is_none();
        let now = self.context.clock.seconds();
        let doing = Doing::now(
            &self.context.progress,
            &format!("{}: reading the list of backups", self.name),
        );
        let (
            Loaded {
                mut info,
                warnings,
                closed,
                added,
                gone,
                before,
                refused,
            },
            (seen, ahead),
        ) = in_parallel(
            storage,
            || {
                let limits = added_sets::limits(&self.context.config, self.repository.key);
                added_sets::load(self.context, self.repository, stanza, limits)
            },
            || {
                in_parallel(
                    storage,
                    // A directory that is made meanwhile is none that goes, so an early look will do.
                    || Ok(sees_early.then(|| OnDisk::read(storage, stanza, (None, now), None))),
                    // Whether it is needed at all is known later, and so is whether an error matters.
                    || {
                        Ok::<_, Error>(
                            wants_archives.then(|| Archives::read(storage, stanza, pass)),
                        )
                    },
                )
            },
        )?;
        let ahead = match (closed, ahead) {
            (false, ahead) => ahead,
            (true, ahead) => {
                let read = || Archives::read(storage, stanza, pass);
                let archives = ahead.unwrap_or_else(read)?;
                claimed_wal::check(stanza, &info, &archives)?;
                if !self.settings.dry_run {
                    added_sets::renew_copies(self.repository, stanza, &added)?;
                    added_sets::remove_manifests(self.repository, stanza, &gone)?;
                }
                Some(Ok(archives))
            }
        };
        for warning in &warnings {
            match closed {
                // The usual way of a set into the list.
                true => log::info!("{}: {warning}", self.name),
                false => log::warn!("{warning}"),
            }
        }
        if self.settings.oldest {
            self.lower_to_oldest(&info);
        }
        doing.and(&format!("{}: expiring backups", self.name));
        // 1. The manifests of expired backups: without a manifest both programs take a directory for no backup at once.
        match &self.settings.set {
            Some(label) => *found |= self.expire_adhoc(&mut info, label, !*found && last)?,
            None => self.expire_by_retention(&mut info)?,
        }
        // 2. The list, before the first directory is removed: it must not name a backup whose files are being removed.
        //    Also one that did not change gets a new modification time, which rules that remove old files of a bucket go by.
        let saved = self.fresh && !info.is_updated();
        //    What is on disk is looked at meanwhile: saving the list changes none of it.
        let cipher_pass = info.cipher_pass.clone();
        let named = self.settings.set.as_ref();
        let ((), on_disk) = in_parallel(
            storage,
            || match self.settings.dry_run || saved {
                true => Ok(()),
                false => {
                    info.catch_up(storage, stanza, pass, &before)?;
                    Ok(info.save(storage, stanza, pass)?)
                }
            },
            || match seen {
                Some(seen) => seen,
                None => OnDisk::read(storage, stanza, (named, now), cipher_pass.as_ref()),
            },
        )?;
        // 3. The files. A run that dies here leaves directories that are not listed, which the next run removes.
        let gone = match closed {
            true => self.unfinished(&info, on_disk)?,
            false => self.unlisted(&info, on_disk, &refused)?,
        };
        let this = &*self;
        this.beside(&gone, || {
            // 4. WAL, by the backups that are left: a backup must never lose WAL while it is still listed.
            doing.and(&format!("{}: looking for WAL to expire", this.name));
            this.expire_archive(&info, ahead, closed)?;
            // 5. Old manifests, which no backup needs.
            this.expire_history(&info)
        })?;
        Ok((info, closed))
    }

    /// `--oldest`: retention for this run is one full backup fewer than there are.
    fn lower_to_oldest(&mut self, info: &BackupInfo) {
        let (name, key) = (&self.name, self.repository.key);
        let Some(keep) = retention::oldest(info.entries()) else {
            log::warn!("{name}: expire oldest requested but no eligible full backup to expire");
            return;
        };
        if self.retention.by_time {
            log::info!(
                "{name}: expire oldest overrides configured time-based retention with count-based retention for this \
                 execution"
            );
        }
        self.retention = Retention {
            by_time: false,
            full: Some(keep),
            archive_type: BackupType::Full,
            archive: Some(keep),
            ..self.retention
        };
        crate::detail!(
            "{name}: expire oldest enforcing {}=count, {}={keep}, {}=full, and {}={keep} for this execution",
            repo_option(key, "retention-full-type"),
            repo_option(key, "retention-full"),
            repo_option(key, "retention-archive-type"),
            repo_option(key, "retention-archive"),
        );
    }

    /// Makes backups invalid and takes them off the list. Their files are removed later.
    fn remove_manifests(&self, info: &mut BackupInfo, sets: &[Expired]) -> Result<()> {
        if sets.is_empty() {
            return Ok(());
        }
        self.context.cancel.check()?;
        // Newest first, so that no backup remains without one that it depends on. Of each the manifest before its copy,
        // because a copy alone may be taken for a backup in progress only while it is the newest. All in one call: a
        // storage that works on several at once may finish them in another order. Both programs repair that by dropping
        // what depends on a backup without a manifest.
        let manifests: Vec<_> = sets
            .iter()
            .flat_map(|expired| expired.set.iter().rev())
            .flat_map(|label| {
                [
                    layout::manifest(self.stanza(), label),
                    layout::manifest_copy(self.stanza(), label),
                ]
            })
            .collect();
        if !self.settings.dry_run {
            let labels = sets.iter().flat_map(|expired| expired.set.iter().cloned());
            let pass = info.cipher_pass.as_ref();
            self.names
                .begin(self.repository, self.stanza(), labels.collect(), pass);
            self.storage().remove_files(&manifests)?;
        }
        for label in sets.iter().flat_map(|expired| expired.set.iter().rev()) {
            info.remove(label);
            self.removed.backup(label);
        }
        Ok(())
    }
}
