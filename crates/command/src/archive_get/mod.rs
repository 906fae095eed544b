//! `archive-get`: one file of WAL out of the archive, for PostgreSQL's `restore_command`.
//!
//! Exit status 1 means that the file is not in the archive and nothing else, because PostgreSQL then ends recovery:
//! every repository was read and none has it. Everything that keeps that from being known is an error. Without
//! `archive-async` the command fetches the file itself ([`synchronous`]). With it a background process fetches segments ahead
//! into a [`queue`] in the spool ([`foreground`], [`background`]).

mod archives;
mod background;
mod fetch;
mod find;
mod foreground;
mod hashed_write;
mod queue;
mod settings;
mod synchronous;

use pgkeep_config::Config;
use pgkeep_config::command::{CommandId, Role};
use pgkeep_postgres::wal::name;

use crate::archiving::{persist, wal_path};
use crate::error::{Error, ErrorCode, Result};
use crate::hosts::pg_host;
use crate::run::Context;
use settings::Settings;

const USAGE: &str = "archive-get takes the name of the file and where to put it; restore_command has them as: archive-get %f \"%p\"";

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
    pg_host::require_local(context)?;
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
    context.summary.fact("wal", request);
    let destination = wal_path::absolute(context, destination)?;
    // PostgreSQL wants everything else once only; there is nothing to fetch ahead.
    if settings.asynchronous && name::is_segment(request) {
        foreground::get_from_queue(context, &settings, request, &destination)
    } else {
        let status = synchronous::get(context, &settings, request, &destination)?;
        persist::start_if_soon(context);
        Ok(status)
    }
}

#[cfg(test)]
mod tests;
