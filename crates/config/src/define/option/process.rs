//! Options by which processes of the program talk to each other, and internal reports.
//!
//! Users do not set them; help hides them. They are declared like all others so that child argument
//! lists need no special case.

use crate::define::command::CommandId::{
    Annotate, ArchivePush, Backup, Check, Expire, Manifest, StanzaCreate, StanzaDelete,
    StanzaUpgrade,
};
use crate::define::option::known_to::{
    CHILD_PROCESSES, EVERY_COMMAND, LOCAL, MAIN, REMOTE, SERVED_COMMANDS, only,
};
use crate::define::option::{Kind, OptionDef, Range};

/// Identifier of a run.
pub const EXEC_ID: &OptionDef = &OptionDef {
    name: "exec-id",
    commands: EVERY_COMMAND,
    required: false,
    internal: true,
    summary: "Identifier of a run.",
    help: "Processes of one run have the same one, so that they recognize their own locks. Set by \
        the program.",
    example: "--exec-id=4711-1a2b3c4d",
    ..OptionDef::COMMAND_LINE
};

/// Lock to take on the other host.
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
    summary: "Lock to take on the other host.",
    help: "The name of a lock file, for a remote process; can be repeated. Set by the program.",
    example: "--lock=demo-backup-1",
    ..OptionDef::COMMAND_LINE
};

/// Index of the cluster a process is for.
pub const PG: &OptionDef = &OptionDef {
    name: "pg",
    kind: Kind::Integer,
    commands: &[only(Backup, LOCAL), only(Manifest, MAIN)],
    range: Some(Range::Is("1", "256")),
    required: false,
    internal: true,
    summary: "Index of the cluster a process is for.",
    help: "Set by the program for its workers. For `manifest` it is the cluster to compare with: \
        files that have changed since the backup are marked.",
    example: "--pg=1",
    ..OptionDef::COMMAND_LINE
};

/// Number of a worker.
pub const PROCESS: &OptionDef = &OptionDef {
    name: "process",
    kind: Kind::Integer,
    commands: CHILD_PROCESSES,
    range: Some(Range::Is("0", "1024")),
    required: false,
    internal: true,
    summary: "Number of a worker.",
    help: "0 is the main process. Shown in each line of the log. Set by the program.",
    example: "--process=1",
    ..OptionDef::COMMAND_LINE
};

/// What the client of a remote process may do.
pub const REMOTE_RIGHTS: &OptionDef = &OptionDef {
    name: "remote-rights",
    commands: SERVED_COMMANDS,
    required: false,
    ours: true,
    summary: "What the client of a remote process may do.",
    help: "A list of `stanza:right` separated by commas, as in `tls-server-rights`: `push`, `get`, \
        `backup` or `admin`. For the forced command of an SSH key in `authorized_keys`: \
        `command=\"pgkeep --stanza=demo --remote-rights=demo:push archive-push:remote\"`.\n\n\
        What the client wants is taken from its greeting, so one such command serves all of its \
        commands. With this option its own options do not count: paths are those of the \
        configuration on this host. Without the option the client may do everything.",
    example: "--remote-rights=demo:push,demo:get",
    ..OptionDef::COMMAND_LINE
};

/// What a remote process is for.
pub const REMOTE_TYPE: &OptionDef = &OptionDef {
    name: "remote-type",
    kind: Kind::StringId,
    commands: CHILD_PROCESSES,
    allowed: &["pg", "repo"],
    required: false,
    internal: true,
    summary: "What a remote process is for.",
    help: "`pg` serves a cluster, `repo` a repository. Set by the program.",
    example: "--remote-type=repo",
    ..OptionDef::COMMAND_LINE
};

/// Print configuration and environment as JSON.
pub const REPORT: &OptionDef = &OptionDef {
    name: "report",
    commands: &[only(Check, MAIN)],
    internal: true,
    summary: "Print configuration and environment as JSON.",
    help: "For reports of problems. No check is made. Secrets are left out, but read it before you \
        pass it on.",
    example: "--report",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};
