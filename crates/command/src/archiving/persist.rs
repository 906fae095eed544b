//! A process that keeps the connection to an SFTP server or a repository host for the commands that come next
//! (`repo-sftp-persist`, `repo-host-persist`), as `ControlPersist` of OpenSSH does.
//!
//! A synchronous push or get logs in, moves one segment and ends. When a second one comes soon after the first, it leaves
//! a process behind that logs in once more and lends its connection to those that follow. It is this program with the role
//! `local`; a lock lets only one run for a repository. All of it is a help: whatever fails, the next command connects itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pgkeep_config::command::Role;
use pgkeep_storage::sftp::SftpSettings;
use pgkeep_storage::sftp::persist::{self, Lifetime};
use pgkeep_storage::{InfoLevel, Storage, StoragePath, WriteMode, WriteOptions};

use crate::archiving::background;
use crate::error::Result;
use crate::hosts::repository::{persist_socket, sftp};
use crate::hosts::{repository, this_host};
use crate::locks::{self, Lock, LockType};
use crate::remote::connect;
use crate::remote::dial::Dial;
use crate::remote::relay::lend;
use crate::remote::wire::greeting::Side;
use crate::run::context::Context;

/// Longest life of a process that is used all the time.
const LONGEST: Duration = Duration::from_secs(300);

/// At the end of a command that went well: starts the process when the next command seems to come soon.
pub fn start_if_soon(context: &Context) {
    for key in repository::keys(&context.config) {
        // Without a connection of its own the command was lent one.
        let made = context.storages.connections(key).unwrap_or(0)
            + context.links.made_itself(Side::Repo, key);
        if made > 0
            && let Err(error) = start_for(context, key)
        {
            log::debug!("no connection is kept: {}", error.text());
        }
    }
}

/// A connection that may be kept, and the socket at which it is lent.
enum Kept {
    Sftp(Box<SftpSettings>, PathBuf),
    Host(Box<dyn Dial>, PathBuf),
}

impl Kept {
    fn of(context: &Context, key: u32) -> Result<Option<Self>> {
        if let Some(host) = connect::host(&context.config, Side::Repo, key) {
            let kept = connect::kept(context, key, host)?;
            return Ok(kept.map(|(dial, socket)| Self::Host(dial, socket)));
        }
        let settings = sftp::settings(context, key);
        let socket = persist_socket::of(context, key, &settings);
        Ok(socket.map(|socket| Self::Sftp(Box::new(settings), socket)))
    }

    fn socket(&self) -> &Path {
        match self {
            Self::Sftp(_, socket) | Self::Host(_, socket) => socket,
        }
    }
}

fn start_for(context: &Context, key: u32) -> Result<()> {
    let Some(kept) = Kept::of(context, key)? else {
        return Ok(());
    };
    let socket = kept.socket();
    let lock_path = this_host::directory(&locks::path(context));
    let last = StoragePath::from(last_name(socket));
    let since = lock_path
        .info(&last, InfoLevel::Basic)?
        .map(|found| context.clock.seconds() - found.modified);
    let soon = i64::try_from(persist_socket::time(context, key).as_secs()).unwrap_or(i64::MAX);
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

/// The process that keeps the connection to the repository named by its parameter.
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
    if repository::keys(&context.config).contains(&key)
        && let Err(error) = keep(context, key)
    {
        log::info!("no connection is kept: {}", error.text());
    }
    Ok(())
}

fn keep(context: &Context, key: u32) -> Result<()> {
    let Some(kept) = Kept::of(context, key)? else {
        return Ok(());
    };
    let lock_path = locks::path(context);
    let exec_id = context.config.exec_id();
    let Some(_lock) = Lock::try_acquire(
        &lock_path,
        context.stanza()?,
        LockType::Persist,
        key,
        exec_id,
    )?
    else {
        return Ok(());
    };
    let lifetime = Lifetime {
        idle: persist_socket::time(context, key),
        longest: LONGEST,
    };
    let stopped = || context.cancel.signal().is_some();
    let ended = match &kept {
        Kept::Sftp(settings, socket) => {
            persist::run(settings, socket, lifetime, &stopped).map_err(Into::into)
        }
        Kept::Host(dial, socket) => lend(&**dial, socket, lifetime, &context.cancel),
    };
    // The next to come is alone again.
    this_host::directory(&lock_path).remove(&StoragePath::from(last_name(kept.socket())))?;
    ended
}
