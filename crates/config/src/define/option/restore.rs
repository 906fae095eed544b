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

/// `archive-mode`.
pub const ARCHIVE_MODE: &OptionDef = &OptionDef {
    name: "archive-mode",
    kind: Kind::StringId,
    default: Default::Is("preserve"),
    allowed: &["preserve", "off"],
    required: true,
    multiple: false,
    summary: "",
    help: "",
    example: "",
    ..RESTORE_LIST
};

/// `db-exclude`.
pub const DB_EXCLUDE: &OptionDef = &OptionDef {
    name: "db-exclude",
    kind: Kind::List,
    summary: "",
    help: "",
    example: "",
    ..RESTORE_LIST
};

/// `db-include`.
pub const DB_INCLUDE: &OptionDef = &OptionDef {
    name: "db-include",
    kind: Kind::List,
    summary: "",
    help: "",
    example: "",
    ..RESTORE_LIST
};

/// `link-all`.
pub const LINK_ALL: &OptionDef = &OptionDef {
    name: "link-all",
    help_section: "restore",
    commands: RESTORE,
    default: Default::Is("n"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `link-map`.
pub const LINK_MAP: &OptionDef = &OptionDef {
    name: "link-map",
    kind: Kind::Hash,
    summary: "",
    help: "",
    example: "",
    ..RESTORE_LIST
};

/// `recovery-option`.
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
    summary: "",
    help: "",
    example: "",
    ..RESTORE_LIST
};

/// `tablespace-map`.
pub const TABLESPACE_MAP: &OptionDef = &OptionDef {
    name: "tablespace-map",
    kind: Kind::Hash,
    summary: "",
    help: "",
    example: "",
    ..RESTORE_LIST
};

/// `tablespace-map-all`.
pub const TABLESPACE_MAP_ALL: &OptionDef = &OptionDef {
    name: "tablespace-map-all",
    multiple: false,
    summary: "",
    help: "",
    example: "",
    ..RESTORE_LIST
};
