//! Options of the clusters of a stanza: data directory and SQL connection.
//!
//! How to reach another host is in `host`. Index 1 must exist; others are standbys, or the primary
//! after a switchover.

use crate::define::command::CommandId::{
    ArchiveGet, ArchivePush, Backup, Check, Manifest, Restore, StanzaCreate, StanzaDelete,
    StanzaUpgrade,
};
use crate::define::option::known_to::{CLUSTER_LOCATION, DATABASE_COMMANDS, all};
use crate::define::option::{Default, Depend, Deprecated, Kind, OptionDef, Range};

/// A parameter of the SQL connection; only of use with a data directory.
const CONNECTION: OptionDef = OptionDef {
    commands: DATABASE_COMMANDS,
    depends: Some(Depend::set("pg-path")),
    ..OptionDef::CLUSTER
};

/// `pg-database`.
pub const PG_DATABASE: &OptionDef = &OptionDef {
    name: "pg-database",
    default: Default::Is("postgres"),
    summary: "",
    help: "",
    example: "",
    ..CONNECTION
};

/// `pg-local`.
pub const PG_LOCAL: &OptionDef = &OptionDef {
    name: "pg-local",
    kind: Kind::Boolean,
    commands: CLUSTER_LOCATION,
    default: Default::Is("n"),
    negatable: true,
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::CLUSTER
};

/// `pg-path`.
pub const PG_PATH: &OptionDef = &OptionDef {
    name: "pg-path",
    kind: Kind::Path,
    commands: &[
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Check),
        all(Manifest),
        all(Restore),
        all(StanzaCreate),
        all(StanzaDelete),
        all(StanzaUpgrade),
    ],
    required_by_command: &[(ArchivePush, false), (Manifest, false)],
    deprecated: &[Deprecated::either("db-path")],
    depends_by_command: &[(Check, Depend::set("stanza"))],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::CLUSTER
};

/// `pg-port`.
pub const PG_PORT: &OptionDef = &OptionDef {
    name: "pg-port",
    kind: Kind::Integer,
    default: Default::Is("5432"),
    range: Some(Range::Is("0", "65535")),
    deprecated: &[Deprecated::either("db-port")],
    summary: "",
    help: "",
    example: "",
    ..CONNECTION
};

/// `pg-socket-path`.
pub const PG_SOCKET_PATH: &OptionDef = &OptionDef {
    name: "pg-socket-path",
    required: false,
    deprecated: &[Deprecated::either("db-socket-path")],
    summary: "",
    help: "",
    example: "",
    ..CONNECTION
};

/// `pg-user`.
pub const PG_USER: &OptionDef = &OptionDef {
    name: "pg-user",
    required: false,
    summary: "",
    help: "",
    example: "",
    ..CONNECTION
};
