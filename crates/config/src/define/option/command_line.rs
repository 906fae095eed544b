//! Options of single runs: they cannot be in a file, only on the command line or in the
//! environment.
//!
//! Options that say which files to read and which stanza is meant are in `selection`, those of
//! child processes in `process`.

use crate::define::command::CommandId::{
    Backup, Expire, Info, Manifest, RepoLs, RepoRm, Restore, StanzaCreate, StanzaDelete,
    StanzaUpgrade, Stop, Verify, Version,
};
use crate::define::option::known_to::{EXPIRE, HELP_COMMAND, MAIN, REPO_GET, all, only};
use crate::define::option::{Default, Depend, Kind, OptionDef};

/// `archive-expire-before`.
pub const ARCHIVE_EXPIRE_BEFORE: &OptionDef = &OptionDef {
    name: "archive-expire-before",
    commands: EXPIRE,
    required: false,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `detail-level`.
pub const DETAIL_LEVEL: &OptionDef = &OptionDef {
    name: "detail-level",
    kind: Kind::StringId,
    commands: &[only(Info, MAIN)],
    default: Default::Is("full"),
    allowed: &["full", "progress"],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `dry-run`.
pub const DRY_RUN: &OptionDef = &OptionDef {
    name: "dry-run",
    commands: EXPIRE,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `filter`.
pub const FILTER: &OptionDef = &OptionDef {
    name: "filter",
    commands: &[only(Manifest, MAIN), only(RepoLs, MAIN)],
    required: false,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `force`.
pub const FORCE: &OptionDef = &OptionDef {
    name: "force",
    commands: &[
        only(Backup, MAIN),
        only(Restore, MAIN),
        only(StanzaCreate, MAIN),
        only(StanzaDelete, MAIN),
        all(Stop),
    ],
    internal_for: &[StanzaCreate],
    depends_by_command: &[(Backup, Depend::on("online", &["n"]))],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `help`.
pub const HELP: &OptionDef = &OptionDef {
    name: "help",
    commands: HELP_COMMAND,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `ignore-missing`.
pub const IGNORE_MISSING: &OptionDef = &OptionDef {
    name: "ignore-missing",
    commands: REPO_GET,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `oldest`.
pub const OLDEST: &OptionDef = &OptionDef {
    name: "oldest",
    commands: EXPIRE,
    depends_by_command: &[(Expire, Depend::set("stanza"))],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `online`.
pub const ONLINE: &OptionDef = &OptionDef {
    name: "online",
    commands: &[
        only(Backup, MAIN),
        only(StanzaCreate, MAIN),
        only(StanzaUpgrade, MAIN),
    ],
    default: Default::Is("y"),
    negatable: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `output`.
pub const OUTPUT: &OptionDef = &OptionDef {
    name: "output",
    kind: Kind::StringId,
    commands: &[
        only(Info, MAIN),
        only(Manifest, MAIN),
        only(RepoLs, MAIN),
        only(Verify, MAIN),
        all(Version),
    ],
    default: Default::Is("text"),
    default_by_command: &[(Verify, "none"), (Version, "text")],
    allowed: &["text", "json"],
    allowed_by_command: &[(Verify, &["none", "text"]), (Version, &["text", "num"])],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `raw`.
pub const RAW: &OptionDef = &OptionDef {
    name: "raw",
    commands: REPO_GET,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `recurse`.
pub const RECURSE: &OptionDef = &OptionDef {
    name: "recurse",
    commands: &[only(RepoLs, MAIN), only(RepoRm, MAIN)],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `reference`.
pub const REFERENCE: &OptionDef = &OptionDef {
    name: "reference",
    commands: &[only(Manifest, MAIN)],
    required: false,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `sort`.
pub const SORT: &OptionDef = &OptionDef {
    name: "sort",
    kind: Kind::StringId,
    commands: &[only(RepoLs, MAIN)],
    default: Default::Is("asc"),
    allowed: &["none", "asc", "desc"],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `verbose`.
pub const VERBOSE: &OptionDef = &OptionDef {
    name: "verbose",
    commands: &[only(Verify, MAIN)],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `version`.
pub const VERSION: &OptionDef = &OptionDef {
    name: "version",
    commands: HELP_COMMAND,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};
