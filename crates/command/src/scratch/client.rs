//! Clients of a server: programs that are told where it is by their environment, and answers to statements.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::directory::Scratch;
use super::private;
use super::process::{self, Ended, tail};
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;

/// Lines of a program's complaint that are shown.
const SHOWN: usize = 6;

/// What a server says of a database that does not allow connections, as some do with one that is to be dropped.
pub(crate) const CLOSED: &str = "is not currently accepting connections";

/// From this version on a setting switches event triggers off.
const NO_EVENT_TRIGGERS: u32 = 17;

/// A server and the `psql` that asks it.
pub(crate) struct Client<'a> {
    pub(crate) context: &'a Context,
    pub(crate) scratch: &'a Scratch,
    pub(crate) psql: PathBuf,
    /// Variables of libpq that lead to the server.
    pub(crate) variables: Vec<(String, String)>,
}

impl<'a> Client<'a> {
    /// A client of the scratch server, of this major version.
    pub(crate) fn of_scratch(
        context: &'a Context,
        scratch: &'a Scratch,
        psql: &Path,
        (major, user): (u32, &str),
    ) -> Self {
        let own = |name: &str, value: String| (name.to_owned(), value);
        Self {
            context,
            scratch,
            psql: psql.to_owned(),
            variables: vec![
                own("PGHOST", scratch.join("run").display().to_string()),
                own("PGPORT", "5432".to_owned()),
                own("PGUSER", user.to_owned()),
                own("PGOPTIONS", private::session_options(major)),
            ],
        }
    }

    /// A program that connects to a database of the server.
    pub(crate) fn command(&self, program: &Path, database: &str) -> Command {
        let mut command = process::command(self.scratch, program);
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("PGDATABASE", database);
        command
    }

    /// What a statement returns: rows as lines, columns separated by `|`.
    ///
    /// # Errors
    /// [`ErrorCode::DbQuery`] with what the server says.
    pub(crate) fn ask(&self, database: &str, statement: &str) -> Result<String> {
        self.ask_with(database, statement, &[])
    }

    /// The rows that a statement returns.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub(crate) fn rows(&self, database: &str, statement: &str) -> Result<Vec<String>> {
        let text = self.ask_with(database, statement, &["-0"])?;
        let rows = text.split('\0').filter(|row| !row.is_empty());
        Ok(rows.map(str::to_owned).collect())
    }

    fn ask_with(&self, database: &str, statement: &str, more: &[&str]) -> Result<String> {
        let mut command = self.command(&self.psql, database);
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(more)
            .args(["-c", statement]);
        let ended = process::run(self.context, self.scratch, "psql", &mut command)?;
        match ended.status.success() {
            true => Ok(ended.stdout),
            false => Err(Error::new(ErrorCode::DbQuery, said(&ended))),
        }
    }

    /// Switches the event triggers of a database off, where a session cannot.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub(crate) fn disable_event_triggers(&self, major: u32, database: &str) -> Result<()> {
        if major >= NO_EVENT_TRIGGERS {
            return Ok(());
        }
        let disable = self.ask(
            database,
            "select string_agg(format('alter event trigger %I disable', evtname), '; ') \
             from pg_event_trigger where evtenabled in ('A', 'R')",
        )?;
        if !disable.trim().is_empty() {
            self.ask(database, disable.trim())?;
        }
        Ok(())
    }
}

/// Adds what to do about a user who is no superuser of the scratch cluster: the settings of its sessions are for superusers.
pub(crate) fn explain_user(error: Error, user: &str) -> Error {
    let unfit = [
        format!("role \"{user}\" does not exist"),
        "permission denied to set parameter".to_owned(),
    ];
    match unfit.iter().any(|text| error.message.contains(text)) {
        true => error.with_hint("name a superuser of the cluster with --scratch-pg-user."),
        false => error,
    }
}

/// What a program complained about.
pub(crate) fn said(ended: &Ended) -> String {
    match (ended.stderr.trim(), ended.stdout.trim()) {
        ("", "") => format!("it ended with {}", ended.status),
        ("", out) => tail(out, SHOWN),
        (err, _) => tail(err, SHOWN),
    }
}
