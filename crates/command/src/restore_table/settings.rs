//! The options of `restore-table`. The only file of this command that names options.

use std::path::PathBuf;

use pgkeep_config::{Config, option};

use super::names;
use crate::error::{Error, ErrorCode, Result};
use crate::run::Context;
use crate::scratch;

/// What is taken out of the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Schemas and names.
    Tables(Vec<(String, String)>),
    Schemas(Vec<String>),
    Database,
}

/// Where it goes.
#[derive(Debug, Clone)]
pub(super) enum Goal {
    Output,
    File(PathBuf),
    Cluster(Connection),
}

impl Goal {
    /// For programs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::File(_) => "file",
            Self::Cluster(_) => "cluster",
        }
    }
}

/// A running cluster.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    /// Variables of libpq. A password is in none of them: libpq takes it from its own file or variable.
    pub(super) variables: Vec<(String, String)>,
    /// Database to connect to where it is not the one that is restored into.
    pub(super) maintenance: String,
    /// Database that is restored into.
    pub(super) database: String,
    /// Replace what is there.
    pub(super) clean: bool,
}

impl Connection {
    /// Host or directory of the socket, and port.
    pub(super) fn place(&self) -> (&str, &str) {
        let value = |name: &str| {
            let mut all = self.variables.iter();
            all.find(|(found, _)| found == name)
                .map_or("", |(_, value)| value.as_str())
        };
        (value("PGHOST"), value("PGPORT"))
    }
}

/// Typed options.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) scratch: scratch::Settings,
    pub(super) database: String,
    pub(super) wanted: Wanted,
    pub(super) goal: Goal,
    /// Not plain SQL.
    pub(super) custom: bool,
    pub(super) large_objects: bool,
    pub(super) to_schema: Option<String>,
    pub(super) to_table: Option<String>,
    /// Only the plan.
    pub(super) dry_run: bool,
    /// The plan is for programs.
    pub(super) json: bool,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// Options that are missing or exclude each other, names that are none.
    pub(super) fn from(context: &Context) -> Result<Self> {
        let config = &*context.config;
        context.stanza()?;
        let (database, wanted) = wanted(config)?;
        let name = |option: &'static option::OptionDef, form| {
            let text = config.string(option);
            text.map(|text| names::parts::<1>(option.name, text, form).map(|[name]| name))
                .transpose()
        };
        let to_schema = name(option::TO_SCHEMA, "restored")?;
        if let Some(schema) = to_schema.as_ref().filter(|name| name.starts_with("pg_")) {
            return Err(Error::new(
                ErrorCode::OptionInvalidValue,
                format!("'{schema}' is not allowed for 'to-schema' option"),
            )
            .with_hint("names that begin with pg_ are reserved for schemas of the server."));
        }
        let to_table = name(option::TO_TABLE, "orders_old")?;
        let to_database = name(option::TO_DATABASE, "shop_old")?;
        match &wanted {
            Wanted::Tables(tables) if tables.len() > 1 && to_table.is_some() => {
                return Err(only_with(option::TO_TABLE, "a single --table"));
            }
            Wanted::Schemas(schemas) if schemas.len() > 1 && to_schema.is_some() => {
                return Err(only_with(option::TO_SCHEMA, "a single --schema or --table"));
            }
            Wanted::Schemas(_) | Wanted::Database if to_table.is_some() => {
                return Err(only_with(option::TO_TABLE, "a single --table"));
            }
            Wanted::Database if to_schema.is_some() => {
                return Err(only_with(option::TO_SCHEMA, "--schema or --table"));
            }
            Wanted::Database if config.boolean(option::CLEAN) => {
                return Err(only_with(option::CLEAN, "--schema or --table").with_hint(
                    "a database is restored beside the one that is there: --to-database.",
                ));
            }
            _ => {}
        }
        let custom = config.string(option::DUMP_FORMAT) == Some("custom");
        let goal = match (
            config.boolean(option::TO_CLUSTER),
            config.string(option::DUMP_FILE),
        ) {
            (true, Some(_)) => return Err(only_with(option::DUMP_FILE, "no --to-cluster")),
            (true, None) if custom => {
                return Err(only_with(option::DUMP_FORMAT, "no --to-cluster"));
            }
            (true, None) => Goal::Cluster(Connection {
                database: to_database.unwrap_or_else(|| database.clone()),
                ..connection(context)
            }),
            (false, Some(path)) => Goal::File(PathBuf::from(path)),
            (false, None) => Goal::Output,
        };
        Ok(Self {
            scratch: scratch::Settings::from(context)?,
            large_objects: config.boolean(option::LARGE_OBJECTS) && wanted != Wanted::Database,
            database,
            wanted,
            goal,
            custom,
            to_schema,
            to_table,
            dry_run: config.boolean(option::DRY_RUN),
            json: config.string(option::OUTPUT) == Some("json"),
        })
    }

    /// What else it is called there: `, schema restored`. Nothing if it keeps its names.
    pub(super) fn new_names(&self) -> String {
        let named = [("schema", &self.to_schema), ("table", &self.to_table)];
        let named = named
            .into_iter()
            .filter_map(|(what, name)| Some(format!(", {what} {}", name.as_ref()?)));
        named.collect()
    }

    /// What is restored, for people.
    pub(super) fn what(&self) -> String {
        let list = |names: Vec<String>| names.join(", ");
        match &self.wanted {
            Wanted::Tables(tables) => list(
                tables
                    .iter()
                    .map(|(schema, table)| format!("{schema}.{table}"))
                    .collect(),
            ),
            Wanted::Schemas(schemas) => list(
                schemas
                    .iter()
                    .map(|schema| format!("schema {schema}"))
                    .collect(),
            ),
            Wanted::Database => format!("database {}", self.database),
        }
    }
}

fn only_with(option: &'static option::OptionDef, what: &str) -> Error {
    Error::new(
        ErrorCode::OptionInvalid,
        format!("option '{}' is only valid with {what}", option.name),
    )
}

/// A dump of a schema of the server's own is of no use: what is in it belongs to one cluster, and pg_dump leaves most of it out.
fn refuse_server_schema(option: &str, text: &str, schema: &str) -> Result<()> {
    if !schema.starts_with("pg_") && schema != "information_schema" {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::OptionInvalidValue,
        format!("'{text}' is not allowed for '{option}' option"),
    )
    .with_hint(format!(
        "schema {schema} is the server's own: every cluster has one, and it cannot be taken from one to another."
    )))
}

/// The database, and what of it.
fn wanted(config: &Config) -> Result<(String, Wanted)> {
    let said = |option| config.list(option).unwrap_or_default();
    let (tables, schemas) = (said(option::TABLE), said(option::SCHEMA));
    let database = config.string(option::DATABASE);
    let mut databases = Vec::new();
    let wanted = match (tables, schemas, database) {
        ([], [], Some(text)) => {
            let [name] = names::parts("database", text, "shop")?;
            databases.push(name);
            Wanted::Database
        }
        ([], [_, ..], None) => {
            let mut found = Vec::new();
            for text in schemas {
                let [database, schema] = names::parts("schema", text, "shop.sales")?;
                refuse_server_schema("schema", text, &schema)?;
                databases.push(database);
                found.push(schema);
            }
            Wanted::Schemas(found)
        }
        ([_, ..], [], None) => {
            let mut found = Vec::new();
            for text in tables {
                let [database, schema, table] = names::parts("table", text, "shop.public.orders")?;
                refuse_server_schema("table", text, &schema)?;
                databases.push(database);
                found.push((schema, table));
            }
            Wanted::Tables(found)
        }
        ([], [], None) => {
            return Err(Error::new(
                ErrorCode::OptionRequired,
                "restore-table command requires option: table, schema or database",
            )
            .with_hint("name what to restore: --table=shop.public.orders"));
        }
        _ => {
            return Err(Error::new(
                ErrorCode::OptionInvalid,
                "options 'table', 'schema' and 'database' cannot be combined",
            )
            .with_hint("run the command once for each."));
        }
    };
    databases.sort();
    databases.dedup();
    match databases.as_slice() {
        [one] => Ok((one.clone(), wanted)),
        _ => Err(Error::new(
            ErrorCode::OptionInvalidValue,
            format!("more than one database is named: {}", databases.join(", ")),
        )
        .with_hint("run the command once for each.")),
    }
}

/// How the running cluster is reached: by the options of its first number, else as libpq does by itself.
fn connection(context: &Context) -> Connection {
    let config = &*context.config;
    let key = 1;
    let from_environment = |name: &str| context.environment.get(name).cloned();
    let mut variables = Vec::new();
    let mut set = |name: &str, value: Option<String>| {
        variables.extend(value.map(|value| (name.to_owned(), value)));
    };
    let socket = config.string_at(option::PG_SOCKET_PATH, key);
    set(
        "PGHOST",
        socket
            .map(str::to_owned)
            .or_else(|| from_environment("PGHOST"))
            .or_else(|| Some("/var/run/postgresql".to_owned())),
    );
    set(
        "PGPORT",
        config
            .integer_at(option::PG_PORT, key)
            .map(|port| port.to_string())
            .or_else(|| Some("5432".to_owned())),
    );
    set(
        "PGUSER",
        config
            .string_at(option::PG_USER, key)
            .map(str::to_owned)
            .or_else(|| from_environment("PGUSER")),
    );
    for name in ["PGPASSFILE", "PGSSLMODE", "PGCONNECT_TIMEOUT"] {
        set(name, from_environment(name));
    }
    set("PGAPPNAME", Some("pgkeep restore-table".to_owned()));
    Connection {
        variables,
        maintenance: config
            .string_at(option::PG_DATABASE, key)
            .unwrap_or("postgres")
            .to_owned(),
        database: String::new(),
        clean: config.boolean(option::CLEAN),
    }
}
