//! `backup`: copies a cluster into a repository, whole or what changed since an earlier backup.
//!
//! The story is [`make`]: what this backup builds on, start, list, label, copy, stop, archive, complete. Each step is a file
//! beside this one. The invariant: a backup exists from the instant its `backup.manifest` does, and whatever ends a run before
//! that leaves the cluster out of backup mode and the repository valid.

mod ahead;
mod archive;
mod batch;
mod block_map;
mod cluster;
mod compare;
mod complete;
mod copier;
mod copy_file;
mod copy_job;
mod durable;
mod file_pipeline;
mod from_standby;
mod job;
mod label;
mod last_line;
mod manifest_build;
mod plan;
mod prior;
mod process;
mod queue;
mod results;
mod resume;
mod settings;
mod sink;
mod standby;
mod start;
mod still_there;
mod stop;
#[cfg(test)]
mod tests;

use std::cell::{Cell, OnceCell, RefCell};

use pgkeep_repo::sets::TakenLabels;
use pgkeep_repo::{BackupType, cipher_keys};
use pgkeep_storage::in_parallel;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::added_sets::{self, Loaded};
use crate::hosts::{Repository, repository};
use crate::locks::stop_file;
use crate::report::size_text::size_text;
use crate::run::Context;
use crate::run::progress::Doing;
use archive::{Archive, Needed};
use cluster::Source;
use plan::Plan;
use process::Process;
use resume::Resume;
use settings::Settings;

/// Makes one backup.
///
/// # Errors
/// Errors of a step; [`ErrorCode::Stop`] when the stanza was stopped.
pub fn run(context: &Context) -> Result<()> {
    let settings = Settings::from(context)?;
    stop_file::check(context)?;
    if settings.repo_defaulted {
        log::info!(
            "repo option not specified, defaulting to repo{}",
            settings.repo_key
        );
    }
    let repository = repository::open(context, settings.repo_key)?;
    match make(context, &settings, &repository, Source::open) {
        // Whatever the stop interrupted, the reason to name is the signal.
        Err(error) if error.code == ErrorCode::Term => context.cancel.check().and(Err(error)),
        result => result,
    }
}

/// Whether this run goes on with `expire` once the backup has succeeded.
#[must_use]
pub fn expires_afterwards(context: &Context) -> bool {
    settings::expires_afterwards(&context.config)
}

/// Makes one backup in one repository. `open` finds the cluster, once the stanza is known to exist.
///
/// # Errors
/// Errors of a step.
fn make(
    context: &Context,
    settings: &Settings,
    repository: &Repository,
    open: impl FnOnce(&Context, &Settings) -> Result<Source>,
) -> Result<()> {
    let began = context.clock.milliseconds();
    context.summary.stopped("no backup was made");
    context.summary.fact("repo-key", settings.repo_key);
    let doing = Doing::now(&context.progress, "reading the repository");
    let storage = &*repository.storage;
    let Loaded {
        mut info,
        warnings,
        added,
        before,
        ..
    } = added_sets::load(context, repository, &settings.stanza, settings.limits)?;
    added_sets::renew_copies(repository, &settings.stanza, &added)?;
    for warning in warnings {
        log::warn!("{warning}");
    }
    let mut source = open(context, settings)?;
    source.check_stanza(info.history.current())?;
    let mut plan = Plan::new(settings, source.control.data_checksum_version != 0);
    let start_time = source.time(context)?;
    let prior_label = prior::find(&mut plan, &info);
    let (archive, prior) = in_parallel(
        storage,
        || Archive::load(settings, repository),
        || prior::load(settings, repository, &info, prior_label.as_ref()),
    )?;
    if let (Some(label), Some(prior)) = (&prior_label, &prior) {
        prior::adapt(&mut plan, label, prior)?;
    }

    drop(doing);
    let started = start::start(context, settings, repository, archive.as_ref(), &mut source)?;
    let doing = Doing::now(&context.progress, "listing the files of the cluster");
    let mut manifest =
        manifest_build::build(settings, &plan, &info, &source, &started, start_time)?;
    // Now and not at the end: a run that resumes this one must know.
    manifest.options.backup_standby = Some(source.has_standby());
    drop(doing);
    if plan.backup_type == BackupType::Full {
        // All of it is copied: further connections are made during the wait.
        storage.announce(plan.estimate(&manifest));
    }
    // Before anything is copied: what changes from now on gets a modification time the next backup can tell from this one.
    // Which labels are taken is a number of round trips, and this a wait.
    let (before_copy, mut taken) = in_parallel(
        storage,
        || source.wait_for_next_second(context),
        || Ok(TakenLabels::list(storage, &settings.stanza)?),
    )?;
    let doing = Doing::now(&context.progress, "comparing with earlier backups");
    manifest.cipher_pass = cipher_keys::backup_pass(info.cipher_pass.as_ref(), prior.as_ref())?;
    manifest_build::compare(&mut plan, &mut manifest, prior, before_copy, &started)?;
    storage.announce(plan.estimate(&manifest));
    let manifest_pass = info.cipher_pass.clone();
    let resume = Resume {
        context,
        settings,
        plan: &plan,
        repository,
        manifest_pass: manifest_pass.as_ref(),
    };
    if !resume.resume(&mut manifest, &info, &mut taken.sets)? {
        let prior = manifest.backup.prior.clone();
        let taken = (&settings.stanza, taken);
        let label = label::create(context, plan.backup_type, prior.as_ref(), start_time, taken)?;
        manifest.set_label(label);
    }
    let label = manifest
        .backup
        .label
        .clone()
        .ok_or_else(|| Error::new(ErrorCode::Assert, "the manifest has no label"))?;
    context.summary.fact("label", label.to_string());
    context.summary.fact("type", plan.backup_type.to_string());
    let prior = manifest.backup.prior.as_ref().map(ToString::to_string);
    context.summary.fact("prior", prior);
    let process = Process {
        context,
        settings,
        plan: &plan,
        repository,
        label: &label,
        manifest_pass: manifest_pass.as_ref(),
        saving: RefCell::default(),
        saved_once: Cell::default(),
        together: OnceCell::new(),
    };
    process.create_paths(&manifest)?;
    process.save_copy(&manifest)?;
    drop(doing);
    let page_warnings = process.run(&mut manifest, &mut source)?;
    source.ping(context, true)?;
    source.leave_standby();

    let stopped = stop::stop(
        context,
        settings,
        &plan,
        repository,
        &mut source,
        &mut manifest,
    )?;
    complete::fill(&mut manifest, settings, &plan, &started, &stopped);
    source.disconnect();
    if let (Some(archive), Some(start), Some(stop)) = (&archive, started.lsn, stopped.lsn) {
        let needed = Needed {
            settings,
            plan: &plan,
            repository,
            archive,
            start,
            stop,
        };
        let (first, last) = needed.ends(&source);
        log::info!("check archive for segment(s) {first}:{last}");
        // Waiting may fail: everything copied so far is then kept for a resume.
        process.save_copy(&manifest)?;
        if settings.resume && !storage.only_adds() {
            context
                .summary
                .unfinished("all files are stored: run it again to resume");
        }
        needed.check_and_copy(context, &source, &mut manifest)?;
    }
    log::info!("new backup label = {label}");
    let _doing = Doing::now(&context.progress, "writing the manifest");
    process.settle()?;
    complete::complete(
        settings,
        repository,
        (&mut info, &before),
        &manifest,
        &label,
        stopped.tickets,
    )?;
    let totals = manifest.totals();
    log::info!(
        "{} backup size = {}, file total = {}",
        plan.backup_type,
        size_text(totals.size_delta),
        manifest.file_count()
    );
    last_line::note(&context.summary, &manifest, page_warnings);
    context.summary.done(last_line::text(
        settings,
        &plan,
        &label,
        &manifest,
        page_warnings,
        context.clock.milliseconds() - began,
    ));
    if page_warnings > 0 {
        log::warn!(
            "backup command encountered {page_warnings} checksum warning(s), check the log file for details"
        );
    }
    Ok(())
}
