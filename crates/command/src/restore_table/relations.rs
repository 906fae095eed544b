//! What is wanted, looked up in the scratch cluster as it was at the moment.

use std::collections::BTreeSet;

use serde_json::Value;

use super::names::{literal, qualified, quoted};
use super::settings::{Settings, Wanted};
use crate::error::{Error, ErrorCode, Result};
use crate::scratch::Client;
use crate::scratch::client::CLOSED;

/// A table, or what else can be dumped like one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Relation {
    pub(super) schema: String,
    pub(super) name: String,
    /// The table that it is a partition of, as a statement names it, if that is not restored.
    pub(super) leaves: Option<String>,
}

impl Relation {
    /// As a statement names it.
    pub(super) fn quoted(&self) -> String {
        qualified(&self.schema, &self.name)
    }
}

/// Lets us into a database of the scratch cluster.
fn open(client: &Client<'_>, database: &str) -> Result<()> {
    let from = match database {
        "template1" => "postgres",
        _ => "template1",
    };
    let allow = format!(
        "alter database {} with allow_connections true",
        quoted(database)
    );
    client.ask(from, &allow).map(drop)
}

/// Checks that the database is the one whose files were restored.
///
/// # Errors
/// [`ErrorCode::DbMissing`], [`ErrorCode::DbInvalid`]
pub(super) fn check_database(client: &Client<'_>, settings: &Settings) -> Result<()> {
    let database = &settings.database;
    let missing = format!("database \"{database}\" does not exist");
    let ask = || {
        client.ask(
            database,
            "select oid from pg_database where datname = current_database()",
        )
    };
    let oid = match ask() {
        Err(error) if error.message.contains(CLOSED) => {
            open(client, database)?;
            ask()
        }
        asked => asked,
    };
    let oid = oid.map_err(|error| match error.message.contains(&missing) {
        true => Error::new(
            ErrorCode::DbMissing,
            format!(
                "there is no database '{database}' at {}",
                settings.scratch.moment()
            ),
        )
        .with_hint("names with capital letters stand in double quotes.")
        .with_hint(EARLIER),
        false => error,
    })?;
    let left_out = |oid: &u64| settings.scratch.left_out.contains(oid);
    match oid.trim().parse().ok().filter(left_out) {
        None => Ok(()),
        Some(oid) => Err(Error::new(
            ErrorCode::DbInvalid,
            format!("database '{database}' had another name when the backup was made (its number is {oid})"),
        )
        .with_hint("choose a backup that was made after it got its name: --set.")),
    }
}

/// What to do about something that is missing.
const EARLIER: &str =
    "if it was dropped, name a moment before that: --type=time --target='2026-01-01 11:59:00+00'";

/// Tables with their partitions and children; nothing for schemas and databases, once they are known to be there.
///
/// # Errors
/// [`ErrorCode::DbInvalid`] for what is not there.
pub(super) fn find(client: &Client<'_>, settings: &Settings) -> Result<Vec<Relation>> {
    match &settings.wanted {
        Wanted::Database => Ok(Vec::new()),
        Wanted::Schemas(schemas) => {
            for schema in schemas {
                find_schema(client, settings, schema)?;
            }
            Ok(Vec::new())
        }
        Wanted::Tables(tables) => {
            let mut rows = Vec::new();
            for (schema, table) in tables {
                let found = client.rows(&settings.database, &tree(schema, table))?;
                if found.is_empty() {
                    return Err(missing_table(client, settings, schema, table));
                }
                rows.extend(found);
            }
            relations(&rows)
        }
    }
}

/// All below one table, each as an object of JSON.
fn tree(schema: &str, table: &str) -> String {
    format!(
        "with recursive tree(oid) as (\
         select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = {} and c.relname = {} and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and c.relpersistence <> 't' \
         union select i.inhrelid from pg_catalog.pg_inherits i join tree t on t.oid = i.inhparent) \
         select pg_catalog.json_build_object('oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname, \
         'parent', (select i.inhparent::bigint from pg_catalog.pg_inherits i where i.inhrelid = c.oid and c.relispartition), \
         'parent-name', (select pg_catalog.format('%I.%I', pn.nspname, p.relname) from pg_catalog.pg_inherits i \
         join pg_catalog.pg_class p on p.oid = i.inhparent join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace \
         where i.inhrelid = c.oid and c.relispartition)) \
         from tree t join pg_catalog.pg_class c on c.oid = t.oid join pg_catalog.pg_namespace n on n.oid = c.relnamespace",
        literal(schema),
        literal(table)
    )
}

fn relations(rows: &[String]) -> Result<Vec<Relation>> {
    let unreadable = || Error::new(ErrorCode::Format, "unable to read the list of tables");
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| serde_json::from_str(row).map_err(|_| unreadable()))
        .collect::<Result<_>>()?;
    let all: BTreeSet<u64> = rows.iter().filter_map(|row| row["oid"].as_u64()).collect();
    let mut found = BTreeSet::new();
    for row in &rows {
        let text = |name: &str| row[name].as_str().map(str::to_owned);
        let stays = row["parent"]
            .as_u64()
            .is_none_or(|parent| all.contains(&parent));
        found.insert(Relation {
            schema: text("schema").ok_or_else(unreadable)?,
            name: text("name").ok_or_else(unreadable)?,
            leaves: text("parent-name").filter(|_| !stays),
        });
    }
    Ok(found.into_iter().collect())
}

fn missing_table(client: &Client<'_>, settings: &Settings, schema: &str, table: &str) -> Error {
    let error = Error::new(
        ErrorCode::DbInvalid,
        format!(
            "there is no table '{schema}.{table}' in database '{}' at {}",
            settings.database,
            settings.scratch.moment()
        ),
    );
    let similar = format!(
        "select n.nspname || '.' || c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where pg_catalog.lower(c.relname) = pg_catalog.lower({}) and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') order by 1 limit 5",
        literal(table)
    );
    // Only advice: what cannot be asked is left out.
    let similar = client
        .rows(&settings.database, &similar)
        .unwrap_or_default();
    let error = match similar.is_empty() {
        true => error,
        false => error.with_hint(format!(
            "there is {}; names with capital letters stand in double quotes.",
            similar.join(", ")
        )),
    };
    error.with_hint(EARLIER)
}

fn find_schema(client: &Client<'_>, settings: &Settings, schema: &str) -> Result<()> {
    let statement = format!(
        "select count(*) from pg_catalog.pg_namespace where nspname = {}",
        literal(schema)
    );
    if client.ask(&settings.database, &statement)?.trim() != "0" {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::DbInvalid,
        format!(
            "there is no schema '{schema}' in database '{}' at {}",
            settings.database,
            settings.scratch.moment()
        ),
    )
    .with_hint("names with capital letters stand in double quotes.")
    .with_hint(EARLIER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_leaves_a_table_that_is_not_restored_and_no_other() {
        let row = |oid: u64, name: &str, parent: Option<u64>| {
            serde_json::json!({"oid": oid, "schema": "s", "name": name, "parent": parent,
                "parent-name": parent.map(|_| "s.p")})
            .to_string()
        };
        let leaves = |rows: &[String]| -> Vec<(String, Option<String>)> {
            let found = relations(rows).unwrap();
            found
                .into_iter()
                .map(|one| (one.name, one.leaves))
                .collect()
        };
        let whole = [
            row(1, "p", None),
            row(2, "p1", Some(1)),
            row(2, "p1", Some(1)),
        ];
        assert_eq!(
            leaves(&whole),
            [("p".to_owned(), None), ("p1".to_owned(), None)]
        );
        let alone = [row(2, "p1", Some(1))];
        assert_eq!(leaves(&alone), [("p1".to_owned(), Some("s.p".to_owned()))]);
        assert!(relations(&["{".to_owned()]).is_err());
    }
}
