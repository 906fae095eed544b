//! A database that is made in the running cluster: until it is complete it has another name, and a comment that says whose it is.
//!
//! Invariant: a database is dropped only if that comment proves that it is what a run has left, or if this run has made it. As long as
//! the comment says that it is not complete, whoever fills it is in it.

use pgkeep_postgres::session::UNFINISHED as NOTE;

use super::names::{literal, quoted};
use super::settings::Connection;
use crate::error::{Error, ErrorCode, Result};
use crate::scratch::Client;

/// How it begins between the last statement and the name: nobody is in the database then, and it is not what a run has left.
const DONE: &str = "pgkeep restore-table: complete";
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

/// What it says from the last statement on.
fn done(run: &str) -> String {
    format!("{DONE}, run {run}")
}

/// Whether the comment of database `d` begins so, as SQL.
fn begins(with: &str) -> String {
    format!(
        "coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), '') like {}",
        literal(&format!("{with}%"))
    )
}

/// The last statement in a database that is filled.
pub(super) fn last_statement(connection: &Connection, run: &str) -> String {
    format!(
        "comment on database {} is {}",
        quoted(&unfinished(connection)),
        literal(&done(run))
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
        begins(NOTE),
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

/// What a run has left that was killed.
pub(super) struct Left {
    pub(super) name: String,
    comment: String,
}

/// The database that a run has left which was killed, under the name that this one needs. `ask` asks the running cluster.
///
/// # Errors
/// A database that is not proved to be ours, or in which somebody is.
pub(super) fn left(
    connection: &Connection,
    ask: impl Fn(&str) -> Result<String>,
) -> Result<Option<Left>> {
    let name = unfinished(connection);
    let found = ask(&format!(
        "select case when {} then 'begun' when {} then 'done' end, ({CLIENTS}), \
         pg_catalog.shobj_description(d.oid, 'pg_database') \
         from pg_catalog.pg_database d where datname = {}",
        begins(NOTE),
        begins(DONE),
        literal(&name)
    ))?;
    let mut columns = found.trim_end_matches('\n').splitn(3, '|');
    let (Some(kind), Some(clients), Some(comment)) =
        (columns.next(), columns.next(), columns.next())
    else {
        return Ok(None);
    };
    let exists = |how: &str| {
        Error::new(
            ErrorCode::DbMismatch,
            format!("database '{name}' exists in the running cluster{how}"),
        )
    };
    match (kind, clients) {
        ("begun", "0") => Ok(Some(Left {
            name,
            comment: comment.to_owned(),
        })),
        ("done", _) => Err(exists(", complete and without its name")
            .with_hint("another run gives it its name now: wait.")
            .with_hint(format!(
                "or one was killed then: ALTER DATABASE {} RENAME TO {};",
                quoted(&name),
                quoted(&connection.database)
            ))),
        ("begun", _) => Err(exists(", and somebody is in it")
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

/// Removes what was left. `run`: the number of this one.
///
/// # Errors
/// What the server says: somebody may have come.
pub(super) fn remove(left: &Left, run: &str, ask: impl Fn(&str) -> Result<String>) -> Result<()> {
    let name = &left.name;
    log::info!("remove database '{name}', which an interrupted run has left");
    remove_with(name, &[&left.comment], run, ask)
}

/// Removes a database that has one of these comments. By its name alone it may be another one by now, of another run that has removed
/// it too: so it gets a name that nobody else uses in the same transaction in which it is looked at.
fn remove_with(
    name: &str,
    comments: &[&str],
    run: &str,
    ask: impl Fn(&str) -> Result<String>,
) -> Result<()> {
    let own = format!("pgkeep.{run}.unfinished");
    let comments: Vec<String> = comments.iter().map(|one| literal(one)).collect();
    let check = format!(
        "begin if not exists (select from pg_catalog.pg_database where datname = {} \
         and coalesce(pg_catalog.shobj_description(oid, 'pg_database'), '') in ({})) then \
         raise exception 'it is of another run now'; end if; end",
        literal(&own),
        comments.join(", ")
    );
    let (name, own) = (quoted(name), quoted(&own));
    ask(&format!(
        "alter database {name} rename to {own}; do {}",
        literal(&check)
    ))?;
    ask(&format!("drop database {own}")).map(drop)
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
    let run = client.scratch.id();
    let (note, done) = (note(run), done(run));
    // Before it has its comment whoever makes it is in it.
    let own = ["", &note, &done];
    let ask = |statement: &str| client.ask(&connection.maintenance, statement);
    let remove = || {
        let list = own.map(literal).join(", ");
        let found = ask(&format!(
            "select coalesce(pg_catalog.shobj_description(oid, 'pg_database'), '') in ({list}) \
             from pg_catalog.pg_database where datname = {}",
            literal(&name)
        ))?;
        match found.trim() {
            "t" => remove_with(&name, &own, run, ask),
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
