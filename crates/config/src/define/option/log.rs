//! Options of the log: levels per destination, path, form of lines.
//!
//! Which command writes a file by default is said in `define::command`.

use crate::define::option::known_to::{EVERY_COMMAND, REPOSITORY_COMMANDS};
use crate::define::option::{Default, Kind, OptionDef};

/// A destination of messages and the lowest severity it gets.
const LOG_LEVEL: OptionDef = OptionDef {
    help_section: "log",
    kind: Kind::StringId,
    commands: EVERY_COMMAND,
    allowed: &["off", "error", "warn", "info", "detail", "debug", "trace"],
    ..OptionDef::GLOBAL
};

/// `log-level-console`.
pub const LOG_LEVEL_CONSOLE: &OptionDef = &OptionDef {
    name: "log-level-console",
    default: Default::Is("warn"),
    summary: "",
    help: "",
    example: "",
    ..LOG_LEVEL
};

/// `log-level-file`.
pub const LOG_LEVEL_FILE: &OptionDef = &OptionDef {
    name: "log-level-file",
    default: Default::Is("info"),
    summary: "",
    help: "",
    example: "",
    ..LOG_LEVEL
};

/// `log-level-stderr`.
pub const LOG_LEVEL_STDERR: &OptionDef = &OptionDef {
    name: "log-level-stderr",
    default: Default::Is("off"),
    summary: "",
    help: "",
    example: "",
    ..LOG_LEVEL
};

/// `log-path`.
pub const LOG_PATH: &OptionDef = &OptionDef {
    name: "log-path",
    kind: Kind::Path,
    default: Default::Is("/var/log/pgbackrest"),
    allowed: &[],
    summary: "",
    help: "",
    example: "",
    ..LOG_LEVEL
};

/// `log-subprocess`.
pub const LOG_SUBPROCESS: &OptionDef = &OptionDef {
    name: "log-subprocess",
    help_section: "log",
    commands: REPOSITORY_COMMANDS,
    default: Default::Is("n"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `log-timestamp`.
pub const LOG_TIMESTAMP: &OptionDef = &OptionDef {
    name: "log-timestamp",
    help_section: "log",
    commands: EVERY_COMMAND,
    default: Default::Is("y"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};
