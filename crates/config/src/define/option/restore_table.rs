//! Options of `restore-table`: what is taken out of a backup, and where it goes.
//!
//! Which set and which moment is chosen by options of restore; where the scratch cluster is by those in `scratch`.

use crate::define::command::CommandId::RestoreTable;
use crate::define::option::known_to::{MAIN, only};
use crate::define::option::{CommandRoles, Default, Depend, Kind, OptionDef};

const RESTORE_TABLE: &[CommandRoles] = &[only(RestoreTable, MAIN)];

/// A text for the command line.
const TEXT: OptionDef = OptionDef {
    commands: RESTORE_TABLE,
    required: false,
    ours: true,
    ..OptionDef::COMMAND_LINE
};

/// A switch for the command line.
const SWITCH: OptionDef = OptionDef {
    commands: RESTORE_TABLE,
    ours: true,
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Only with a running cluster.
const WITH_CLUSTER: Option<Depend> = Some(Depend::on("to-cluster", &["y"]));

/// Replace what is there.
pub const CLEAN: &OptionDef = &OptionDef {
    name: "clean",
    depends: WITH_CLUSTER,
    summary: "Replace what is there.",
    help: "Removes tables that have the names of those that are restored, in the same transaction in \
        which these are made. Nothing else is removed: if something depends on a table, such as a view \
        or a foreign key, the restore fails and nothing is changed. Not for a whole database.",
    example: "--clean",
    ..SWITCH
};

/// Database to restore.
pub const DATABASE: &OptionDef = &OptionDef {
    name: "database",
    summary: "Database to restore.",
    help: "All of the database, large objects included. The name is written as in SQL: in double quotes \
        if it has capital letters or special characters. Cannot be combined with `--table` and \
        `--schema`.",
    example: "--database=shop",
    ..TEXT
};

/// File that the dump is written to.
pub const DUMP_FILE: &OptionDef = &OptionDef {
    name: "dump-file",
    kind: Kind::Path,
    summary: "File that the dump is written to.",
    help: "It must not be there yet, and appears when it is complete. Only the user who runs the command \
        may read it (mode 0600). Without this option and `--to-cluster` the dump goes to standard output.",
    example: "--dump-file=/srv/orders.sql",
    ..TEXT
};

/// Form of the dump.
pub const DUMP_FORMAT: &OptionDef = &OptionDef {
    name: "dump-format",
    kind: Kind::StringId,
    default: Default::Is("plain"),
    allowed: &["plain", "custom"],
    summary: "Form of the dump.",
    help: "`plain` is SQL, for `psql`. `custom` is compressed, for `pg_restore`, which can choose what of \
        it is restored.",
    example: "--dump-format=custom",
    ..TEXT
};

/// Take large objects along.
pub const LARGE_OBJECTS: &OptionDef = &OptionDef {
    name: "large-objects",
    summary: "Take large objects along.",
    help: "All of the database, with `--table` and `--schema`: which of them a table refers to is not \
        known. They keep their numbers, so they must not be in the cluster they go to. With `--database` \
        they are always taken.",
    example: "--large-objects",
    ..SWITCH
};

/// Schema to restore.
pub const SCHEMA: &OptionDef = &OptionDef {
    name: "schema",
    kind: Kind::List,
    multiple: true,
    summary: "Schema to restore.",
    help: "Database and schema, with all that is in it. Names are written as in SQL: in double quotes if \
        they have capital letters or special characters. The option can be repeated, within one database.",
    example: "--schema=shop.sales",
    ..TEXT
};

/// Table to restore.
pub const TABLE: &OptionDef = &OptionDef {
    name: "table",
    kind: Kind::List,
    multiple: true,
    summary: "Table to restore.",
    help: "Database, schema and table, with its partitions, indexes, constraints, triggers and the \
        sequences that belong to it. A view, a materialized view or a sequence will do as well. Names are \
        written as in SQL: in double quotes if they have capital letters or special characters. The option \
        can be repeated, within one database.",
    example: "--table=shop.public.orders",
    ..TEXT
};

/// Restore into the running cluster.
pub const TO_CLUSTER: &OptionDef = &OptionDef {
    name: "to-cluster",
    summary: "Restore into the running cluster.",
    help: "The one that `pg1-socket-path`, `pg1-port` and `pg1-user` lead to. Tables and schemas are made in \
        one transaction: all or nothing. What is there already is never changed without `--clean`: the \
        command refuses before it begins.",
    example: "--to-cluster",
    ..SWITCH
};

/// Database that is restored into.
pub const TO_DATABASE: &OptionDef = &OptionDef {
    name: "to-database",
    depends: WITH_CLUSTER,
    summary: "Database that is restored into.",
    help: "For `--table` and `--schema` one that is there, by default that of the same name. For \
        `--database` the name of the new one, which must not be there.",
    example: "--to-database=shop_old",
    ..TEXT
};

/// Schema that is restored into.
pub const TO_SCHEMA: &OptionDef = &OptionDef {
    name: "to-schema",
    summary: "Schema that is restored into.",
    help: "Tables are moved to this schema before they are dumped, with their indexes and sequences, and a \
        schema gets this name. So they come beside those that are there. The schema is made if it is missing. \
        Definitions that name the old schema as text, such as bodies of functions, still do.",
    example: "--to-schema=restored",
    ..TEXT
};

/// New name of the table.
pub const TO_TABLE: &OptionDef = &OptionDef {
    name: "to-table",
    summary: "New name of the table.",
    help: "For one table. Its indexes and sequences get new names too.",
    example: "--to-table=orders_old",
    ..TEXT
};
