//! `stop`: makes a stop file, and with `--force` ends what is running.
//!
//! The file keeps both programs from starting anything that changes the repository (`docs/format/locks-and-spool.md`). Running
//! processes are ended only with `--force`, and only by the call that made the file.

use std::collections::BTreeSet;
use std::path::Path;

use pgkeep_config::option;
use pgkeep_storage::{InfoLevel, Storage, WriteMode, WriteOptions};

use crate::error::Result;
use crate::hosts::this_host;
use crate::locks::stop_file;
use crate::locks::{self, LockState};
use crate::run::Context;
use crate::run::summary::count;

/// Makes the stop file on this host.
///
/// # Errors
/// When the file cannot be made, or a lock file cannot be looked at or removed.
pub fn run(context: &Context) -> Result<()> {
    let path = &locks::path(context);
    let lock_path = this_host::directory(path);
    let stanza = context.config.stanza();
    let file = stop_file::path(stanza);
    if lock_path.info(&file, InfoLevel::Exists)?.is_some() {
        let of = stanza.map_or_else(
            || "all stanzas".to_owned(),
            |stanza| format!("stanza {stanza}"),
        );
        log::warn!("stop file already exists for {of}");
        context.summary.fact("stopped", false);
        return Ok(());
    }
    // 0770: the directory is shared by every user who runs the program, as with pgBackRest.
    let options = WriteOptions {
        mode: WriteMode::InPlace,
        path_mode: 0o770,
        ..WriteOptions::default()
    };
    lock_path.open_write(&file, &options)?.finish()?.wait()?;
    context.summary.fact("stopped", true);
    let ended = if context.config.boolean(option::FORCE) {
        end_processes(path, stanza)?
    } else {
        0
    };
    context.summary.fact("process-total", ended);
    let of = stanza.map_or_else(
        || "all stanzas".to_owned(),
        |stanza| format!("stanza {stanza}"),
    );
    let mut text = format!("{of} stopped on this host until the start command is run");
    if ended > 0 {
        text.push_str(&format!(
            "; {} told to end",
            count(ended, "running process")
        ));
    }
    context.summary.done(text);
    Ok(())
}

/// Sends SIGTERM to the process of every lock file (once each) and removes the files. Returns the number of processes.
fn end_processes(lock_path: &Path, stanza: Option<&str>) -> Result<u64> {
    let mut told = BTreeSet::new();
    for name in locks::list(lock_path)? {
        // The whole name decides: stanzas `a` and `a-b` are two.
        if stanza.is_some() && locks::stanza_of(&name) != stanza {
            continue;
        }
        match locks::state(lock_path, &name)? {
            LockState::Held(data) => {
                if told.insert(data.pid) {
                    send_term(data.pid);
                }
            }
            // The processes have files of their own, which are among these.
            LockState::SharedByPushes => {}
            LockState::Missing => continue,
            LockState::Unheld | LockState::Unreadable => {
                log::warn!(
                    "unable to read lock file {}",
                    lock_path.join(&name).display()
                );
            }
        }
        locks::remove(lock_path, &name)?;
    }
    Ok(told.len() as u64)
}

fn send_term(pid: u32) {
    let sent = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .is_some_and(|pid| {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok()
        });
    if sent {
        log::info!("sent term signal to process {pid}");
    } else {
        log::warn!("unable to send term signal to process {pid}");
    }
}
