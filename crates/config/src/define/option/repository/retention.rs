//! Options that say how long backups and WAL are kept.
//!
//! The rules that follow from them are in the repository crate.

use crate::define::option::known_to::RETENTION_COMMANDS;
use crate::define::option::{Default, Deprecated, Kind, OptionDef, Range};

/// A number of backups or days; unset: no limit.
const RETENTION: OptionDef = OptionDef {
    kind: Kind::Integer,
    commands: RETENTION_COMMANDS,
    range: Some(Range::Is("1", "9999999")),
    required: false,
    ..OptionDef::REPOSITORY
};

/// `repo-retention-archive`.
pub const REPO_RETENTION_ARCHIVE: &OptionDef = &OptionDef {
    name: "repo-retention-archive",
    deprecated: &[Deprecated::unindexed("retention-archive")],
    summary: "",
    help: "",
    example: "",
    ..RETENTION
};

/// `repo-retention-archive-type`.
pub const REPO_RETENTION_ARCHIVE_TYPE: &OptionDef = &OptionDef {
    name: "repo-retention-archive-type",
    kind: Kind::StringId,
    commands: RETENTION_COMMANDS,
    default: Default::Is("full"),
    allowed: &["full", "diff", "incr"],
    deprecated: &[Deprecated::unindexed("retention-archive-type")],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY
};

/// `repo-retention-diff`.
pub const REPO_RETENTION_DIFF: &OptionDef = &OptionDef {
    name: "repo-retention-diff",
    deprecated: &[Deprecated::unindexed("retention-diff")],
    summary: "",
    help: "",
    example: "",
    ..RETENTION
};

/// `repo-retention-full`.
pub const REPO_RETENTION_FULL: &OptionDef = &OptionDef {
    name: "repo-retention-full",
    deprecated: &[Deprecated::unindexed("retention-full")],
    summary: "",
    help: "",
    example: "",
    ..RETENTION
};

/// `repo-retention-full-type`.
pub const REPO_RETENTION_FULL_TYPE: &OptionDef = &OptionDef {
    name: "repo-retention-full-type",
    kind: Kind::StringId,
    commands: RETENTION_COMMANDS,
    default: Default::Is("count"),
    allowed: &["count", "time"],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY
};

/// `repo-retention-history`.
pub const REPO_RETENTION_HISTORY: &OptionDef = &OptionDef {
    name: "repo-retention-history",
    range: Some(Range::Is("0", "9999999")),
    summary: "",
    help: "",
    example: "",
    ..RETENTION
};
