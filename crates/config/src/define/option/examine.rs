//! Options of `doctor`, `sftp-probe` and of the list of algorithms; pgBackRest knows none of them.
//!
//! Invariant: every option here is marked `ours`, and its name is none of pgBackRest's.

use crate::define::command::CommandId::{Doctor, Report, SftpProbe, Version};
use crate::define::option::known_to::all;
use crate::define::option::{Default, Kind, OptionDef, Range};

/// List the SSH algorithms that are built in.
pub const ALGORITHMS: &OptionDef = &OptionDef {
    name: "algorithms",
    commands: &[all(Version)],
    ours: true,
    summary: "List the SSH algorithms that are built in.",
    help: "Kinds of keys, key exchanges, ciphers and MACs for SFTP repositories, strongest first. \
        `sftp-probe` shows which of them a server has too.",
    example: "--algorithms",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Age of the newest backup from which `doctor` warns.
pub const BACKUP_AGE_MAX: &OptionDef = &OptionDef {
    name: "backup-age-max",
    kind: Kind::Time,
    commands: &[all(Doctor), all(Report)],
    default: Default::Is("2d"),
    range: Some(Range::Is("1s", "3650d")),
    ours: true,
    summary: "Age of the newest backup at which doctor warns.",
    help: "For a backup of any type, in each repository. Seconds unless a suffix such as `h` or `d` \
        is given. Twice this age is a failure. The default suits daily backups, of which one may be \
        late or missing.",
    example: "--backup-age-max=26h",
    ..OptionDef::COMMAND_LINE
};

/// Age of the newest full backup from which `doctor` warns.
pub const FULL_AGE_MAX: &OptionDef = &OptionDef {
    name: "full-age-max",
    kind: Kind::Time,
    commands: &[all(Doctor), all(Report)],
    default: Default::Is("35d"),
    range: Some(Range::Is("1s", "3650d")),
    ours: true,
    summary: "Age of the newest full backup at which doctor warns.",
    help: "Differential and incremental backups need their full backup. The older it is, the more a \
        restore reads, and the more is lost with one damaged file. Seconds unless a suffix such as \
        `h` or `d` is given. Twice this age is a failure. The default suits monthly full backups.",
    example: "--full-age-max=8d",
    ..OptionDef::COMMAND_LINE
};

/// How long to wait for the server to end an idle connection.
pub const PROBE_IDLE: &OptionDef = &OptionDef {
    name: "probe-idle",
    kind: Kind::Time,
    commands: &[all(SftpProbe)],
    default: Default::Is("0s"),
    range: Some(Range::Is("0s", "1d")),
    ours: true,
    summary: "How long to wait for the server to end an idle connection.",
    help: "An extra connection is left without traffic for at most this time. 0 skips the test. \
        Other commands keep their connections alive, so the answer matters only where a firewall \
        forgets connections. Seconds unless a suffix is given.",
    example: "--probe-idle=10m",
    ..OptionDef::COMMAND_LINE
};

/// Most bytes sent and fetched for measuring.
pub const PROBE_SIZE: &OptionDef = &OptionDef {
    name: "probe-size",
    kind: Kind::Size,
    commands: &[all(SftpProbe)],
    default: Default::Is("64MiB"),
    range: Some(Range::Is("1MiB", "16GiB")),
    ours: true,
    summary: "Most bytes sent and fetched for measuring.",
    help: "In each direction, in bytes unless a suffix such as `MiB` is given. Each direction ends \
        after some seconds in any case, so a slow connection is not busy for long. Raise it for more \
        precise figures: a connection with much latency needs time to reach its full speed.",
    example: "--probe-size=1GiB",
    ..OptionDef::COMMAND_LINE
};
