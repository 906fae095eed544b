//! A process that keeps the connection to an SFTP server for the commands that come next (`repo-sftp-hold`).
//!
//! A synchronous push or get logs in, moves one segment and ends. When a second one comes soon after the first, it leaves
//! a process behind that logs in once more and lends its connection to those that follow. It is this program with the role
//! `local`; a lock lets only one run for a repository. All of it is a help: whatever fails, the next command connects itself.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pgkeep_config::command::{CommandId, Role};
use pgkeep_config::option;
use pgkeep_storage::sftp::held::{self, Holding};
use pgkeep_storage::sftp::{HostKeyCheck, SftpSettings};
use pgkeep_storage::{InfoLevel, Storage, StoragePath, WriteMode, WriteOptions};

use crate::archiving::background;
use crate::error::Result;
use crate::hosts::{open, sftp};
use crate::locks::{Lock, LockType};
use crate::run::context::Context;

/// Where the option is not known, because the program was started as `pgbackrest`.
const DEFAULT: Duration = Duration::from_secs(10);
/// Longest life of a process that is used all the time.
const LONGEST: Duration = Duration::from_secs(300);
/// Longest name of a socket in Linux.
const NAME_MAX: usize = 107;

fn time(context: &Context, key: u32) -> Duration {
    context
        .config
        .time_at(option::REPO_SFTP_HOLD, key)
        .unwrap_or(DEFAULT)
}

/// Where a connection to this repository may be held; `None` where none ever is.
pub(crate) fn socket(context: &Context, key: u32, settings: &SftpSettings) -> Option<PathBuf> {
    let config = &context.config;
    let archiving = matches!(
        config.command(),
        CommandId::ArchiveGet | CommandId::ArchivePush
    );
    let one = matches!(config.role(), Role::Main | Role::Local);
    if !archiving || !one || config.boolean(option::ARCHIVE_ASYNC) || time(context, key).is_zero() {
        return None;
    }
    // The warning that goes with it belongs to each command.
    if settings.host_key_check == HostKeyCheck::None {
        return None;
    }
    // With other settings it is another connection. Secrets are not in the text.
    let mut hash = DefaultHasher::new();
    format!("{settings:?}").hash(&mut hash);
    let name = format!(
        "{}-hold-{key}-{:016x}.sock",
        config.stanza()?,
        hash.finish()
    );
    let path = background::lock_path(context).join(name);
    (path.as_os_str().len() <= NAME_MAX).then_some(path)
}

/// At the end of a command that went well: sees to it that the connection is held when the next one seems to come soon.
pub fn leave(context: &Context) {
    for key in open::repository_keys(&context.config) {
        // Without a connection of its own the command was served by a holder.
        if context
            .storages
            .connections(key)
            .is_some_and(|made| made > 0)
            && let Err(error) = leave_for(context, key)
        {
            log::debug!("no connection is held: {}", error.text());
        }
    }
}

fn leave_for(context: &Context, key: u32) -> Result<()> {
    let Some(socket) = sftp::configured(context, key).held else {
        return Ok(());
    };
    let lock_path = open::lock_path(context);
    let last = StoragePath::from(last_name(&socket));
    let since = lock_path
        .info(&last, InfoLevel::Basic)?
        .map(|found| context.clock.seconds() - found.modified);
    let soon = i64::try_from(time(context, key).as_secs()).unwrap_or(i64::MAX);
    // Who comes seldom does not need two logins for one file.
    if since.is_some_and(|since| (0..=soon).contains(&since)) {
        background::start_as(context, Role::Local, &[key.to_string()])?;
    }
    let options = WriteOptions {
        mode: WriteMode::InPlace,
        path_mode: 0o770,
        sync: false,
        ..WriteOptions::default()
    };
    lock_path.open_write(&last, &options)?.finish()?.wait()?;
    Ok(())
}

/// The file whose time says when a command last connected itself.
fn last_name(socket: &Path) -> String {
    let name = socket.file_stem().unwrap_or_default().to_string_lossy();
    format!("{name}.last")
}

/// The process that holds the connection to the repository named by its parameter.
///
/// # Errors
/// None but those of the configuration: whoever started it is gone, and where the server is the parent of all processes (in a
/// container) it takes an exit status above 1 for a crash of its own.
pub fn run(context: &Context) -> Result<()> {
    background::detach();
    let key = match context.config.parameters() {
        [key] => key.parse().unwrap_or(0),
        _ => 0,
    };
    if open::repository_keys(&context.config).contains(&key)
        && let Err(error) = hold(context, key)
    {
        log::info!("no connection is held: {}", error.text());
    }
    Ok(())
}

fn hold(context: &Context, key: u32) -> Result<()> {
    let settings = sftp::configured(context, key);
    let Some(socket) = settings.held.clone() else {
        return Ok(());
    };
    let lock_path = background::lock_path(context);
    let exec_id = context.config.exec_id();
    let Some(_lock) =
        Lock::try_acquire(lock_path, context.stanza()?, LockType::Hold, key, exec_id)?
    else {
        return Ok(());
    };
    let holding = Holding {
        idle: time(context, key),
        longest: LONGEST,
    };
    let stopped = || context.cancel.signal().is_some();
    let held = held::hold(&settings, &socket, holding, &stopped);
    // The next to come is alone again.
    open::lock_path(context).remove(&StoragePath::from(last_name(&socket)))?;
    Ok(held?)
}
