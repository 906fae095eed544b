//! What every run does around its command: begin line, log file name, locks.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use pgkeep_config::command::{CommandId, Role};
use pgkeep_config::{Config, ConfigError, Program, option};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::locks::{self, Lock, LockState, LockType};
use crate::run::context::Context;
use crate::version;

/// `backup command begin 2.60.0: [parameters] --option=value …`.
///
/// `command` is the configuration's own, or the one that runs at its end (`expire` after `backup`).
#[must_use]
pub fn begin_line(config: &Config, command: CommandId) -> String {
    let name = if command == config.command() {
        config.command_role_name()
    } else {
        command.name().to_owned()
    };
    let mut line = format!("{name} command begin {}:", version::shown(config.program()));
    for part in [
        config.begin_line_parameters(),
        config.begin_line_options_for(command),
    ] {
        if !part.is_empty() {
            line.push(' ');
            line.push_str(&part);
        }
    }
    line
}

/// An error of the configuration as an error of the command.
#[must_use]
pub fn lower(error: &ConfigError) -> Error {
    let code = ErrorCode::from_number(error.code).unwrap_or(ErrorCode::Unknown);
    let mut lowered = Error::new(code, error.message.clone());
    lowered.hints.clone_from(&error.hints);
    lowered
}

/// Says of an error that a misspelled stanza may explain which stanzas there are.
#[must_use]
pub fn with_stanza_hints(config: &Config, mut error: Error) -> Error {
    let missing = matches!(error.code, ErrorCode::FileMissing | ErrorCode::PathMissing);
    // Else everything was said on the command line, and the name is probably right.
    let unsure = missing || config.is_unconfigured() || !config.stanzas().is_empty();
    if !config.knows_stanza() && unsure {
        error.hints.extend(config.stanza_hints());
    }
    error
}

/// `<log-path>/<stanza or all>-<command>[-async].log`, and of a process for another host `…-remote-000.log`.
#[must_use]
pub fn log_file_path(config: &Config) -> PathBuf {
    log_file_path_of(config, config.command(), config.role())
}

/// The same of the command that runs at the end of the configuration's own (`expire` after `backup`).
#[must_use]
pub fn following_log_file_path(config: &Config, command: CommandId) -> PathBuf {
    log_file_path_of(config, command, Role::Main)
}

/// The same of the background process that this command starts.
#[must_use]
pub fn async_log_file_path(config: &Config) -> PathBuf {
    log_file_path_of(config, config.command(), Role::Async)
}

fn log_file_path_of(config: &Config, command: CommandId, role: Role) -> PathBuf {
    let directory = config
        .string(option::LOG_PATH)
        .unwrap_or("/var/log/pgbackrest");
    let role = match role {
        Role::Main => String::new(),
        Role::Remote => format!(
            "-{}-{:03}",
            role.name(),
            config.integer(option::PROCESS).unwrap_or(0)
        ),
        role => format!("-{}", role.name()),
    };
    let name = format!(
        "{}-{}{role}.log",
        config.stanza().unwrap_or("all"),
        command.name()
    );
    Path::new(directory).join(name)
}

/// Takes the locks that the command holds from its start to its end.
///
/// # Errors
/// [`crate::error::ErrorCode::LockAcquire`] when another process holds one.
pub fn take_locks(context: &Context) -> Result<()> {
    let command = context.config.command().definition();
    if !command.lock_at_start {
        return Ok(());
    }
    locks::types(command.lock)
        .iter()
        .try_for_each(|lock_type| take_lock(context, *lock_type))
}

/// Takes one type of lock for every repository the run works on.
///
/// # Errors
/// [`crate::error::ErrorCode::LockAcquire`] when another process holds one.
pub fn take_lock(context: &Context, lock_type: LockType) -> Result<()> {
    let keys = repository::keys(&context.config);
    keys.into_iter()
        .try_for_each(|key| take_lock_of(context, lock_type, key))
}

/// Takes one type of lock for one repository.
///
/// # Errors
/// [`crate::error::ErrorCode::LockAcquire`] when another process holds it.
pub fn take_lock_of(context: &Context, lock_type: LockType, key: u32) -> Result<()> {
    let config = &context.config;
    let path = locks::path(context);
    let stanza = context.stanza()?;
    let lock = Lock::acquire(&path, stanza, lock_type, key, config.exec_id()).map_err(|error| {
        match locks::state(&path, &locks::file_name(stanza, lock_type, key)) {
            // Under pgBackRest's name its messages stay as they are.
            Ok(LockState::Held(data)) if config.program() == Program::PgKeep => {
                let hints = locks::holder::hints(&data, &context.clock);
                hints.into_iter().fold(error, Error::with_hint)
            }
            _ => error,
        }
    })?;
    context
        .locks
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(lock);
    Ok(())
}
