//! `archive-get`: one file of WAL out of the archive, for PostgreSQL's `restore_command`.
//!
//! Exit status 1 means that the file is not in the archive and nothing else, because PostgreSQL then ends recovery:
//! every repository was read and none has it. Everything that keeps that from being known is an error. With
//! `archive-async` a background process fetches segments ahead ([`foreground`], [`background`]).

mod archives;
mod background;
mod fetch;
mod find;
mod foreground;
mod hashed_write;
mod queue;
mod settings;

use std::path::Path;

use pgkeep_config::Config;
use pgkeep_config::command::{CommandId, Role};
use pgkeep_postgres::wal::name;
use pgkeep_storage::posix::PosixStorage;
use pgkeep_storage::{Storage, StoragePath, WriteOptions};

use crate::archiving::{persist, wal_path};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::this_host;
use crate::run::Context;
use find::{Find, Found};
use settings::Settings;

const USAGE: &str = "archive-get takes the name of the file and where to put it; restore_command has them as: archive-get %f \"%p\"";

/// Exit status for "not in the archive".
const NOT_FOUND: u8 = 1;

/// Exit status at which PostgreSQL stops: it takes all up to 125 for a missing file.
const STOP_SERVER: u8 = 126;
/// As of a process that SIGTERM ended: by it PostgreSQL knows that it is being stopped itself.
const TERMINATED: u8 = 128 + 15;

/// The exit status of a run that ended with `error`, for the whole program.
#[must_use]
pub fn exit_status(config: &Config, error: &Error) -> u8 {
    if config.command() == CommandId::ArchiveGet && settings::strict(config) {
        strict_status(error)
    } else {
        error.code.number()
    }
}

/// The exit status of an error that must not end recovery.
#[must_use]
pub fn strict_status(error: &Error) -> u8 {
    if error.code == ErrorCode::Term {
        TERMINATED
    } else {
        STOP_SERVER
    }
}

/// Fetches the file that PostgreSQL named; the value is the exit status.
///
/// # Errors
/// [`ErrorCode::RepoInvalid`], [`ErrorCode::ArchiveDuplicate`], [`ErrorCode::FileRead`] and lower ones;
/// [`ErrorCode::ArchiveTimeout`] when the background process did not bring it.
pub fn run(context: &Context) -> Result<u8> {
    if context.config.role() == Role::Local {
        return persist::run(context).map(|()| 0);
    }
    wal_path::require_local_pg(context)?;
    let settings = Settings::from(context)?;
    if context.config.role() == Role::Async {
        return background::run(context, &settings).map(|()| 0);
    }
    let (request, destination) = match context.config.parameters() {
        [request, destination] => (wal_path::base_name(request), destination),
        [] => {
            return Err(
                Error::new(ErrorCode::ParamRequired, "WAL segment to get required")
                    .with_hint(USAGE),
            );
        }
        [_] => {
            return Err(Error::new(
                ErrorCode::ParamRequired,
                "path to copy WAL segment required",
            )
            .with_hint(USAGE));
        }
        _ => {
            return Err(
                Error::new(ErrorCode::ParamInvalid, "extra parameters found").with_hint(USAGE),
            );
        }
    };
    let destination = wal_path::absolute(context, destination)?;
    // Everything else is asked for once only; there is nothing to fetch ahead.
    if settings.asynchronous && name::is_segment(request) {
        foreground::get_from_queue(context, &settings, request, &destination)
    } else {
        let status = get_now(context, &settings, request, &destination)?;
        persist::start_if_soon(context);
        Ok(status)
    }
}

/// Fetches one file from the repositories straight to its destination.
fn get_now(
    context: &Context,
    settings: &Settings,
    request: &str,
    destination: &Path,
) -> Result<u8> {
    let archives = archives::open_all(context, settings)?;
    let found = Find::new(&archives, settings)
        .find(request)
        .map_err(|failed| failed.error)?;
    let local = this_host::directory(Path::new("/"));
    let path = wal_path::from_root(destination);
    remove_left_overs(&local, &path);
    let Found::Copies(copies, _) = found else {
        log::info!("unable to find {request} in the archive");
        context.summary.done(missing(settings, request));
        return Ok(NOT_FOUND);
    };
    // Not flushed: after a crash of the machine PostgreSQL asks for the segment again. Renamed, so that it never sees
    // half of one.
    let options = WriteOptions {
        create_path: false,
        sync: false,
        ..WriteOptions::default()
    };
    let fetched = fetch::fetch(
        &archives,
        settings,
        &context.cancel,
        request,
        &copies,
        &|| Ok(local.open_write(&path, &options)?),
    )?;
    for warning in &fetched.warnings {
        log::warn!("{warning}");
    }
    let copy = &copies[fetched.copy];
    let repository = archives.usable[copy.archive].repository.name();
    log::info!(
        "found {request} in the {repository}: {} archive",
        copy.archive_id
    );
    context.summary.done(format!(
        "{request} of {} fetched from {repository} to {}",
        settings.stanza,
        destination.display()
    ));
    Ok(0)
}

/// The last line where the exit status alone would tell.
fn missing(settings: &Settings, request: &str) -> String {
    format!("{request} of {} is not in the archive", settings.stanza)
}

/// A run that was killed left its half of the file under a name that no other run uses.
fn remove_left_overs(local: &PosixStorage, destination: &StoragePath) {
    // It costs room and nothing else: PostgreSQL must have its segment all the same.
    if let Err(error) = local.remove_left_overs_of(destination) {
        log::debug!("{error}");
    }
}

#[cfg(test)]
mod tests;
