//! `stanza-upgrade`: tells the repositories that the cluster has a new version or system id.

use pgkeep_postgres::control::ControlFile;
use pgkeep_repo::Stanza;
use pgkeep_repo::pg_history::PgHistoryEntry;
use serde_json::json;

use crate::error::Result;
use crate::hosts::{Repository, repository, stanza_info};
use crate::locks::stop_file;
use crate::run::Context;
use crate::run::summary::list;
use crate::stanza_create;

/// Adds a history entry to both info files of every repository that does not know the cluster.
///
/// # Errors
/// Missing or damaged info files, or files that do not fit each other.
pub fn run(context: &Context) -> Result<()> {
    let stanza = Stanza::new(context.stanza()?)?;
    stop_file::check(context)?;
    let control = stanza_create::control_of_cluster(context)?;
    context
        .summary
        .fact("pg-version", control.version.to_string());
    context.summary.fact("system-id", control.system_id);
    let (mut upgraded, mut same) = (Vec::new(), Vec::new());
    let mut told = Vec::new();
    for repository in repository::open_all(context)? {
        context.cancel.check()?;
        log::info!(
            "stanza-upgrade for stanza '{stanza}' on {}",
            repository.name()
        );
        let is_new = upgrade(&repository, &stanza, &control)?;
        let result = if is_new { "upgraded" } else { "there" };
        told.push(json!({"repo-key": repository.key, "result": result}));
        // A repository that fails later does not take back what was done.
        context.summary.fact("repo", told.clone());
        match is_new {
            true => upgraded.push(repository.name()),
            false => same.push(repository.name()),
        }
    }
    if !upgraded.is_empty() {
        context.summary.done(format!(
            "stanza {stanza} is for PostgreSQL {}, system-id {} in {} from now on",
            control.version,
            control.system_id,
            list(&upgraded)
        ));
    }
    if !same.is_empty() {
        context
            .summary
            .done(format!("stanza {stanza} was up to date in {}", list(&same)));
    }
    Ok(())
}

/// `false`: the repository knew the cluster already.
fn upgrade(repository: &Repository, stanza: &Stanza, control: &ControlFile) -> Result<bool> {
    let mut info = stanza_info::load(repository, stanza)?;
    let entry = stanza_info::history_entry(control);
    let is_new = |current: &PgHistoryEntry| {
        current.version != entry.version || current.system_id != entry.system_id
    };
    // The two files cannot be written in one step, so each is compared by itself. The next run then finishes one that died
    // between them.
    let upgrade_archive = is_new(info.archive.history.current());
    let upgrade_backup = is_new(info.backup.history.current());
    if upgrade_archive {
        info.archive.history.upgrade(entry.clone());
    }
    if upgrade_backup {
        info.backup.history.upgrade(entry.clone());
        info.backup.mark_updated();
    }
    stanza_info::check_match(&info)?;
    let (storage, pass) = (&*repository.storage, repository.pass.as_ref());
    if upgrade_archive {
        info.archive.save(storage, stanza, pass)?;
    }
    if upgrade_backup {
        info.backup.save(storage, stanza, pass)?;
    }
    let upgraded = upgrade_archive || upgrade_backup;
    if !upgraded {
        log::info!(
            "stanza '{stanza}' on {} is already up to date",
            repository.name()
        );
    }
    Ok(upgraded)
}
