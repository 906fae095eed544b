//! Options of restore: databases, links, tablespaces, recovery settings.
//!
//! What is restored and how far recovery goes is in `selection`.

use crate::define::option::known_to::RESTORE;
use crate::define::option::{Default, Depend, Kind, OptionDef};

/// A repeatable option of restore.
const RESTORE_LIST: OptionDef = OptionDef {
    help_section: "restore",
    commands: RESTORE,
    required: false,
    multiple: true,
    ..OptionDef::GLOBAL
};

/// Archiving of the restored cluster.
pub const ARCHIVE_MODE: &OptionDef = &OptionDef {
    name: "archive-mode",
    kind: Kind::StringId,
    default: Default::Is("preserve"),
    allowed: &["preserve", "off"],
    required: true,
    multiple: false,
    summary: "Archiving of the restored cluster.",
    help: "`preserve` leaves `archive_mode` as it is in the backup. `off` writes a setting that \
        turns archiving off, for copies that must never push WAL into the stanza they come from. \
        Needs PostgreSQL 12 or newer.\n\n\
        To archive again, remove the setting from `postgresql.auto.conf`.",
    example: "--archive-mode=off",
    ..RESTORE_LIST
};

/// Databases not to restore.
pub const DB_EXCLUDE: &OptionDef = &OptionDef {
    name: "db-exclude",
    kind: Kind::List,
    summary: "Databases not to restore.",
    help: "A name or an OID. The option can be repeated. Files of the database are created with \
        their size but without content, so little is written. The database cannot be used. Drop it \
        once recovery is over.\n\n\
        Cannot be combined with `db-include` for the same database.",
    example: "--db-exclude=archive",
    ..RESTORE_LIST
};

/// Databases to restore.
pub const DB_INCLUDE: &OptionDef = &OptionDef {
    name: "db-include",
    kind: Kind::List,
    summary: "Databases to restore.",
    help: "A name or an OID. The option can be repeated. Only these and the system databases are \
        restored. Files of the others are created with their size but without content. Drop those \
        databases once recovery is over.\n\n\
        Meant for getting single databases out of a large cluster, not for a cluster in use: the WAL \
        of the whole cluster is replayed.",
    example: "--db-include=shop",
    ..RESTORE_LIST
};

/// Restore all symbolic links as links.
pub const LINK_ALL: &OptionDef = &OptionDef {
    name: "link-all",
    help_section: "restore",
    commands: RESTORE,
    default: Default::Is("n"),
    summary: "Restore all symbolic links as links.",
    help: "By default links in the data directory, for example of the WAL directory, are restored as \
        ordinary directories and files, with a warning. Tablespaces always stay links. With this \
        option all links are created again and point to where they pointed before.\n\n\
        Other destinations are given with `link-map`.",
    example: "--link-all",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// New destination of a symbolic link.
pub const LINK_MAP: &OptionDef = &OptionDef {
    name: "link-map",
    kind: Kind::Hash,
    summary: "New destination of a symbolic link.",
    help: "The name of the link relative to the data directory, `=`, and the absolute path that it \
        should point to. The option can be repeated. The link is created even if the backup has a \
        directory or file of that name.\n\n\
        The destination must be empty unless `--delta` or `--force` is given.",
    example: "--link-map=pg_wal=/fast/pg_wal",
    ..RESTORE_LIST
};

/// Setting for recovery.
pub const RECOVERY_OPTION: &OptionDef = &OptionDef {
    name: "recovery-option",
    kind: Kind::Hash,
    depends: Some(Depend::on(
        "type",
        &[
            "default",
            "immediate",
            "lsn",
            "name",
            "time",
            "standby",
            "xid",
        ],
    )),
    summary: "Setting for recovery.",
    help: "A setting of PostgreSQL as `name=value`. It is written beside those that `restore` writes \
        itself. The option can be repeated. Dashes in names are read as underscores.\n\n\
        Often it is `primary_conninfo` for a standby. A `restore_command` given here replaces the \
        one that `restore` would write. Do not use it for settings that have options of their own, \
        such as the target.\n\n\
        The value is written between single quotes as it is given, so double every single quote and \
        backslash in it.",
    example: "--recovery-option=primary_conninfo=host=pg1",
    ..RESTORE_LIST
};

/// New path of a tablespace.
pub const TABLESPACE_MAP: &OptionDef = &OptionDef {
    name: "tablespace-map",
    kind: Kind::Hash,
    summary: "New path of a tablespace.",
    help: "The name or OID of the tablespace, `=`, and its new absolute path. The option can be \
        repeated. The directory must be empty unless `--delta` or `--force` is given.\n\n\
        It takes precedence over `tablespace-map-all`.",
    example: "--tablespace-map=ts_01=/disk2/ts_01",
    ..RESTORE_LIST
};

/// New common directory of all tablespaces.
pub const TABLESPACE_MAP_ALL: &OptionDef = &OptionDef {
    name: "tablespace-map-all",
    multiple: false,
    summary: "New common directory of all tablespaces.",
    help: "Each tablespace is restored into a subdirectory of this path with the name of the \
        tablespace. Useful on a host with other disks. `tablespace-map` sets the path of single \
        ones.",
    example: "--tablespace-map-all=/data/tablespaces",
    ..RESTORE_LIST
};
