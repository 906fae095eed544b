//! `archive-push`: one file of WAL into every repository, for PostgreSQL's `archive_command`.
//!
//! Success means that every repository holds the file durably. With `archive-async` the command only asks whether a
//! background process has pushed the file already, and starts one if not ([`foreground`], [`background`]).

mod acknowledge;
mod background;
mod begun;
mod existing;
mod foreground;
mod lane;
mod pieces;
mod push_file;
mod queue;
mod schedule;
mod settings;
mod shared_file;
mod source;
mod spare;
mod store;
mod stored_content;
mod target;

use std::path::Path;

use pgkeep_config::command::Role;

use crate::archiving::{persist, wal_path};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::locks::stop_file;
use crate::run::Context;
use crate::run::summary::repositories;
use settings::Settings;
use source::Source;

/// Pushes the file that PostgreSQL named, or, in the background, everything that is ready.
///
/// # Errors
/// [`ErrorCode::RepoInvalid`], [`ErrorCode::Command`], [`ErrorCode::ArchiveDuplicate`], [`ErrorCode::ArchiveMismatch`]
/// and lower ones; [`ErrorCode::ArchiveTimeout`] when the background process did not get to it.
pub fn run(context: &Context) -> Result<()> {
    if context.config.role() == Role::Local {
        return persist::run(context);
    }
    wal_path::require_local_pg(context)?;
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
    if settings.asynchronous {
        foreground::push_in_background(context, &settings, &path)
    } else {
        push_now(context, &settings, &path)?;
        persist::start_if_soon(context);
        Ok(())
    }
}

fn push_now(context: &Context, settings: &Settings, path: &Path) -> Result<()> {
    let source = Source::new(path);
    if let Some(queue_max) = settings.queue_max {
        let directory = path.parent().unwrap_or(Path::new("/"));
        let ready = queue::ready_list(directory)?;
        let control = target::control_size(context, settings);
        let size = queue::segment_size(control, settings.version_force, directory, &ready);
        if queue::exceeds(directory, &ready, size, queue_max)? {
            log::warn!("{}", queue::drop_warning(&source.name, queue_max));
            // The warning is the last word: nothing was done.
            return Ok(());
        }
    }
    for warning in push_file::push_file(context, settings, &source)? {
        log::warn!("{warning}");
    }
    log::info!("pushed WAL file '{}' to the archive", source.name);
    context.summary.done(format!(
        "{} of {} is in {}",
        source.name,
        settings.stanza,
        repositories(&repository::keys(&context.config))
    ));
    Ok(())
}

#[cfg(test)]
mod tests;
