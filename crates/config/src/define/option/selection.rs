//! Options that say what a run is about: configuration files, stanza, repository, backup set, kind
//! and target.
//!
//! All are for the command line or the environment only, because a file that chose them would
//! choose for every command.

use crate::define::command::CommandId::{
    Annotate, ArchiveGet, ArchivePush, Backup, Check, Doctor, Drill, Expire, Info, Manifest,
    Metrics, RepoCopy, RepoGet, RepoLs, RepoRekey, RepoRm, Report, Restore, RestoreTable, Serve,
    SftpAudit, SftpProbe, SftpSetup, StanzaCreate, StanzaDelete, StanzaUpgrade, Start, Stop,
    Verify,
};
use crate::define::option::known_to::{
    EVERY_COMMAND, MAIN, RECOVERING, REMOTE, RESTORE, all, only,
};
use crate::define::option::{Default, Depend, Kind, OptionDef, Range};

/// Main configuration file.
pub const CONFIG: &OptionDef = &OptionDef {
    name: "config",
    help_section: "general",
    commands: EVERY_COMMAND,
    default: Default::Is("/etc/pgbackrest/pgbackrest.conf"),
    negatable: true,
    summary: "Main configuration file.",
    help: "If it is given, the file must exist, and the directory of further files is read only if \
        it is given too. `--no-config` reads no file at all. Default: the file in `/etc/pgbackrest`, \
        else `/etc/pgbackrest.conf`. Both may be missing.",
    example: "--config=/etc/pgbackrest/demo.conf",
    ..OptionDef::COMMAND_LINE
};

/// Directory of further configuration files.
pub const CONFIG_INCLUDE_PATH: &OptionDef = &OptionDef {
    name: "config-include-path",
    help_section: "general",
    kind: Kind::Path,
    commands: EVERY_COMMAND,
    default: Default::Is("/etc/pgbackrest/conf.d"),
    summary: "Directory of further configuration files.",
    help: "All files in it whose names end in `.conf` are read in the order of their names and added \
        to the main file. A section may be spread over several files. If the option is given, the \
        directory must exist.",
    example: "--config-include-path=/etc/pgbackrest/conf.d",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Base directory of the configuration.
pub const CONFIG_PATH: &OptionDef = &OptionDef {
    name: "config-path",
    help_section: "general",
    kind: Kind::Path,
    commands: EVERY_COMMAND,
    default: Default::Is("/etc/pgbackrest"),
    summary: "Base directory of the configuration.",
    help: "The default of `config` is then the file `pgbackrest.conf` in it, and that of \
        `config-include-path` the directory `conf.d` in it.",
    example: "--config-path=/opt/pgbackrest",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Repository the command is for.
pub const REPO: &OptionDef = &OptionDef {
    name: "repo",
    help_section: "repository",
    kind: Kind::Integer,
    commands: &[
        all(Annotate),
        all(ArchiveGet),
        only(ArchivePush, REMOTE),
        all(Backup),
        only(Check, REMOTE),
        all(Doctor),
        all(Drill),
        all(Expire),
        all(Info),
        all(Manifest),
        all(Metrics),
        all(RepoCopy),
        all(RepoGet),
        all(RepoLs),
        all(RepoRekey),
        all(RepoRm),
        all(Report),
        all(Restore),
        all(RestoreTable),
        all(Serve),
        all(SftpAudit),
        all(SftpProbe),
        all(SftpSetup),
        only(StanzaCreate, REMOTE),
        all(StanzaDelete),
        only(StanzaUpgrade, REMOTE),
        all(Verify),
    ],
    range: Some(Range::Is("1", "256")),
    required: false,
    summary: "Repository the command is for.",
    help: "The number of the repository, such as 2 for `repo2-…`. Without it most commands use all \
        repositories, or search them in order. `backup` and the `repo-…` commands use the first (so \
        does `verify` as `pgbackrest`). `stanza-delete` requires the option if there are several.",
    example: "--repo=2",
    ..OptionDef::COMMAND_LINE
};

/// Repository that is copied to.
pub const REPO_TO: &OptionDef = &OptionDef {
    name: "repo-to",
    help_section: "repository",
    kind: Kind::Integer,
    commands: &[only(RepoCopy, MAIN)],
    range: Some(Range::Is("1", "256")),
    required: false,
    ours: true,
    summary: "Repository that is copied to.",
    help: "The number of the repository that gets the copy, such as 2 for `repo2-…`. It is another \
        one than that of `--repo`, and lies in another place. `repo-copy` requires it.",
    example: "--repo-to=2",
    ..OptionDef::COMMAND_LINE
};

/// Backup set the command is for.
pub const SET: &OptionDef = &OptionDef {
    name: "set",
    commands: &[
        only(Annotate, MAIN),
        only(Drill, MAIN),
        only(Expire, MAIN),
        only(Info, MAIN),
        only(Manifest, MAIN),
        only(RepoCopy, MAIN),
        only(Restore, MAIN),
        only(RestoreTable, MAIN),
        only(Verify, MAIN),
    ],
    default_by_command: &[(Manifest, "latest"), (Restore, "latest")],
    required: false,
    required_by_command: &[(Annotate, true), (Manifest, true), (Restore, true)],
    depends_by_command: &[(Info, Depend::set("stanza"))],
    summary: "Backup set the command is for.",
    help: "The label of a backup as `info` shows it. `restore` and `manifest` also accept `latest`, \
        their default. `expire` removes the backup with all that build on it. `verify` checks only \
        this backup and its WAL. `repo-copy` copies it with all that it refers to, and takes several \
        labels separated by commas, and `latest`.",
    example: "--set=20260101-120000F_20260102-120000I",
    ..OptionDef::COMMAND_LINE
};

/// Stanza the command is for.
pub const STANZA: &OptionDef = &OptionDef {
    name: "stanza",
    help_section: "general",
    commands: &[
        all(Annotate),
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Check),
        all(Doctor),
        all(Drill),
        all(Expire),
        all(Info),
        all(Manifest),
        all(Metrics),
        all(RepoCopy),
        all(RepoGet),
        all(RepoLs),
        all(RepoRekey),
        all(RepoRm),
        all(Report),
        all(Restore),
        all(RestoreTable),
        all(Serve),
        all(SftpAudit),
        all(SftpProbe),
        all(StanzaCreate),
        all(StanzaDelete),
        all(StanzaUpgrade),
        all(Start),
        all(Stop),
        all(Verify),
    ],
    required_by_command: &[
        (Check, false),
        (Doctor, false),
        (Info, false),
        (Metrics, false),
        (RepoGet, false),
        (RepoLs, false),
        (RepoRekey, false),
        (RepoRm, false),
        (Report, false),
        (Serve, false),
        (SftpAudit, false),
        (SftpProbe, false),
        (Start, false),
        (Stop, false),
    ],
    internal_for: &[RepoGet, RepoLs, RepoRekey, RepoRm, SftpAudit, SftpProbe],
    summary: "Stanza the command is for.",
    help: "A stanza is one cluster with its standbys. Its name is that of the section in the \
        configuration file and of the directories in the repository. Name it for the purpose of the \
        cluster, not for its host. Commands that do not require it work on all stanzas.\n\n\
        It can be set in the environment variable `PGBACKREST_STANZA`.",
    example: "--stanza=demo",
    ..OptionDef::COMMAND_LINE
};

/// Where recovery ends.
pub const TARGET: &OptionDef = &OptionDef {
    name: "target",
    commands: RECOVERING,
    depends: Some(Depend::on("type", &["lsn", "name", "time", "xid"])),
    summary: "Where recovery ends.",
    help: "A time, transaction ID, LSN or restore point, as `--type` says. A time is `YYYY-MM-DD \
        HH:MM:SS` with an optional fraction and time zone such as `+02`. Without a time zone it is \
        local time, which may not be the cluster's.\n\n\
        The backup must have ended before the target. Without `--set` the newest such backup is \
        taken for a time or an LSN.",
    example: "--target='2026-01-01 12:00:00+00'",
    ..OptionDef::COMMAND_LINE
};

/// Refuse a target that the archive cannot reach.
pub const TARGET_CHECK: &OptionDef = &OptionDef {
    name: "target-check",
    commands: RESTORE,
    default: Default::Is("y"),
    negatable: true,
    ours: true,
    summary: "Refuse a target that the archive cannot reach.",
    help: "Before anything is changed, `restore` finds out how far the WAL in the archive leads. The \
        restore is refused when WAL is missing that makes the cluster consistent, or when the WAL \
        ends before the target, because PostgreSQL would then refuse to start (from version 13 on) \
        or end recovery somewhere else. A target that cannot be judged beforehand is not refused.\n\n\
        Turn it off if the missing WAL comes from elsewhere, or will still be archived. `--force` \
        does the same.",
    example: "--no-target-check",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// What PostgreSQL does at the target.
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
    summary: "What PostgreSQL does at the target.",
    help: "`pause`: the cluster can be read but not written, so that you can look and decide. \
        `promote`: it becomes writable at once. `shutdown`: it stops, and can be started again with \
        another target.",
    example: "--target-action=promote",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Stop just before the target.
pub const TARGET_EXCLUSIVE: &OptionDef = &OptionDef {
    name: "target-exclusive",
    commands: RECOVERING,
    depends: Some(Depend::on("type", &["lsn", "time", "xid"])),
    summary: "Stop just before the target.",
    help: "By default the transaction at the target is still applied. With this option recovery ends \
        just before it. Useful when the time, transaction or LSN of a mistake is known.",
    example: "--target-exclusive",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Timeline to follow.
pub const TARGET_TIMELINE: &OptionDef = &OptionDef {
    name: "target-timeline",
    commands: RECOVERING,
    required: false,
    depends: Some(Depend::on(
        "type",
        &["default", "lsn", "name", "standby", "time", "xid"],
    )),
    depends_by_command: &[
        (
            Drill,
            Depend::on("type", &["default", "lsn", "name", "time", "xid"]),
        ),
        (
            RestoreTable,
            Depend::on("type", &["default", "lsn", "name", "time", "xid"]),
        ),
    ],
    summary: "Timeline to follow.",
    help: "A number (decimal, or hexadecimal with `0x`), `latest` or `current`. Unset: PostgreSQL's \
        own default, which is `latest` from version 12 and `current` before; `immediate` stays on \
        `current`.\n\n\
        Needed for a moment on a timeline that an earlier restore has left.",
    example: "--target-timeline=3",
    ..OptionDef::COMMAND_LINE
};

/// Kind of backup or of recovery.
pub const TYPE: &OptionDef = &OptionDef {
    name: "type",
    kind: Kind::StringId,
    commands: &[
        only(Backup, MAIN),
        only(Drill, MAIN),
        only(Info, MAIN),
        only(Restore, MAIN),
        only(RestoreTable, MAIN),
    ],
    default_by_command: &[
        (Backup, "incr"),
        (Drill, "default"),
        (Restore, "default"),
        (RestoreTable, "default"),
    ],
    allowed_by_command: &[
        (Backup, &["full", "diff", "incr"]),
        (
            Drill,
            &["default", "immediate", "name", "time", "lsn", "xid"],
        ),
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
        (
            RestoreTable,
            &["default", "immediate", "name", "time", "lsn", "xid"],
        ),
    ],
    required_by_command: &[(Info, false)],
    summary: "Kind of backup or of recovery.",
    help: "`backup`: `full` copies everything, `diff` what has changed since the last full backup, \
        `incr` (default) what has changed since the last backup of any kind. `info` shows only \
        backups of that kind.\n\n\
        `restore`: `default` replays all WAL there is, `immediate` ends as soon as the cluster is \
        consistent, `time`, `xid`, `lsn` and `name` end at `--target`, `standby` keeps following the \
        primary. `preserve` keeps the recovery settings that are in the data directory. `none` \
        writes none, so PostgreSQL starts without the archive.",
    example: "--type=full",
    ..OptionDef::COMMAND_LINE
};

/// WAL that is copied.
pub const WAL: &OptionDef = &OptionDef {
    name: "wal",
    kind: Kind::StringId,
    commands: &[only(RepoCopy, MAIN)],
    allowed: &["all", "set"],
    required: false,
    ours: true,
    depends: Some(Depend::set("set")),
    summary: "WAL that is copied with chosen backups.",
    help: "`set` (default): what each backup needs to become consistent, from its start to its stop. \
        `all`: all WAL from the oldest copied backup to the end of the archive, so that every moment \
        since then can be restored. Without `--set` all WAL is copied.",
    example: "--wal=all",
    ..OptionDef::COMMAND_LINE
};
