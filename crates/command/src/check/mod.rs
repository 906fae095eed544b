//! `check`: would a backup and the archiving of WAL work now?
//!
//! For one stanza or all of the configuration: settings of the cluster, info files of every repository, and one real
//! WAL segment switched and awaited in every repository.

mod roles;
mod standby;

use std::time::Duration;

use pgkeep_config::Program;
use pgkeep_config::option;
use pgkeep_config::option::Group;
use pgkeep_repo::Stanza;
use pgkeep_storage::{InfoLevel, StoragePath};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{
    Repository,
    cluster::{self, Cluster},
    clusters, pg_host, repository, stanza_info,
};
use crate::locks::stop_file;
use crate::run::{Context, summary};
use crate::wal::find::WalFind;

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
    let repositories = repository::open_all(context)?;
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
    repositories: &[Repository],
    primary: &mut Cluster,
) -> Result<()> {
    cluster::check_same_cluster(primary)?;
    cluster::check_archive_settings(context, primary)?;
    let mut failures = Failures::new(context, repositories.len());
    let mut sound = Vec::new();
    for repository in repositories {
        log::info!("check {} configuration (primary)", repository.name());
        let loaded = stanza_info::load_for(repository, stanza, &primary.control);
        if let Some(info) = failures.take(repository, loaded)? {
            sound.push((repository, info.archive.history.current().archive_id()));
        }
    }
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
    for (repository, archive_id) in &sound {
        log::info!("check {} archive for WAL (primary)", repository.name());
        let storage = &*repository.storage;
        let found = WalFind::new(storage, stanza, archive_id, timeout).wait_for(context, &segment);
        if let Some(found) = failures.take(repository, found)?.flatten() {
            arrived.push(repository.key);
            context.summary.fact("repo-key", arrived.clone());
            let path = pgkeep_repo::layout::archive_file(stanza, archive_id, &found.to_string());
            log::info!(
                "WAL segment {segment} successfully archived to '{}' on {}",
                storage.display(&path),
                repository.name()
            );
        }
    }
    failures.end()?;
    let names: Vec<_> = sound
        .iter()
        .map(|(repository, _)| repository.name())
        .collect();
    context.summary.done(format!(
        "{stanza} is in order: WAL segment {segment} arrived in {}",
        summary::list(&names)
    ));
    Ok(())
}

/// What is wrong in one of several repositories. As `pgkeep` it does not hide how the others are.
struct Failures {
    go_on: bool,
    repositories: usize,
    count: usize,
    first: Option<ErrorCode>,
}

impl Failures {
    fn new(context: &Context, repositories: usize) -> Self {
        Self {
            go_on: repositories > 1 && context.config.program() == Program::PgKeep,
            repositories,
            count: 0,
            first: None,
        }
    }

    /// The value, or nothing with the reason in the log; an error where the check ends with the first.
    fn take<T>(&mut self, repository: &Repository, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.go_on && error.code != ErrorCode::Term => {
                self.count += 1;
                self.first.get_or_insert(error.code);
                crate::log_error(&error.with_prefix(&format!("{}: ", repository.name())));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The code of the first, once all repositories were checked.
    fn end(&self) -> Result<()> {
        match self.first {
            None => Ok(()),
            Some(code) => Err(Error::new(
                code,
                format!(
                    "{} of {} repositories are not in order",
                    self.count, self.repositories
                ),
            )
            .with_hint("the errors above say what is wrong with each.")),
        }
    }
}
