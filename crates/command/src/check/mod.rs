//! `check`: would a backup and the archiving of WAL work now?
//!
//! For one stanza or all of the configuration: settings of the cluster, info files of every repository, and one real
//! WAL segment switched and awaited in every repository.

mod repositories;
mod roles;
mod standby;

use std::time::Duration;

use pgkeep_config::option;
use pgkeep_config::option::Group;
use pgkeep_repo::Stanza;
use pgkeep_storage::{InfoLevel, StoragePath};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{
    cluster::{self, Cluster},
    clusters, pg_host, stanza_info,
};
use crate::locks::stop_file;
use crate::run::{Context, summary};
use crate::wal::find::WalFind;
use repositories::{Failures, Repositories};

/// Checks the stanza of this run, or every stanza of the configuration.
///
/// # Errors
/// The first thing that is wrong; later stanzas are not checked then, as with pgBackRest.
pub fn run(context: &Context) -> Result<()> {
    if context.config.stanza().is_some() {
        return check_stanza(context);
    }
    let stanzas = context.config.stanzas();
    if stanzas.is_empty() {
        log::warn!(
            "no stanzas found to check\nHINT: are there non-empty stanza sections in the configuration?"
        );
    }
    for stanza in stanzas {
        log::info!("check stanza '{stanza}'");
        let loaded = context
            .config
            .for_stanza(&stanza)
            .map_err(|error| crate::run::begin::lower(&error))?;
        for warning in &loaded.warnings {
            log::warn!("{warning}");
        }
        check_stanza(&context.with_config(loaded.config))?;
    }
    Ok(())
}

fn check_stanza(context: &Context) -> Result<()> {
    let stanza = Stanza::new(context.stanza()?)?;
    let found = clusters::find_all(context)?;
    if found.primary.is_none() && found.standbys.is_empty() {
        let error = Error::new(ErrorCode::Config, "no database found")
            .with_hint("check indexed pg-path/pg-host configurations");
        return Err(match found.reach_hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        });
    }
    for &key in context.config.keys(Group::Pg) {
        // Readable at all? A backup could not list what it must copy.
        pg_host::open(context, key)?.list(&StoragePath::root(), InfoLevel::Exists)?;
    }
    roles::tell(context, &found);
    roles::tell_other_stanzas(context, &stanza, &found);
    let repositories = Repositories::open(context)?;
    roles::tell_hosts(context);
    standby::check(context, &stanza, &repositories, &found)?;
    match found.primary {
        Some(mut primary) => check_primary(context, &stanza, &repositories, &mut primary),
        None => Ok(()),
    }
}

fn check_primary(
    context: &Context,
    stanza: &Stanza,
    repositories: &Repositories,
    primary: &mut Cluster,
) -> Result<()> {
    cluster::check_same_cluster(primary)?;
    cluster::check_archive_settings(context, primary)?;
    let mut failures = Failures::new(repositories);
    let mut sound = Vec::new();
    let control = &primary.control;
    repositories.each(
        &repositories.all,
        |one| log::info!("check {} configuration (primary)", one.name()),
        |one| stanza_info::load_for(one.get()?, stanza, control),
        |one, loaded| {
            if let Some(info) = failures.take(&one.name(), loaded)? {
                let archive_id = info.archive.history.current().archive_id();
                sound.push((one, one.get()?, archive_id));
            }
            Ok(())
        },
    )?;
    if sound.is_empty() {
        return failures.end();
    }
    // A segment that nobody may push would be waited for, and then the archive_command would get the blame.
    stop_file::check(context).map_err(|error| {
        error
            .with_hint("archive-push refuses WAL while the stop file exists, so none can arrive.")
            .with_hint("run the 'start' command to let archiving go on, then check again.")
    })?;
    let handle = primary.session.cancel_handle();
    let _ends_the_wait = context.cancel.on_cancel(move || handle.cancel());
    let segment = primary.session.switch_wal_for_archive()?.to_string();
    context.summary.fact("wal", segment.clone());
    let mut arrived = Vec::new();
    let timeout = context
        .config
        .time(option::ARCHIVE_TIMEOUT)
        .unwrap_or(Duration::from_secs(60));
    repositories.each(
        &sound,
        |(one, ..)| log::info!("check {} archive for WAL (primary)", one.name()),
        |(_, repository, archive_id)| {
            let storage = &*repository.storage;
            WalFind::new(storage, stanza, archive_id, timeout).wait_for(context, &segment)
        },
        |(one, repository, archive_id), found| {
            let Some(found) = failures.take(&one.name(), found)?.flatten() else {
                return Ok(());
            };
            arrived.push(one.key);
            context.summary.fact("repo-key", arrived.clone());
            let path = pgkeep_repo::layout::archive_file(stanza, archive_id, &found.to_string());
            log::info!(
                "WAL segment {segment} successfully archived to '{}' on {}",
                repository.storage.display(&path),
                one.name()
            );
            Ok(())
        },
    )?;
    failures.end()?;
    let names: Vec<_> = sound.iter().map(|(one, ..)| one.name()).collect();
    context.summary.done(format!(
        "{stanza} is in order: WAL segment {segment} arrived in {}",
        summary::list(&names)
    ));
    Ok(())
}
