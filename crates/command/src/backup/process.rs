//! Copies everything the manifest asks for: queues, workers, results, and the manifest saved from time to time.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pgkeep_postgres::data_dir::{PG_TBLSPC, Rules};
use pgkeep_repo::layout::{self, StoredAs};
use pgkeep_repo::manifest::{Made, Manifest, PG_DATA};
use pgkeep_repo::{BackupLabel, BackupType};
use pgkeep_storage::{HardLinks, StoragePath, SyncTogether, Ticket};
use secrecy::SecretString;

use super::ahead::files_ahead;
use super::cluster::Source;
use super::copier::Copier;
use super::from_standby::SourceHosts;
use super::plan::Plan;
use super::queue::{Queues, Rulebook};
use super::results::Fold;
use super::settings::Settings;
use crate::detail;
use crate::error::Result;
use crate::hosts::Repository;
use crate::hosts::repository::measured::Measure;
use crate::jobs::Buffers;
use crate::jobs::{self, Steps};
use crate::locks::LockType;
use crate::report::size_text::size_text;
use crate::run::Context;
use crate::run::moved::Moved;
use crate::run::progress::Doing;

/// Mode of directories in the repository.
const PATH_MODE: u32 = 0o750;

/// What copying needs beside the manifest.
pub(super) struct Process<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    pub plan: &'a Plan,
    pub repository: &'a Repository,
    pub label: &'a BackupLabel,
    /// Passphrase of manifests.
    pub manifest_pass: Option<&'a SecretString>,
    /// The copy of the manifest that is on its way: files need not wait for it, as a set without one is only begun anew.
    pub saving: RefCell<Option<Ticket>>,
    /// It was saved, or is on its way.
    pub saved_once: Cell<bool>,
    /// Makes small files durable, if they are not by themselves.
    pub together: OnceCell<Box<dyn SyncTogether>>,
}

/// However the backup ends: what was saved of it stays.
impl Drop for Process<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.settle() {
            log::warn!(
                "unable to save manifest of the aborted backup: {}",
                error.named_text()
            );
        }
    }
}

impl std::fmt::Debug for Process<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

impl Process<'_> {
    /// Begins to save the copy of the manifest, so that an aborted backup can be resumed, and so that whoever expires on another host
    /// sees that a backup runs: for that, where nobody would resume it, it is saved once.
    ///
    /// # Errors
    /// Errors of saving, now or the time before.
    pub(super) fn save_copy(&self, manifest: &Manifest) -> Result<()> {
        let only_adds = self.repository.storage.only_adds();
        let again = self.settings.resume && !only_adds;
        if self.saved_once.replace(true) && !again {
            return Ok(());
        }
        let made = match self.settings.resume {
            true => Made::Here,
            false => Made::HereOnce,
        };
        // Both have the same name: the newer one must get it last.
        self.settle()?;
        // Whoever resumes, pgBackRest too, keeps what it names and writes none of it again.
        self.sync_small()?;
        let (storage, stanza) = (&*self.repository.storage, &self.settings.stanza);
        let saving =
            manifest.begin_copy(storage, stanza, self.label, (self.manifest_pass, made))?;
        *self.saving.borrow_mut() = Some(saving);
        Ok(())
    }

    /// Waits until what was saved last has its name.
    ///
    /// # Errors
    /// Errors of saving.
    pub(super) fn settle(&self) -> Result<()> {
        if let Some(saving) = self.saving.take() {
            saving.wait()?;
        }
        Ok(())
    }

    /// Copies all files and leaves a manifest that says where each is. Returns in how many of them bad pages were found.
    ///
    /// # Errors
    /// The first error of a job that its retries did not mend; those of the queues and of the ping.
    pub(super) fn run(&self, manifest: &mut Manifest, source: &mut Source) -> Result<u32> {
        let (mut vanished, page_warnings) = self.copy(manifest, source)?;
        let _doing = Doing::now(&self.context.progress, "making the files durable");
        // Only now: removing moves the positions that queues and results speak of.
        vanished.sort_unstable();
        let mut position = 0;
        manifest.retain_files(|_| {
            position += 1;
            vanished.binary_search(&(position - 1)).is_err()
        });
        self.references(manifest)?;
        // Files before the directories that name them, and both before the manifest that makes them a backup.
        self.sync_small()?;
        self.sync_paths(manifest)?;
        Ok(page_warnings)
    }

    /// Where files of an earlier set get a further name in this one; `None`: not asked for, or the storage has no hard links.
    fn hard_links(&self) -> Option<&dyn HardLinks> {
        self.repository
            .storage
            .as_hard_links()
            .filter(|_| self.settings.hardlink)
    }

    /// Whether the set has all directories of the cluster: it is then a data directory that people can copy back by hand.
    pub(super) fn has_all_paths(&self) -> bool {
        (self.plan.backup_type == BackupType::Full && self.settings.bundle.is_none())
            || self.hard_links().is_some()
    }

    pub(super) fn set_path(&self, name: &[u8]) -> StoragePath {
        layout::set_path(&self.settings.stanza, self.label).join(name)
    }

    /// Makes the directories of a set that has all of them. Before the manifest is saved for the first time, which then
    /// need not look for its directory.
    ///
    /// # Errors
    /// Errors of making them.
    pub(super) fn create_paths(&self, manifest: &Manifest) -> Result<()> {
        if !self.has_all_paths() {
            return Ok(());
        }
        let storage = &*self.repository.storage;
        if let Some(directories) = storage.as_paths() {
            let paths: Vec<StoragePath> = manifest
                .paths()
                .iter()
                .map(|path| self.set_path(&path.name))
                .collect();
            directories.create_paths(&paths, PATH_MODE)?;
        }
        if let Some(links) = storage.as_symbolic_links() {
            for oid in manifest
                .targets()
                .iter()
                .filter_map(|target| target.tablespace_oid())
            {
                let oid = oid.to_string();
                let link = self.set_path(PG_DATA).join(PG_TBLSPC).join(&oid);
                links.link(
                    &link,
                    [b"../../", PG_TBLSPC, b"/", oid.as_bytes()]
                        .concat()
                        .as_slice(),
                )?;
            }
        }
        Ok(())
    }

    /// Runs the workers; returns positions of files that the server removed, and the number of files with bad pages.
    fn copy(&self, manifest: &mut Manifest, source: &mut Source) -> Result<(Vec<u32>, u32)> {
        let (context, settings) = (self.context, self.settings);
        let hosts = source.hosts();
        let control = &source.control;
        // That the manifest cannot be saved is said first: it is what was tried first.
        let mut queues = Queues::build(manifest, settings, &hosts, control.version)
            .or_else(|error| self.settle().and(Err(error)))?;
        queues.far_repository = self.repository.storage.has_latency();
        let rules = Rules::new(control.version, control.catalog_version, settings.online);
        let book = Rulebook {
            settings,
            plan: self.plan,
            rules: &rules,
            label: self.label,
        };
        let mut pool = settings.pool;
        // As with pgBackRest, the worker that reads from the primary is not one of `process-max`.
        pool.workers += usize::from(hosts.standby.is_some());
        let mut copier = self.copier(manifest, source, hosts.clone(), pool.workers);
        copier.together = self.begin_together(queues.small)?;
        let total = queues.total;
        context.note_progress(LockType::Backup, self.repository.key, total, 0)?;
        context.progress.begin("backup", total, &copier.moved);
        let state = RefCell::new(State {
            manifest,
            queues,
            fold: Fold {
                hosts: &hosts,
                page_size: source.control.page_size,
                total,
                done: 0,
                vanished: Vec::new(),
                page_warnings: 0,
                page_error: settings.page_error,
            },
            saved: 0,
            save_after: (total / 100).max(settings.manifest_save_threshold),
        });
        let failed = AtomicBool::new(false);
        let result = jobs::run(
            pool,
            &context.cancel,
            &|job: &Given| {
                let done = copier.run(&job.batch);
                failed.fetch_or(done.is_err(), Ordering::Relaxed);
                done
            },
            Steps {
                next: &mut |worker| {
                    let state = &mut *state.borrow_mut();
                    let next = state
                        .queues
                        .next_batch(worker, state.manifest, &book, &hosts);
                    let (batch, positions): (Vec<_>, Vec<_>) = next.into_iter().unzip();
                    Ok((!batch.is_empty()).then_some(Given { batch, positions }))
                },
                done: &mut |job: Given, results, process| {
                    let state = &mut *state.borrow_mut();
                    let positions = job.positions.iter();
                    for ((copy, positions), results) in
                        job.batch.iter().zip(positions).zip(&results)
                    {
                        state
                            .fold
                            .take(state.manifest, copy, positions, results, process)?;
                    }
                    let last = job
                        .batch
                        .last()
                        .and_then(|copy| copy.files.last())
                        .map(|file| String::from_utf8_lossy(&file.name));
                    context.progress.finished(&last.unwrap_or_default());
                    context.note_progress(
                        LockType::Backup,
                        self.repository.key,
                        total,
                        state.fold.done,
                    )?;
                    if state.fold.done - state.saved >= state.save_after {
                        state.saved = state.fold.done;
                        self.save_copy(state.manifest)?;
                    }
                    Ok(())
                },
                // A connection that was lost took the session with it: then trying again is in vain, and the session says why.
                tick: &mut || {
                    let now = failed.swap(false, Ordering::Relaxed) && source.host.has_latency();
                    source.ping(context, now)
                },
            },
        );
        context.progress.end();
        let State { manifest, fold, .. } = state.into_inner();
        if let Err(error) = result {
            // What was copied until now need not be copied again by the run that resumes this one. A failure to save it
            // must not hide why the run ends.
            if fold.done > 0 {
                match self.save_copy(manifest).and_then(|()| self.settle()) {
                    Ok(()) if settings.resume && !self.repository.storage.only_adds() => {
                        context.summary.unfinished(format!(
                            "{} of {} are stored: run it again to resume",
                            size_text(fold.done),
                            size_text(total)
                        ))
                    }
                    Ok(()) => {}
                    Err(second) => log::warn!(
                        "unable to save manifest of the aborted backup: {}",
                        second.named_text()
                    ),
                }
            }
            return Err(error);
        }
        Ok((fold.vanished, fold.page_warnings))
    }

    fn copier(
        &self,
        manifest: &Manifest,
        source: &Source,
        hosts: SourceHosts,
        workers: usize,
    ) -> Copier {
        let settings = self.settings;
        let super_block_size =
            settings
                .block
                .as_ref()
                .map_or(0, |block| match self.plan.backup_type {
                    BackupType::Full => block.super_block_size_full,
                    BackupType::Diff | BackupType::Incr => block.super_block_size,
                });
        Copier {
            context: self.context.clone(),
            hosts,
            repo: Arc::clone(&self.repository.storage),
            measure: Measure::of(self.repository),
            compress: self.plan.compress,
            level: self.plan.level,
            pass: manifest.cipher_pass.clone(),
            bundle_raw: manifest.backup.bundle_raw,
            page_size: source.control.page_size,
            header_check: settings.page_header_check,
            super_block_size,
            reference: u32::try_from(manifest.references.len().saturating_sub(1))
                .unwrap_or(u32::MAX),
            buffer_size: settings.buffer_bytes(),
            buffers: Buffers::default(),
            moved: Moved::new(&self.repository.storage),
            together: false,
            files_ahead: files_ahead(workers),
        }
    }

    /// Logs what was not copied, and links it into this set where that is asked for.
    fn references(&self, manifest: &Manifest) -> Result<()> {
        let hard_links = self.hard_links();
        if hard_links.is_none() && !log::log_enabled!(target: crate::DETAIL, log::Level::Debug) {
            return Ok(());
        }
        let stored = StoredAs::Whole(self.plan.compress.extension());
        let stanza = &self.settings.stanza;
        for file in manifest.files() {
            let Some(reference) = file.reference_label() else {
                continue;
            };
            let Some(hard_links) = hard_links else {
                detail!("reference {} to {reference}", file.name);
                continue;
            };
            detail!("hardlink {} to {reference}", file.name);
            let name = file.name.to_vec();
            let from = layout::backup_file(stanza, reference, &name, stored);
            hard_links.hard_link(
                &from,
                &layout::backup_file(stanza, self.label, &name, stored),
            )?;
        }
        Ok(())
    }
}

/// A job on its way, or several small ones.
struct Given {
    batch: Vec<super::job::CopyJob>,
    positions: Vec<Vec<u32>>,
}

/// What the steps of the pool share; they all run on the main thread.
struct State<'a, 'b> {
    manifest: &'a mut Manifest,
    queues: Queues,
    fold: Fold<'b>,
    /// Bytes done when the manifest was saved last, and how many more make it worth saving again.
    saved: u64,
    save_after: u64,
}
