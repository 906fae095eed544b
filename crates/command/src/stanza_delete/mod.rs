//! `stanza-delete`: removes a stanza with all its backups and WAL from one repository.

use pgkeep_config::option;
use pgkeep_repo::{Stanza, layout};
use pgkeep_storage::{InfoLevel, ListOptions, Storage, StoragePath};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::{pg_host, repository, this_host};
use crate::locks::{self, stop_file};
use crate::run::Context;
use crate::run::progress::Doing;

/// Removes everything of the stanza; it must have been stopped, and its cluster too unless `--force`.
///
/// # Errors
/// [`ErrorCode::FileMissing`] without a stop file, [`ErrorCode::PgRunning`] with a running cluster.
pub fn run(context: &Context) -> Result<()> {
    let config = &context.config;
    let stanza = Stanza::new(context.stanza()?)?;
    let repository = repository::open(context, repository::default_key(config))?;
    let storage = &*repository.storage;
    let list = |path: &StoragePath| {
        let options = ListOptions {
            level: InfoLevel::Exists,
            ..ListOptions::default()
        };
        Ok::<_, Error>(
            storage
                .list(path, &options)?
                .map(|entries| !entries.is_empty()),
        )
    };
    let (archive_path, backup_path) = (layout::archive_path(&stanza), layout::backup_path(&stanza));
    let (archive, backup) = (list(&archive_path)?, list(&backup_path)?);
    let name = repository.name();
    context.summary.fact("repo-key", repository.key);
    context.summary.fact("deleted", false);
    if archive.is_none() && backup.is_none() {
        context
            .summary
            .done(format!("nothing to delete: {name} has no stanza {stanza}"));
        return Ok(());
    }
    let lock_path = this_host::directory(&locks::path(context));
    let stop = stop_file::path(Some(stanza.as_str()));
    if archive == Some(true) || backup == Some(true) {
        if lock_path.info(&stop, InfoLevel::Exists)?.is_none() {
            return Err(Error::new(
                ErrorCode::FileMissing,
                format!("stop file does not exist for stanza '{stanza}'"),
            )
            .with_hint(
                "has the pgbackrest stop command been run on this server for this stanza?",
            ));
        }
        check_not_running(context, &stanza, &name)?;
        context
            .summary
            .unfinished("the stanza is deleted in part: run it again to finish it");
        // The info files are removed first: without them no program takes what is left for a stanza.
        let archive_info = layout::archive_info(&stanza);
        let backup_info = layout::backup_info(&stanza);
        storage.remove_files(&[
            archive_info.clone(),
            layout::copy_of(&archive_info),
            backup_info.clone(),
            layout::copy_of(&backup_info),
        ])?;
    }
    let doing = Doing::now(
        &context.progress,
        &format!("removing {}", storage.display(&archive_path)),
    );
    if archive.is_some() {
        storage.remove_tree(&archive_path)?;
    }
    doing.and(&format!("removing {}", storage.display(&backup_path)));
    if backup.is_some() {
        storage.remove_tree(&backup_path)?;
    }
    lock_path.remove(&stop)?;
    context.summary.fact("deleted", true);
    context.summary.done(format!(
        "stanza {stanza} deleted from {name} with all its backups and WAL"
    ));
    Ok(())
}

fn check_not_running(context: &Context, stanza: &Stanza, repository: &str) -> Result<()> {
    if context.config.boolean(option::FORCE) {
        return Ok(());
    }
    let host = pg_host::open(context, 1)?;
    if host
        .info(&StoragePath::from("postmaster.pid"), InfoLevel::Exists)?
        .is_some()
    {
        return Err(Error::new(
            ErrorCode::PgRunning,
            format!(
                "postmaster.pid exists - looks like PostgreSQL is running. To delete stanza '{stanza}' on {repository}, \
                 shut down PostgreSQL for stanza '{stanza}' and try again, or use --force."
            ),
        ));
    }
    Ok(())
}
