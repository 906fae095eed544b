//! Starts other programs for the demonstration, as the unprivileged user when run as root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, ErrorCode, Result};

/// Who runs the programs: PostgreSQL refuses to run as root.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) name: String,
    /// Whether this process must change its user to become it.
    pub(super) switch: bool,
}

/// A command that runs as `account` in `directory`, without this process's libpq settings.
pub(super) fn command(account: &Account, directory: &Path, program: &Path) -> Command {
    let mut command = Command::new(program);
    if account.switch {
        command.uid(account.uid).gid(account.gid);
    }
    command
        .current_dir(directory)
        .stdin(Stdio::null())
        .env("HOME", directory)
        .env("USER", &account.name);
    for variable in [
        "PGHOST",
        "PGPORT",
        "PGUSER",
        "PGDATABASE",
        "PGDATA",
        "PGSERVICE",
        "PGOPTIONS",
        "PGPASSWORD",
    ] {
        command.env_remove(variable);
    }
    command.env("LC_ALL", "C.UTF-8").env("PGTZ", "UTC");
    command
}

/// Runs a command to its end and returns what it printed.
///
/// # Errors
/// [`ErrorCode::Execute`] with its output when it fails or cannot be started.
pub(super) fn run(mut command: Command) -> Result<String> {
    let shown = shown(&command);
    let output = command.output().map_err(|error| {
        Error::new(
            ErrorCode::Execute,
            format!("unable to execute '{shown}': {error}"),
        )
    })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(
        ErrorCode::Execute,
        format!(
            "'{shown}' failed with {}:\n{}{}",
            output.status,
            text,
            errors.trim_end()
        ),
    ))
}

/// Runs a command that shows at the terminal of this process how far it is and what it did.
///
/// # Errors
/// [`ErrorCode::Execute`] when it fails, which it has explained, or cannot be started.
pub(super) fn run_in_sight(mut command: Command) -> Result<()> {
    let shown = shown(&command);
    let status = command.status().map_err(|error| {
        Error::new(
            ErrorCode::Execute,
            format!("unable to execute '{shown}': {error}"),
        )
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::Execute,
        format!("'{shown}' failed with {status}, see above"),
    ))
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
