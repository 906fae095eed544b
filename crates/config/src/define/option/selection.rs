//! Options that say what a run is about: configuration files, stanza, repository, backup set, kind
//! and target.
//!
//! All are for the command line or the environment only, because a file that chose them would
//! choose for every command.

use crate::define::command::CommandId::{
    Annotate, ArchiveGet, ArchivePush, Backup, Check, Expire, Info, Manifest, RepoGet, RepoLs,
    RepoRm, Restore, StanzaCreate, StanzaDelete, StanzaUpgrade, Start, Stop, Verify,
};
use crate::define::option::known_to::{EVERY_COMMAND, MAIN, REMOTE, RESTORE, all, only};
use crate::define::option::{Default, Depend, Kind, OptionDef, Range};

/// `config`.
pub const CONFIG: &OptionDef = &OptionDef {
    name: "config",
    commands: EVERY_COMMAND,
    default: Default::Is("/etc/pgbackrest/pgbackrest.conf"),
    negatable: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `config-include-path`.
pub const CONFIG_INCLUDE_PATH: &OptionDef = &OptionDef {
    name: "config-include-path",
    kind: Kind::Path,
    commands: EVERY_COMMAND,
    default: Default::Is("/etc/pgbackrest/conf.d"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `config-path`.
pub const CONFIG_PATH: &OptionDef = &OptionDef {
    name: "config-path",
    kind: Kind::Path,
    commands: EVERY_COMMAND,
    default: Default::Is("/etc/pgbackrest"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `repo`.
pub const REPO: &OptionDef = &OptionDef {
    name: "repo",
    kind: Kind::Integer,
    commands: &[
        all(Annotate),
        all(ArchiveGet),
        only(ArchivePush, REMOTE),
        all(Backup),
        only(Check, REMOTE),
        all(Expire),
        all(Info),
        all(Manifest),
        all(RepoGet),
        all(RepoLs),
        all(RepoRm),
        all(Restore),
        only(StanzaCreate, REMOTE),
        all(StanzaDelete),
        only(StanzaUpgrade, REMOTE),
        all(Verify),
    ],
    range: Some(Range::Is("1", "256")),
    required: false,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `set`.
pub const SET: &OptionDef = &OptionDef {
    name: "set",
    commands: &[
        only(Annotate, MAIN),
        only(Expire, MAIN),
        only(Info, MAIN),
        only(Manifest, MAIN),
        only(Restore, MAIN),
        only(Verify, MAIN),
    ],
    default_by_command: &[(Manifest, "latest"), (Restore, "latest")],
    required: false,
    required_by_command: &[(Annotate, true), (Manifest, true), (Restore, true)],
    depends_by_command: &[(Info, Depend::set("stanza"))],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `stanza`.
pub const STANZA: &OptionDef = &OptionDef {
    name: "stanza",
    commands: &[
        all(Annotate),
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Check),
        all(Expire),
        all(Info),
        all(Manifest),
        all(RepoGet),
        all(RepoLs),
        all(RepoRm),
        all(Restore),
        all(StanzaCreate),
        all(StanzaDelete),
        all(StanzaUpgrade),
        all(Start),
        all(Stop),
        all(Verify),
    ],
    required_by_command: &[
        (Check, false),
        (Info, false),
        (RepoGet, false),
        (RepoLs, false),
        (RepoRm, false),
        (Start, false),
        (Stop, false),
    ],
    internal_for: &[RepoGet, RepoLs, RepoRm],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `target`.
pub const TARGET: &OptionDef = &OptionDef {
    name: "target",
    commands: RESTORE,
    depends: Some(Depend::on("type", &["lsn", "name", "time", "xid"])),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `target-action`.
pub const TARGET_ACTION: &OptionDef = &OptionDef {
    name: "target-action",
    kind: Kind::StringId,
    commands: RESTORE,
    default: Default::Is("pause"),
    allowed: &["pause", "promote", "shutdown"],
    depends: Some(Depend::on(
        "type",
        &["immediate", "lsn", "name", "time", "xid"],
    )),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `target-exclusive`.
pub const TARGET_EXCLUSIVE: &OptionDef = &OptionDef {
    name: "target-exclusive",
    commands: RESTORE,
    depends: Some(Depend::on("type", &["lsn", "time", "xid"])),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// `target-timeline`.
pub const TARGET_TIMELINE: &OptionDef = &OptionDef {
    name: "target-timeline",
    commands: RESTORE,
    required: false,
    depends: Some(Depend::on(
        "type",
        &["default", "lsn", "name", "standby", "time", "xid"],
    )),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `type`.
pub const TYPE: &OptionDef = &OptionDef {
    name: "type",
    kind: Kind::StringId,
    commands: &[only(Backup, MAIN), only(Info, MAIN), only(Restore, MAIN)],
    default_by_command: &[(Backup, "incr"), (Restore, "default")],
    allowed_by_command: &[
        (Backup, &["full", "diff", "incr"]),
        (Info, &["full", "diff", "incr"]),
        (
            Restore,
            &[
                "default",
                "preserve",
                "immediate",
                "standby",
                "none",
                "name",
                "time",
                "lsn",
                "xid",
            ],
        ),
    ],
    required_by_command: &[(Info, false)],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};
