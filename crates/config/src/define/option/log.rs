//! Options of the log: levels per destination, path, form of lines.
//!
//! Which command writes a file by default is said in `define::command`.

use crate::define::command::CommandId::{Metrics, Report};
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

/// Form of messages.
pub const LOG_FORMAT: &OptionDef = &OptionDef {
    name: "log-format",
    default: Default::Is("text"),
    allowed: &["text", "json"],
    ours: true,
    summary: "Form of messages.",
    help: "`text` has pgBackRest's lines. With `json` each message on standard output, on standard error \
        and in log files is one JSON object in a line, for programs that collect logs. A message of \
        several lines is one object, and the last line of a command is an object with its result.\n\n\
        What a command prints, such as the output of `info`, does not change. Each host goes by its own \
        configuration.",
    example: "log-format=json",
    ..LOG_LEVEL
};

/// Messages shown on standard output.
pub const LOG_LEVEL_CONSOLE: &OptionDef = &OptionDef {
    name: "log-level-console",
    default: Default::Is("warn"),
    default_by_command: &[(Metrics, "off"), (Report, "off")],
    summary: "Messages shown on standard output.",
    help: "From least to most: `off`, `error`, `warn`, `info`, `detail` (one line per file), \
        `debug`, `trace`.\n\n\
        Errors and warnings are shown on standard output unless `log-level-stderr` sends them \
        elsewhere. The result of commands such as `info` does not depend on it.",
    example: "log-level-console=info",
    ..LOG_LEVEL
};

/// Messages written to the log file.
pub const LOG_LEVEL_FILE: &OptionDef = &OptionDef {
    name: "log-level-file",
    default: Default::Is("info"),
    summary: "Messages written to the log file.",
    help: "From least to most: `off`, `error`, `warn`, `info`, `detail` (one line per file), \
        `debug`, `trace`.\n\n\
        Not every command writes a file by default. If the option is given on the command line, it \
        does.",
    example: "log-level-file=detail",
    ..LOG_LEVEL
};

/// Messages shown on standard error.
pub const LOG_LEVEL_STDERR: &OptionDef = &OptionDef {
    name: "log-level-stderr",
    default: Default::Is("off"),
    default_by_command: &[(Metrics, "warn"), (Report, "warn")],
    summary: "Messages shown on standard error.",
    help: "From least to most: `off`, `error`, `warn`, `info`, `detail` (one line per file), \
        `debug`, `trace`.\n\n\
        Messages of this level and above go to standard error instead of standard output. `warn` \
        suits cron, which can mail what it finds there.",
    example: "log-level-stderr=warn",
    ..LOG_LEVEL
};

/// Directory of log files.
pub const LOG_PATH: &OptionDef = &OptionDef {
    name: "log-path",
    kind: Kind::Path,
    default: Default::Is("/var/log/pgbackrest"),
    allowed: &[],
    summary: "Directory of log files.",
    help: "One file for each stanza and command, such as `demo-backup.log`. Each run appends to it. \
        The program does not rotate the files (the Debian package brings a configuration for \
        logrotate). The directory must exist.\n\n\
        If a file cannot be opened, a warning is shown and the run continues without it.",
    example: "log-path=/var/log/pgbackrest",
    ..LOG_LEVEL
};

/// Let background and remote processes write log files.
pub const LOG_SUBPROCESS: &OptionDef = &OptionDef {
    name: "log-subprocess",
    help_section: "log",
    commands: REPOSITORY_COMMANDS,
    default: Default::Is("n"),
    summary: "Let background and remote processes write log files.",
    help: "Each process gets a file of its own with its role and number in the name. Useful to find \
        the cause of problems. Together with `log-level-file=debug` it writes a lot.",
    example: "log-subprocess=y",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Begin each line with the time.
pub const LOG_TIMESTAMP: &OptionDef = &OptionDef {
    name: "log-timestamp",
    help_section: "log",
    commands: EVERY_COMMAND,
    default: Default::Is("y"),
    summary: "Begin each line with the time.",
    help: "Turn it off where another program adds the time, or in tests that compare output.",
    example: "log-timestamp=n",
    ..OptionDef::GLOBAL_BOOLEAN
};
