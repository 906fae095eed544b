//! Options by which processes of the program talk to each other, and internal reports.
//!
//! Users do not set them; help hides them. They are declared like all others so that child argument
//! lists need no special case.

use crate::define::command::CommandId::{
    Annotate, ArchivePush, Backup, Check, Expire, Manifest, StanzaCreate, StanzaDelete,
    StanzaUpgrade,
};
use crate::define::option::known_to::{CHILD_PROCESSES, EVERY_COMMAND, LOCAL, MAIN, REMOTE, only};
use crate::define::option::{Kind, OptionDef, Range};

/// `exec-id`.
pub const EXEC_ID: &OptionDef = &OptionDef {
    name: "exec-id",
    commands: EVERY_COMMAND,
    required: false,
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `lock`.
pub const LOCK: &OptionDef = &OptionDef {
    name: "lock",
    kind: Kind::List,
    commands: &[
        only(Annotate, REMOTE),
        only(ArchivePush, REMOTE),
        only(Backup, REMOTE),
        only(Expire, REMOTE),
        only(StanzaCreate, REMOTE),
        only(StanzaDelete, REMOTE),
        only(StanzaUpgrade, REMOTE),
    ],
    required: false,
    multiple: true,
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `pg`.
pub const PG: &OptionDef = &OptionDef {
    name: "pg",
    kind: Kind::Integer,
    commands: &[only(Backup, LOCAL), only(Manifest, MAIN)],
    range: Some(Range::Is("1", "256")),
    required: false,
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `process`.
pub const PROCESS: &OptionDef = &OptionDef {
    name: "process",
    kind: Kind::Integer,
    commands: CHILD_PROCESSES,
    range: Some(Range::Is("0", "1024")),
    required: false,
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `remote-type`.
pub const REMOTE_TYPE: &OptionDef = &OptionDef {
    name: "remote-type",
    kind: Kind::StringId,
    commands: CHILD_PROCESSES,
    allowed: &["pg", "repo"],
    required: false,
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE
};

/// `report`.
pub const REPORT: &OptionDef = &OptionDef {
    name: "report",
    commands: &[only(Check, MAIN)],
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};
