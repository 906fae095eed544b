//! Runs programs for the scratch cluster: marked as ours, in its directory, ended when the run is.
#![allow(clippy::disallowed_methods)] // what they print goes to files of the scratch directory

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::directory::Scratch;
use super::error::failed;
use super::remains::MARK;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// How often a program is looked at.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);
/// How long a program may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read of what a program printed: the plan of a restore and the list of all backups are the longest.
const PRINTED: u64 = 64 << 20;
/// What is read of its errors, from the end.
const ERRORS: u64 = 64 << 10;

/// What a program left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command for the scratch cluster: without this process's settings of libpq.
pub(crate) fn command(scratch: &Scratch, program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(scratch.root())
        .stdin(Stdio::null())
        .process_group(0)
        .env(MARK, scratch.id())
        .env("LC_ALL", "C.UTF-8");
    for variable in [
        "PGHOST",
        "PGHOSTADDR",
        "PGPORT",
        "PGUSER",
        "PGDATABASE",
        "PGDATA",
        "PGSERVICE",
        "PGOPTIONS",
        "PGPASSWORD",
        "PGPASSFILE",
        "PGSSLMODE",
        "PGREQUIRESSL",
        "PGAPPNAME",
        "PGCLIENTENCODING",
        "PGDATESTYLE",
        "PGTZ",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Runs a program to its end.
///
/// # Errors
/// It cannot be started; the run is ended.
pub(crate) fn run(
    context: &Context,
    scratch: &Scratch,
    name: &str,
    command: &mut Command,
) -> Result<Ended> {
    let (out, err) = (format!("log/{name}.out"), format!("log/{name}.err"));
    command.stdout(file(scratch, &out)?);
    let child = start(scratch, command, &err)?;
    let status = wait(context, child, Signal::TERM)?;
    Ok(Ended {
        status,
        stdout: scratch.read_first(&out, PRINTED),
        stderr: scratch.read_last(&err, ERRORS),
    })
}

/// Runs a program whose output goes elsewhere: to nowhere, to the user, to a file.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_to(
    context: &Context,
    scratch: &Scratch,
    name: &str,
    command: &mut Command,
    output: Stdio,
) -> Result<Ended> {
    command.stdout(output);
    let err = format!("log/{name}.err");
    let status = wait(context, start(scratch, command, &err)?, Signal::TERM)?;
    Ok(Ended {
        status,
        stdout: String::new(),
        stderr: scratch.read_last(&err, ERRORS),
    })
}

/// Starts a program, its errors into a file of the scratch directory.
///
/// # Errors
/// [`ErrorCode::Execute`].
pub(crate) fn start(scratch: &Scratch, command: &mut Command, errors: &str) -> Result<Guarded> {
    command.stderr(file(scratch, errors)?);
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .spawn()
        .map(|child| Guarded { child, ended: None })
        .map_err(|error| {
            Error::new(
                ErrorCode::Execute,
                format!("unable to execute '{program}': {error}"),
            )
        })
}

/// A program that does not outlive this.
#[derive(Debug)]
pub(crate) struct Guarded {
    child: Child,
    ended: Option<ExitStatus>,
}

impl Guarded {
    /// Its status if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Asks it and its children to end, and waits; ends it by force when it takes too long.
    pub(crate) fn end(&mut self, signal: Signal, patience: Duration) -> Option<ExitStatus> {
        let began = Instant::now();
        self.tell(signal);
        while self.ended().is_none() && began.elapsed() < patience {
            std::thread::sleep(PAUSE);
        }
        if self.ended().is_none() {
            self.tell(Signal::KILL);
            self.ended = self.child.wait().ok();
        }
        self.ended
    }

    /// Tells it alone.
    pub(crate) fn ask(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let _ = rustix::process::kill_process(Pid::from_child(&self.child), signal);
        }
    }

    fn tell(&mut self, signal: Signal) {
        // It has not been waited for, so nobody else can have its number.
        if self.ended().is_none() {
            let _ = kill_process_group(Pid::from_child(&self.child), signal);
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.end(Signal::QUIT, PATIENCE);
        }
    }
}

fn wait(context: &Context, mut child: Guarded, signal: Signal) -> Result<ExitStatus> {
    loop {
        if let Some(status) = child.ended() {
            return Ok(status);
        }
        if let Err(error) = context.cancel.check() {
            child.end(signal, PATIENCE);
            return Err(error);
        }
        std::thread::sleep(PAUSE);
    }
}

fn file(scratch: &Scratch, name: &str) -> Result<fs::File> {
    let path = scratch.join(name);
    fs::File::create(&path).map_err(|error| failed(ErrorCode::FileOpen, "create", &path, &error))
}

/// The last lines of a text, for an error.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
