//! The dump, and where it goes.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::cluster::Cluster;
use super::dump_file::DumpFile;
use super::names::{qualified, quoted};
use super::new_database;
use super::relations::Relation;
use super::settings::{Goal, Settings, Wanted};
use crate::error::{Error, ErrorCode, Result};
use crate::report::size_text::size_text;
use crate::scratch::client::said;
use crate::scratch::{Client, Programs, process};

/// Where in the scratch directory a dump for a running cluster lies.
const DUMP: &str = "spool/dump.sql";

/// Dumps what was found and hands it over; `comment` is that of the database, as SQL. Returns what was done, for people.
///
/// # Errors
/// What `pg_dump` says, and whatever stands in the way of handing it over.
pub(super) fn hand_over(
    client: &Client<'_>,
    settings: &Settings,
    programs: &Programs,
    (relations, comment): (&[Relation], &str),
    goal: Ready<'_>,
) -> Result<String> {
    let what = settings.what();
    let mut command = client.command(&programs.pg_dump, &source(settings));
    command.args(arguments(settings, relations));
    match goal {
        Ready::Output => {
            let output = &client.context.output;
            output.text(&preamble(settings))?;
            run(client, &mut command, Stdio::inherit())?;
            Ok(format!("{what} went to standard output"))
        }
        Ready::File(file) => {
            let mut handle = file.handle()?;
            std::io::Write::write_all(&mut handle, preamble(settings).as_bytes())
                .map_err(|error| Error::new(ErrorCode::FileWrite, error.to_string()))?;
            run(client, &mut command, handle.into())?;
            let size = file.publish()?;
            Ok(format!("{what}: {} of dump", size_text(size)))
        }
        Ready::Cluster(cluster) => {
            let path = client.scratch.join(DUMP);
            command.arg("--file").arg(&path);
            run(client, &mut command, Stdio::null())?;
            log::info!("restore into the running cluster");
            cluster.fill(&path, relations, comment)?;
            let (database, names) = (cluster.database(), settings.new_names());
            Ok(format!(
                "{what} is in the running cluster, database {database}{names}"
            ))
        }
    }
}

/// A goal that was looked at.
pub(super) enum Ready<'a> {
    Output,
    File(DumpFile),
    Cluster(Cluster<'a>),
}

/// The database that is dumped: for a running cluster it has got the name that it is made under.
fn source(settings: &Settings) -> String {
    match (&settings.goal, &settings.wanted) {
        (Goal::Cluster(connection), Wanted::Database) => new_database::unfinished(connection),
        _ => settings.database.clone(),
    }
}

/// Gives a database for the running cluster the name and the comment that it is made with. Returns the comment that it had, as SQL.
///
/// # Errors
/// What the server says.
pub(super) fn rename_database(client: &Client<'_>, settings: &Settings) -> Result<String> {
    match (&settings.goal, &settings.wanted) {
        (Goal::Cluster(connection), Wanted::Database) => {
            new_database::mark(client, &settings.database, connection)
        }
        _ => Ok("null".to_owned()),
    }
}

fn run(client: &Client<'_>, command: &mut Command, output: Stdio) -> Result<()> {
    let ended = process::run_to(client.context, client.scratch, "dump", command, output)?;
    if ended.status.success() {
        return Ok(());
    }
    if ended.status.signal() == Some(Signal::PIPE.as_raw()) {
        return Err(Error::new(
            ErrorCode::FileWrite,
            "standard output was closed before all of the dump was written",
        ));
    }
    Err(Error::new(
        ErrorCode::DbQuery,
        format!("the dump failed: {}", said(&ended)),
    ))
}

/// What a plain dump of tables does not say: the schema that they were moved to.
fn preamble(settings: &Settings) -> String {
    match (&settings.wanted, &settings.to_schema) {
        (Wanted::Tables(_), Some(schema)) if !settings.custom => {
            format!("CREATE SCHEMA IF NOT EXISTS {};\n\n", quoted(schema))
        }
        _ => String::new(),
    }
}

/// Options of `pg_dump`. Names in double quotes are no patterns.
fn arguments(settings: &Settings, relations: &[Relation]) -> Vec<String> {
    let mut words = vec![format!(
        "--format={}",
        if settings.custom { "custom" } else { "plain" }
    )];
    match &settings.wanted {
        Wanted::Tables(_) => {
            let names = relations.iter();
            words.extend(names.map(|one| format!("--table={}", qualified(&one.schema, &one.name))));
        }
        Wanted::Schemas(schemas) => {
            let names = schemas.iter();
            words.extend(names.map(|schema| {
                let name = settings.to_schema.as_ref().unwrap_or(schema);
                format!("--schema={}", quoted(name))
            }));
        }
        Wanted::Database => {}
    }
    if settings.wanted != Wanted::Database {
        words.push("--strict-names".to_owned());
    }
    if settings.large_objects {
        words.push("-b".to_owned());
    }
    if let Goal::Cluster(connection) = &settings.goal {
        if connection.clean {
            words.extend(["--clean".to_owned(), "--if-exists".to_owned()]);
        }
        if settings.wanted == Wanted::Database {
            words.push("--create".to_owned());
        }
    }
    words
}
