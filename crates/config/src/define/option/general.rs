//! Options of many commands: program paths, buffers, compression, workers.
//!
//! What concerns connections is in `network`, logging in `log`.

use crate::define::command::CommandId::{
    Annotate, ArchiveGet, ArchivePush, Backup, Check, Expire, Info, RepoGet, RepoLs, RepoRm,
    Restore, StanzaCreate, StanzaDelete, StanzaUpgrade, Start, Stop, Verify,
};
use crate::define::option::known_to::{
    COMPRESSING_COMMANDS, EVERY_COMMAND, MAIN, MAIN_ASYNC, MAIN_ASYNC_LOCAL, MAIN_LOCAL,
    NETWORK_COMMANDS, WORKER_COMMANDS, all, only,
};
use crate::define::option::{Default, Depend, Kind, OptionDef, Range};

/// `allow-root`.
pub const ALLOW_ROOT: &OptionDef = &OptionDef {
    name: "allow-root",
    commands: EVERY_COMMAND,
    default: Default::Is("n"),
    default_by_command: &[(Restore, "y")],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `beta`.
pub const BETA: &OptionDef = &OptionDef {
    name: "beta",
    commands: EVERY_COMMAND,
    default: Default::Is("n"),
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `buffer-size`.
pub const BUFFER_SIZE: &OptionDef = &OptionDef {
    name: "buffer-size",
    kind: Kind::Size,
    commands: NETWORK_COMMANDS,
    default: Default::Is("1MiB"),
    allowed: &[
        "16KiB", "32KiB", "64KiB", "128KiB", "256KiB", "512KiB", "1MiB", "2MiB", "4MiB", "8MiB",
        "16MiB",
    ],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `cmd`.
pub const CMD: &OptionDef = &OptionDef {
    name: "cmd",
    commands: WORKER_COMMANDS,
    default: Default::Argv0,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `compress`.
pub const COMPRESS: &OptionDef = &OptionDef {
    name: "compress",
    commands: &[only(ArchivePush, MAIN), only(Backup, MAIN)],
    default: Default::Is("y"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `compress-level`.
pub const COMPRESS_LEVEL: &OptionDef = &OptionDef {
    name: "compress-level",
    kind: Kind::Integer,
    commands: COMPRESSING_COMMANDS,
    default: Default::ByOption {
        option: "compress-type",
        values: &[("bz2", "9"), ("gz", "6"), ("lz4", "1"), ("zst", "3")],
    },
    range: Some(Range::ByOption {
        option: "compress-type",
        values: &[
            ("bz2", "1", "9"),
            ("gz", "-1", "9"),
            ("lz4", "-5", "12"),
            ("zst", "-7", "22"),
        ],
    }),
    required: false,
    depends: Some(Depend::on("compress-type", &["bz2", "gz", "lz4", "zst"]).otherwise("0")),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `compress-type`.
pub const COMPRESS_TYPE: &OptionDef = &OptionDef {
    name: "compress-type",
    kind: Kind::StringId,
    commands: COMPRESSING_COMMANDS,
    default: Default::Is("gz"),
    allowed: &["none", "bz2", "gz", "lz4", "zst"],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `delta`.
pub const DELTA: &OptionDef = &OptionDef {
    name: "delta",
    commands: &[only(Backup, MAIN), only(Restore, MAIN)],
    default: Default::Is("n"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `job-retry`.
pub const JOB_RETRY: &OptionDef = &OptionDef {
    name: "job-retry",
    kind: Kind::Integer,
    commands: WORKER_COMMANDS,
    default: Default::Is("2"),
    default_by_command: &[(ArchiveGet, "1"), (ArchivePush, "1")],
    range: Some(Range::Is("0", "360")),
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `job-retry-interval`.
pub const JOB_RETRY_INTERVAL: &OptionDef = &OptionDef {
    name: "job-retry-interval",
    kind: Kind::Time,
    commands: WORKER_COMMANDS,
    default: Default::Is("15s"),
    range: Some(Range::Is("0s", "15m")),
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `lock-path`.
pub const LOCK_PATH: &OptionDef = &OptionDef {
    name: "lock-path",
    kind: Kind::Path,
    commands: &[
        all(Annotate),
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Expire),
        all(Info),
        all(Restore),
        all(StanzaCreate),
        all(StanzaDelete),
        all(StanzaUpgrade),
        all(Start),
        all(Stop),
    ],
    default: Default::Is("/tmp/pgbackrest"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `neutral-umask`.
pub const NEUTRAL_UMASK: &OptionDef = &OptionDef {
    name: "neutral-umask",
    commands: &[
        all(Annotate),
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Check),
        all(Expire),
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
    default: Default::Is("y"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `priority`.
pub const PRIORITY: &OptionDef = &OptionDef {
    name: "priority",
    kind: Kind::Integer,
    commands: EVERY_COMMAND,
    range: Some(Range::Is("-20", "19")),
    required: false,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `process-max`.
pub const PROCESS_MAX: &OptionDef = &OptionDef {
    name: "process-max",
    kind: Kind::Integer,
    commands: &[
        only(ArchiveGet, MAIN_ASYNC),
        only(ArchivePush, MAIN_ASYNC),
        only(Backup, MAIN),
        only(Restore, MAIN),
        only(Verify, MAIN),
    ],
    default: Default::Is("1"),
    range: Some(Range::Is("1", "999")),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `spool-path`.
pub const SPOOL_PATH: &OptionDef = &OptionDef {
    name: "spool-path",
    kind: Kind::Path,
    commands: &[
        only(ArchiveGet, MAIN_ASYNC_LOCAL),
        only(ArchivePush, MAIN_ASYNC_LOCAL),
        only(Restore, MAIN_LOCAL),
    ],
    default: Default::Is("/var/spool/pgbackrest"),
    internal_for: &[Restore],
    depends_by_command: &[
        (ArchiveGet, Depend::on("archive-async", &["y"])),
        (ArchivePush, Depend::on("archive-async", &["y"])),
    ],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};
