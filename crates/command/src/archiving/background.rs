//! Starting the detached process of asynchronous archiving, and the lock that lets only one of them run.
//!
//! The process is this program again, with the role `async`. It makes itself the leader of a session
//! ([`detach`]), so that it outlives the command that PostgreSQL waits for. It begins in `/`, with `/dev/null` as its standard
//! descriptors and nothing else open: the program lets none of its descriptors pass to a process it starts.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use pgkeep_config::command::Role;
use pgkeep_config::option;
use pgkeep_config::render::argv::{Child, Replacement};

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::locks::{self, Lock, LockData, LockState, LockType};
use crate::run::context::Context;

/// Takes the archive locks of all repositories of the run, or none of them: `None` when somebody holds one, a background
/// process that this run has started included.
///
/// # Errors
/// [`ErrorCode::LockAcquire`] when a lock file cannot be used at all.
pub fn try_archive_locks(context: &Context) -> Result<Option<Vec<Lock>>> {
    let (path, exec_id) = (locks::path(context), context.config.exec_id());
    let keys = repository::keys(&context.config);
    try_locks(&path, context.stanza()?, &keys, exec_id)
}

fn try_locks(path: &Path, stanza: &str, keys: &[u32], exec_id: &str) -> Result<Option<Vec<Lock>>> {
    let mut locks = Vec::new();
    for key in keys {
        match Lock::try_acquire(path, stanza, LockType::Archive, *key, exec_id)? {
            // With a share in the lock of its own background process a command would take away what that one is fetching,
            // and start a second one.
            Some(lock) if !lock.is_shared() => locks.push(lock),
            _ => return Ok(None),
        }
    }
    Ok(Some(locks))
}

/// Whether the background process that this run started holds an archive lock now.
///
/// # Errors
/// [`ErrorCode::FileOpen`] when a lock file cannot be looked at.
pub fn own_process_runs(context: &Context) -> Result<bool> {
    any_holder(context, |data| data.exec_id == context.config.exec_id())
}

/// The same for one that some run started with this parameter among others.
///
/// # Errors
/// [`ErrorCode::FileOpen`] when a lock file cannot be looked at.
pub fn process_runs_with(context: &Context, parameter: &str) -> Result<bool> {
    any_holder(context, |data| data.holder_was_given(parameter))
}

fn any_holder(context: &Context, is_it: impl Fn(&LockData) -> bool) -> Result<bool> {
    let lock_path = locks::path(context);
    for key in repository::keys(&context.config) {
        let name = locks::file_name(context.stanza()?, LockType::Archive, key);
        if let LockState::Held(data) = locks::state(&lock_path, &name)?
            && is_it(&data)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Starts this program again as the background process of the same command, with these parameters.
///
/// # Errors
/// [`ErrorCode::Execute`].
pub fn start(context: &Context, parameters: &[String]) -> Result<()> {
    start_as(context, Role::Async, parameters)
}

/// Starts this program again as a process of the same command in this role, with these parameters.
///
/// # Errors
/// [`ErrorCode::Execute`].
pub(super) fn start_as(context: &Context, role: Role, parameters: &[String]) -> Result<()> {
    let config = &context.config;
    // Its console would be PostgreSQL's log, which belongs to the command in front.
    let off = || Replacement::Value("off".to_owned());
    let mut replace = BTreeMap::from([
        ("log-level-console".to_owned(), off()),
        ("log-level-stderr".to_owned(), off()),
    ]);
    // As with pgBackRest's local processes.
    if role == Role::Local && !config.boolean(option::LOG_SUBPROCESS) {
        replace.insert("log-level-file".to_owned(), off());
    }
    let child = Child {
        command: config.command(),
        role,
        local: true,
        other: None,
        quote: false,
        replace: &replace,
    };
    let mut command = Command::new(&context.program_path);
    command
        .args(config.child_options(child))
        .arg(format!("{}:{}", config.command().name(), role.name()))
        .args(parameters)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let failed = |error: std::io::Error| {
        let program = context.program_path.display();
        Error::new(
            ErrorCode::Execute,
            format!("unable to execute '{program}': {error}"),
        )
    };
    let mut child = command.spawn().map_err(failed)?;
    // Once this command has ended it is the child of init; if it ends before, it must not stay as a zombie. It works without
    // the thread as well, so that there is none is no failure.
    let waiting = thread::Builder::new()
        .name("background process".to_owned())
        .spawn(move || child.wait());
    if let Err(error) = waiting {
        log::debug!("nobody waits for the background process: {error}");
    }
    Ok(())
}

/// Leaves the session and process group of the command that started this process: signals meant for that one, or for
/// the whole group of the server's archiver, do not reach it any more.
pub fn detach() {
    // Fails only for a process that leads a group already, which is what is wanted.
    let _ = rustix::process::setsid();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_not_shared_with_a_background_process_of_the_same_command() {
        let dir = tempfile::tempdir().unwrap();
        let acquire = |key| Lock::acquire(dir.path(), "demo", LockType::Archive, key, "1-own");
        let taken = || try_locks(dir.path(), "demo", &[1, 2], "1-own").unwrap();
        assert_eq!(taken().unwrap().len(), 2);
        let held = acquire(2).unwrap();
        assert!(taken().is_none());
        // What it took before it met the one that is held is free again.
        assert!(!acquire(1).unwrap().is_shared());
        drop(held);
        assert_eq!(taken().unwrap().len(), 2);
    }
}
