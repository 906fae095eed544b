//! Options of the clusters of a stanza: data directory and SQL connection.
//!
//! How to reach another host is in `host`. Index 1 must exist; others are standbys, or the primary
//! after a switchover.

use crate::define::command::CommandId::{
    ArchiveGet, ArchivePush, Backup, Check, Doctor, Manifest, Restore, RestoreTable, StanzaCreate,
    StanzaDelete, StanzaUpgrade,
};
use crate::define::option::known_to::{CLUSTER_LOCATION, DATABASE_COMMANDS, all};
use crate::define::option::{Default, Depend, Deprecated, Kind, OptionDef, Range};

/// A parameter of the SQL connection; only of use with a data directory.
const CONNECTION: OptionDef = OptionDef {
    commands: DATABASE_COMMANDS,
    depends: Some(Depend::set("pg-path")),
    // It knows no data directory, so that nothing of it can be restored to there.
    depends_by_command: &[(RestoreTable, Depend::on("to-cluster", &["y"]))],
    ..OptionDef::CLUSTER
};

/// Database to connect to.
pub const PG_DATABASE: &OptionDef = &OptionDef {
    name: "pg-database",
    default: Default::Is("postgres"),
    summary: "Database to connect to.",
    help: "Any database will do for a backup, as long as it exists and the user may connect.",
    example: "pg1-database=maintenance",
    ..CONNECTION
};

/// Treat the cluster as being on this host.
pub const PG_LOCAL: &OptionDef = &OptionDef {
    name: "pg-local",
    kind: Kind::Boolean,
    commands: CLUSTER_LOCATION,
    default: Default::Is("n"),
    negatable: true,
    internal: true,
    summary: "Treat the cluster as being on this host.",
    help: "Set by the program for its own child processes. It overrides `pg-host`.",
    example: "pg1-local=y",
    ..OptionDef::CLUSTER
};

/// Data directory of the cluster.
pub const PG_PATH: &OptionDef = &OptionDef {
    name: "pg-path",
    kind: Kind::Path,
    commands: &[
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Check),
        all(Doctor),
        all(Manifest),
        all(Restore),
        all(StanzaCreate),
        all(StanzaDelete),
        all(StanzaUpgrade),
    ],
    required_by_command: &[(ArchivePush, false), (Doctor, false), (Manifest, false)],
    deprecated: &[Deprecated::either("db-path")],
    depends_by_command: &[
        (Check, Depend::set("stanza")),
        (Doctor, Depend::set("stanza")),
    ],
    summary: "Data directory of the cluster.",
    help: "Must be the same as `data_directory` in PostgreSQL, not a symbolic link to it. Required \
        on the PostgreSQL host. `restore` writes to it.\n\n\
        Several numbers (`pg1-path`, `pg2-path`) are the primary and its standbys, in any order. \
        Each run finds out which is which.",
    example: "pg1-path=/var/lib/postgresql/17/main",
    ..OptionDef::CLUSTER
};

/// Port of the cluster.
pub const PG_PORT: &OptionDef = &OptionDef {
    name: "pg-port",
    kind: Kind::Integer,
    default: Default::Is("5432"),
    range: Some(Range::Is("0", "65535")),
    deprecated: &[Deprecated::either("db-port")],
    summary: "Port of the cluster.",
    help: "It is also part of the name of the Unix socket. Set it whenever PostgreSQL does not use \
        5432.",
    example: "pg1-port=5433",
    ..CONNECTION
};

/// Bytes a second that are read from the cluster's files or written to them.
pub const PG_RATE_LIMIT: &OptionDef = &OptionDef {
    name: "pg-rate-limit",
    kind: Kind::Size,
    commands: &[all(Backup), all(Restore)],
    range: Some(Range::Is("1KiB", "1PiB")),
    required: false,
    ours: true,
    depends: Some(Depend::set("pg-path")),
    summary: "Bytes a second that are read from the cluster's files or written to them.",
    help: "A backup that reads as fast as it can may slow down the queries of a busy server. With a limit \
        `backup` reads, and `restore` reads and writes, at most so many bytes of the data directory \
        and its tablespaces in each second: all workers together, reading and writing together. For \
        1/10 of a second it may be more. Unset: no limit.\n\n\
        Each cluster of the stanza has its own limit, which also holds for a cluster on another host. A \
        backup that takes longer keeps more WAL. Neither pgBackRest nor pgkeep when started as \
        `pgbackrest` knows the option.",
    example: "pg1-rate-limit=50MiB",
    ..OptionDef::CLUSTER
};

/// Directory of the Unix socket.
pub const PG_SOCKET_PATH: &OptionDef = &OptionDef {
    name: "pg-socket-path",
    required: false,
    deprecated: &[Deprecated::either("db-socket-path")],
    summary: "Directory of the Unix socket.",
    help: "As in PostgreSQL's `unix_socket_directories`. Unset: `/var/run/postgresql`. A name that \
        begins with `@` is an abstract socket.",
    example: "pg1-socket-path=/run/postgresql",
    ..CONNECTION
};

/// User of the database connection.
pub const PG_USER: &OptionDef = &OptionDef {
    name: "pg-user",
    required: false,
    summary: "User of the database connection.",
    help: "Unset: the value of `PGUSER`, else the operating system user. The user must be allowed to \
        start and stop backups, to switch WAL and to read all settings. A superuser may do all that.",
    example: "pg1-user=backup",
    ..CONNECTION
};
