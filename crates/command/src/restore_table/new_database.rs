//! A database that is made in the running cluster: until it is complete it has another name, and a comment that says whose it is.
//!
//! Invariant: a database is dropped only if that comment proves that it is what a run has left, or if this run has made it.

use super::names::{literal, quoted};
use super::settings::Connection;
use crate::error::{Error, ErrorCode, Result};
use crate::scratch::Client;

/// How the comment begins.
const NOTE: &str = "pgkeep restore-table: not complete";
/// How many are connected to database `d`. The server's own processes go when it is dropped.
const CLIENTS: &str = "select count(*) from pg_catalog.pg_stat_activity a where a.datname = d.datname \
     and coalesce(a.backend_type, 'client backend') = 'client backend'";

/// Name of a new database while it is filled.
pub(super) fn unfinished(connection: &Connection) -> String {
    let name = &connection.database;
    let mut end = name.len().min(50);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}.unfinished", &name[..end])
}

/// What the comment of a database says, once it is what the run with this number makes.
fn note(run: &str) -> String {
    format!("{NOTE}, run {run}")
}

/// Whether the comment of database `d` is one of ours, as SQL.
fn is_ours() -> String {
    format!(
        "coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), '') like {}",
        literal(&format!("{NOTE}%"))
    )
}

/// Gives the database of the scratch cluster the name and the comment that it is made with. Returns the comment that it had, as SQL.
///
/// # Errors
/// What the server says.
pub(super) fn mark(client: &Client<'_>, old: &str, connection: &Connection) -> Result<String> {
    // Nobody may be connected to it.
    let from = match old {
        "template1" => "postgres",
        _ => "template1",
    };
    let comment = client.ask(
        from,
        &format!(
            "select coalesce(quote_literal(pg_catalog.shobj_description(oid, 'pg_database')), 'null') \
             from pg_catalog.pg_database where datname = {}",
            literal(old)
        ),
    )?;
    let new = quoted(&unfinished(connection));
    let note = literal(&note(client.scratch.id()));
    let old = quoted(old);
    let rename = match old == new {
        true => String::new(),
        false => format!("alter database {old} rename to {new}; "),
    };
    client.ask(
        from,
        &format!("{rename}comment on database {new} is {note}"),
    )?;
    Ok(comment.trim_end_matches('\n').to_owned())
}

/// Tells of databases that runs have left which were killed, but for one of this name. `ask` asks the running cluster.
///
/// # Errors
/// What the server says.
pub(super) fn tell_others(but: &str, ask: impl Fn(&str) -> Result<String>) -> Result<()> {
    let found = ask(&format!(
        "select quote_ident(datname) from pg_catalog.pg_database d \
         where {} and ({CLIENTS}) = 0 and datname <> {} order by 1",
        is_ours(),
        literal(but)
    ))?;
    for name in found.lines() {
        log::warn!(
            "database {name} of the running cluster is what an interrupted run has left\n\
             HINT: remove it: DROP DATABASE {name};"
        );
    }
    Ok(())
}

/// The name of the database that a run has left which was killed, under the name that this one needs. `ask` asks the running
/// cluster.
///
/// # Errors
/// A database that is not proved to be ours, or in which somebody is.
pub(super) fn left(
    connection: &Connection,
    ask: impl Fn(&str) -> Result<String>,
) -> Result<Option<String>> {
    let name = unfinished(connection);
    let found = ask(&format!(
        "select {}, ({CLIENTS}) from pg_catalog.pg_database d where datname = {}",
        is_ours(),
        literal(&name)
    ))?;
    let Some((ours, clients)) = found.trim().split_once('|') else {
        return Ok(None);
    };
    let exists = |how: &str| {
        Error::new(
            ErrorCode::DbMismatch,
            format!("database '{name}' exists in the running cluster{how}"),
        )
    };
    match (ours, clients) {
        ("t", "0") => Ok(Some(name)),
        ("t", _) => Err(exists(", and somebody is in it")
            .with_hint("another run fills it, or one that was killed has left a process of the server, which ends by itself: wait.")
            .with_hint("choose another name with --to-database.")),
        _ => Err(exists("")
            .with_hint(format!(
                "if a run that was killed has left it, remove it: DROP DATABASE {};",
                quoted(&name)
            ))
            .with_hint("if not, choose another name with --to-database.")),
    }
}

/// Removes what was left.
///
/// # Errors
/// What the server says: somebody may have come.
pub(super) fn remove(name: &str, ask: impl Fn(&str) -> Result<String>) -> Result<()> {
    log::info!("remove database '{name}', which an interrupted run has left");
    ask(&format!("drop database {}", quoted(name))).map(drop)
}

/// Gives a database that is complete its name and its own comment.
///
/// # Errors
/// What the server says.
pub(super) fn complete(
    connection: &Connection,
    comment: &str,
    ask: impl Fn(&str) -> Result<String>,
) -> Result<()> {
    let (old, new) = (
        quoted(&unfinished(connection)),
        quoted(&connection.database),
    );
    // Statements in one string are one transaction.
    ask(&format!(
        "comment on database {old} is {comment}; alter database {old} rename to {new}"
    ))
    .map(drop)
}

/// Removes what this run has made and could not complete. The error gets a hint where that fails.
pub(super) fn undo(client: &Client<'_>, connection: &Connection, error: Error) -> Error {
    let name = unfinished(connection);
    let remove = || {
        let found = client.ask(
            &connection.maintenance,
            &format!(
                "select coalesce(pg_catalog.shobj_description(oid, 'pg_database'), '') \
                 in ('', {}) from pg_catalog.pg_database where datname = {}",
                literal(&note(client.scratch.id())),
                literal(&name)
            ),
        )?;
        match found.trim() {
            // Before it has its comment whoever makes it is in it.
            "t" => {
                let statement = format!("drop database {}", quoted(&name));
                client.ask(&connection.maintenance, &statement).map(drop)
            }
            _ => Ok(()),
        }
    };
    match remove() {
        Ok(()) => error,
        Err(left) => error.with_hint(format!(
            "database '{name}' is left, remove it: {}",
            left.message
        )),
    }
}
