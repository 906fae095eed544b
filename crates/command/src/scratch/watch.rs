//! The watch over a run: a process that removes what a run leaves that is killed.
//!
//! It is this program again, with the role `async`, in a process group of its own. It reads from a pipe that nobody writes to and
//! that only the run holds open: its end says that the run is gone, however that came. A run that ends in order ends its watch.
#![allow(clippy::disallowed_methods)] // the pipe is no storage

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pgkeep_config::command::Role;

use super::directory::Scratch;
use super::settings;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// The process; it ends with this value, but not with a panic.
#[derive(Debug)]
pub(crate) struct Watch {
    child: Option<Child>,
}

impl Watch {
    /// Starts it for a run in this directory. A run goes on without one: what it leaves is then removed by the next.
    pub(crate) fn start(context: &Context, path: &Path) -> Self {
        let config = &context.config;
        let mut command = Command::new(&context.program_path);
        // No configuration: nothing in it is needed, and somebody may be changing it when the time comes.
        command
            .arg("--no-config")
            .arg(format!("--stanza={}", config.stanza().unwrap_or_default()))
            .arg(format!("--scratch-path={}", path.display()))
            .args([
                "--log-level-console=off",
                "--log-level-stderr=off",
                "--log-level-file=off",
            ])
            .arg(format!(
                "{}:{}",
                config.command().name(),
                Role::Async.name()
            ))
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().map_err(|error| {
            let program = context.program_path.display();
            log::warn!("nobody watches over the run, as '{program}' cannot be started: {error}");
        });
        Self { child: child.ok() }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && !std::thread::panicking()
        {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until the run is gone, and removes what it has left: the process itself.
///
/// # Errors
/// What could not be removed; a run that works there now, and removes it too.
pub(crate) fn run(context: &Context) -> Result<()> {
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())
        .map_err(|error| Error::new(ErrorCode::FileRead, error.to_string()))?;
    Scratch::remove_left(context, &settings::path(context)?)
}
