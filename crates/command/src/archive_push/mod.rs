//! `archive-push`: one file of WAL into every repository, for PostgreSQL's `archive_command`.
//!
//! Success means that every repository has the file durably. Without `archive-async` the command pushes the file itself
//! ([`synchronous`]). With it the command only waits until a background process has pushed the file, and starts one if none runs
//! ([`foreground`], [`background`]). The [`queue`] of an asynchronous push is PostgreSQL's, with results in the spool.

mod background;
mod foreground;
mod queue;
mod repositories;
mod segment;
mod settings;
mod synchronous;

use std::path::Path;

use pgkeep_config::command::Role;

use crate::archiving::{persist, wal_path};
use crate::error::{Error, ErrorCode, Result};
use crate::hooks::DROPPED;
use crate::hosts::{pg_host, repository};
use crate::locks::stop_file;
use crate::run::Context;
use crate::run::summary;
use segment::WalFile;
use settings::Settings;

/// Pushes the file that PostgreSQL named, or, in the background, everything that is ready.
///
/// # Errors
/// [`ErrorCode::RepoInvalid`], [`ErrorCode::Command`], [`ErrorCode::ArchiveDuplicate`], [`ErrorCode::ArchiveMismatch`]
/// and lower ones; [`ErrorCode::ArchiveTimeout`] when the background process did not get to it.
pub fn run(context: &Context) -> Result<()> {
    if context.config.role() == Role::Local {
        return persist::run(context);
    }
    pg_host::require_local(context)?;
    let [parameter] = context.config.parameters() else {
        let what = if context.config.role() == Role::Async {
            "path"
        } else {
            "segment"
        };
        return Err(Error::new(
            ErrorCode::ParamRequired,
            format!("WAL {what} to push required"),
        )
        .with_hint(
            "archive-push takes the path of one file; archive_command has it as: archive-push %p",
        ));
    };
    let settings = Settings::from(context)?;
    if context.config.role() == Role::Async {
        return background::run(context, &settings, Path::new(parameter));
    }
    stop_file::check(context)?;
    let path = wal_path::absolute(context, parameter)?;
    context.summary.fact("wal", WalFile::new(&path).name);
    if settings.asynchronous {
        foreground::push_in_background(context, &settings, &path)
    } else {
        push_now(context, &settings, &path)?;
        persist::start_if_soon(context);
        Ok(())
    }
}

fn push_now(context: &Context, settings: &Settings, path: &Path) -> Result<()> {
    let file = WalFile::new(path);
    if let Some(queue_max) = settings.queue_max {
        let directory = path.parent().unwrap_or(Path::new("/"));
        let ready = queue::ready_list(directory)?;
        let control = repositories::control_size(context, settings);
        let size = queue::segment_size(control, settings.version_force, directory, &ready);
        if queue::exceeds(directory, &ready, size, queue_max)? {
            let warning = queue::drop_warning(&file.name, queue_max);
            log::warn!("{warning}");
            context.summary.fact(DROPPED, warning);
            // The warning is the last word: nothing was done.
            return Ok(());
        }
    }
    for warning in synchronous::push_file(context, settings, &file)? {
        log::warn!("{warning}");
    }
    log::info!("pushed WAL file '{}' to the archive", file.name);
    let keys = repository::keys(&context.config);
    context.summary.fact("repo-key", keys.clone());
    context.summary.done(format!(
        "{} of {} is in {}",
        file.name,
        settings.stanza,
        summary::repositories(&keys)
    ));
    Ok(())
}

#[cfg(test)]
mod tests;
