//! The running cluster that is restored into: what is there is found out before any work, and once more before the first change.

use std::path::Path;

use super::names::{literal, quoted};
use super::new_database;
use super::relations::Relation;
use super::settings::{Connection, Settings, Wanted};
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
use crate::run::cancel::Cancel;
use crate::scratch::client::said;
use crate::scratch::{Client, Plan, Programs, Scratch, process};

/// From this version on a dump begins with a setting that older servers do not know.
const NEW_SETTING: u32 = 17;

/// The cluster, and what is to be done in it.
pub(super) struct Cluster<'a> {
    client: Client<'a>,
    connection: &'a Connection,
    settings: &'a Settings,
    /// Of `pg_dump`.
    dump_major: u32,
}

impl<'a> Cluster<'a> {
    /// Nothing is connected yet.
    pub(super) fn new(
        context: &'a Context,
        scratch: &'a Scratch,
        (settings, connection): (&'a Settings, &'a Connection),
        programs: &Programs,
    ) -> Self {
        Self {
            client: Client {
                context,
                scratch,
                psql: programs.psql.clone(),
                variables: connection.variables.clone(),
            },
            connection,
            settings,
            dump_major: programs.dump_major().unwrap_or(0),
        }
    }

    /// The database that is restored into.
    pub(super) fn database(&self) -> &str {
        &self.connection.database
    }

    /// Whether the restore may begin. Returns the name of a database that an interrupted run has left, and that is removed first.
    ///
    /// # Errors
    /// A cluster that cannot be reached, is older or a standby; what is there already.
    pub(super) fn check(&self, plan: &Plan) -> Result<Option<String>> {
        let version = self.ask(
            &self.connection.maintenance,
            "select current_setting('server_version_num')::int / 10000, pg_is_in_recovery()",
        )?;
        let (version, standby) = version.trim().split_once('|').unwrap_or_default();
        let major = version.parse().unwrap_or(0);
        self.refuse_newer_dump(major)?;
        if major < plan.major {
            return Err(Error::new(
                ErrorCode::VersionNotSupported,
                format!(
                    "the running cluster is of version {version}, the backup of version {}: a dump cannot go to an older one",
                    plan.major
                ),
            )
            .with_hint("restore to a file: --dump-file."));
        }
        if standby == "t" {
            return Err(Error::new(
                ErrorCode::DbMismatch,
                "the running cluster is a standby, which cannot be changed",
            )
            .with_hint("name the primary with pg1-socket-path and pg1-port, or restore to a file: --dump-file."));
        }
        let maintenance = &self.connection.maintenance;
        let own = match self.settings.wanted {
            Wanted::Database => new_database::unfinished(self.connection),
            _ => String::new(),
        };
        new_database::tell_others(&own, |statement| self.ask(maintenance, statement))?;
        match &self.settings.wanted {
            Wanted::Database => Ok(self.refuse_database()?.map(|left| left.name)),
            Wanted::Schemas(schemas) => {
                for schema in schemas {
                    self.refuse_schema(self.settings.to_schema.as_ref().unwrap_or(schema))?;
                }
                Ok(None)
            }
            Wanted::Tables(tables) => {
                let settings = self.settings;
                let relations: Vec<Relation> = tables
                    .iter()
                    .map(|(schema, name)| Relation {
                        schema: settings.to_schema.as_ref().unwrap_or(schema).clone(),
                        name: settings.to_table.as_ref().unwrap_or(name).clone(),
                        leaves: None,
                    })
                    .collect();
                self.refuse_tables(&relations).map(|()| None)
            }
        }
    }

    /// Puts the dump in. Of tables and schemas all is there afterwards, or nothing has changed. `comment`: what a database
    /// is to have, as SQL.
    ///
    /// # Errors
    /// What is there already; what the server says.
    pub(super) fn fill(&self, dump: &Path, relations: &[Relation], comment: &str) -> Result<()> {
        if self.settings.wanted == Wanted::Database {
            return self.make_database(dump, comment);
        }
        self.refuse_tables(relations)?;
        let mut more = vec!["--single-transaction".to_owned()];
        if let (Wanted::Tables(_), Some(schema)) = (&self.settings.wanted, &self.settings.to_schema)
        {
            more.push("--command".to_owned());
            more.push(format!("create schema if not exists {}", quoted(schema)));
        }
        self.run(&self.connection.database, (&more, dump, &[]))
            .map_err(|error| {
                error.with_hint("nothing was changed: all is done in one transaction.")
            })
    }

    /// It has another name until it is complete.
    fn make_database(&self, dump: &Path, comment: &str) -> Result<()> {
        let maintenance = &self.connection.maintenance;
        let ask = |statement: &str| self.ask(maintenance, statement);
        let run = self.client.scratch.id();
        if let Some(left) = self.refuse_database()?
            && let Err(error) = new_database::remove(&left, run, ask)
        {
            // Another run may have been faster.
            return self.refuse_database().and(Err(error));
        }
        let last = [
            "--command".to_owned(),
            new_database::last_statement(self.connection, run),
        ];
        let made = self
            .run(maintenance, (&[], dump, &last))
            .and_then(|()| new_database::complete(self.connection, comment, ask));
        made.map_err(|error| {
            // A run that is stopped cleans up too.
            let context = Context {
                cancel: Cancel::default(),
                ..self.client.context.clone()
            };
            let client = Client {
                context: &context,
                scratch: self.client.scratch,
                psql: self.client.psql.clone(),
                variables: self.client.variables.clone(),
            };
            new_database::undo(&client, self.connection, error)
        })
    }

    /// Runs the dump, after and before what is asked for besides.
    fn run(
        &self,
        database: &str,
        (before, dump, after): (&[String], &Path, &[String]),
    ) -> Result<()> {
        let mut command = self.client.command(&self.client.psql, database);
        command
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1"])
            .args(before)
            .arg("--file")
            .arg(dump)
            .args(after);
        let (context, scratch) = (self.client.context, self.client.scratch);
        let ended = process::run(context, scratch, "into", &mut command)?;
        if ended.status.success() {
            return Ok(());
        }
        let said = said(&ended);
        let error = Error::new(
            ErrorCode::DbQuery,
            format!("unable to restore into the running cluster:\n{said}"),
        );
        Err(if said.contains("other objects depend on it") {
            error.with_hint(
                "remove what depends on it first, or restore beside it: --to-schema=restored.",
            )
        } else if said.contains("role \"") && said.contains("does not exist") {
            error.with_hint("make the role, or restore to a file (--dump-format=custom) and use pg_restore --no-owner --no-acl.")
        } else {
            error.with_hint("restore to a file (--dump-format=custom) to choose with pg_restore what of it is restored.")
        })
    }

    fn ask(&self, database: &str, statement: &str) -> Result<String> {
        self.client.ask(database, statement).map_err(|error| {
            if error.code == ErrorCode::Term {
                return error;
            }
            Error::new(
                ErrorCode::DbConnect,
                format!("unable to ask the running cluster: {}", error.message),
            )
            .with_hint("pg1-socket-path, pg1-port and pg1-user say where it is, --to-database which database it is.")
        })
    }

    fn count(&self, database: &str, from: &str) -> Result<bool> {
        let answer = self.ask(database, &format!("select count(*) from {from}"))?;
        Ok(answer.trim() != "0")
    }

    /// A `pg_dump` that is newer than the cluster may say what the cluster does not understand.
    fn refuse_newer_dump(&self, major: u32) -> Result<()> {
        let dump = self.dump_major;
        let whole = self.settings.wanted == Wanted::Database;
        if dump <= major || !(whole || dump >= NEW_SETTING && major < NEW_SETTING) {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::VersionNotSupported,
            format!("pg_dump is of version {dump}, the running cluster of version {major}: it may not understand the dump"),
        )
        .with_hint(format!(
            "install the client programs of version {major}, on Debian: apt-get install postgresql-client-{major}"
        ))
        .with_hint("or name the directory of its programs with --scratch-pg-bin."))
    }

    /// What an interrupted run has left under the name that it has until it is complete.
    fn refuse_database(&self) -> Result<Option<new_database::Left>> {
        let (name, maintenance) = (&self.connection.database, &self.connection.maintenance);
        let named = format!("pg_catalog.pg_database where datname = {}", literal(name));
        if self.count(maintenance, &named)? {
            return Err(Error::new(
                ErrorCode::DbMismatch,
                format!("database '{name}' exists in the running cluster"),
            )
            .with_hint("nothing was changed: choose another name with --to-database."));
        }
        new_database::left(self.connection, |statement| {
            self.ask(maintenance, statement)
        })
    }

    fn refuse_schema(&self, schema: &str) -> Result<()> {
        let named = format!(
            "pg_catalog.pg_namespace where nspname = {}",
            literal(schema)
        );
        if self.connection.clean || !self.count(&self.connection.database, &named)? {
            return Ok(());
        }
        Err(self.refusal(&format!("schema '{schema}'")))
    }

    fn refuse_tables(&self, relations: &[Relation]) -> Result<()> {
        if self.connection.clean {
            // At least the database must be there.
            return self
                .count(&self.connection.database, "pg_catalog.pg_database")
                .map(drop);
        }
        let names: Vec<String> = relations
            .iter()
            .map(|one| format!("({}, {})", literal(&one.schema), literal(&one.name)))
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let statement = format!(
            "select n.nspname || '.' || c.relname from pg_catalog.pg_class c \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where (n.nspname, c.relname) in ({}) order by 1 limit 1",
            names.join(", ")
        );
        match self.ask(&self.connection.database, &statement)?.trim() {
            "" => Ok(()),
            found => Err(self.refusal(&format!("table '{found}'"))),
        }
    }

    fn refusal(&self, what: &str) -> Error {
        Error::new(
            ErrorCode::DbMismatch,
            format!(
                "{what} exists in database '{}' of the running cluster",
                self.connection.database
            ),
        )
        .with_hint("nothing was changed: restore beside it with --to-schema or --to-table.")
        .with_hint("or replace it with --clean.")
    }
}
