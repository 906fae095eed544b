//! Options that say what a run is about: configuration files, stanza, repository, backup set, kind
//! and target.
//!
//! All are for the command line or the environment only, because a file that chose them would
//! choose for every command.

use crate::define::command::CommandId::{
    Annotate, ArchiveGet, ArchivePush, Backup, Check, Doctor, Expire, Info, Manifest, RepoGet,
    RepoLs, RepoRm, Restore, SftpAudit, SftpProbe, SftpSetup, StanzaCreate, StanzaDelete,
    StanzaUpgrade, Start, Stop, Verify,
};
use crate::define::option::known_to::{EVERY_COMMAND, MAIN, REMOTE, RESTORE, all, only};
use crate::define::option::{Default, Depend, Kind, OptionDef, Range};

/// Main configuration file.
pub const CONFIG: &OptionDef = &OptionDef {
    name: "config",
    help_section: "general",
    commands: EVERY_COMMAND,
    default: Default::Is("/etc/pgbackrest/pgbackrest.conf"),
    negatable: true,
    summary: "Main configuration file.",
    help: "If given, the file must exist, and the directory of further files is not read unless \
        named as well. `--no-config` reads no file at all. Default: the file in \
        `/etc/pgbackrest`, then `/etc/pgbackrest.conf`; both may be missing.",
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
    help: "All files whose names end in `.conf` are read in order of their names and added to the \
        main file; a section may be spread over several. If given, the directory must exist.",
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
    help: "Changes the default of both `config` and `config-include-path`: `pgbackrest.conf` and \
        `conf.d` are looked for in it.",
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
        all(Expire),
        all(Info),
        all(Manifest),
        all(RepoGet),
        all(RepoLs),
        all(RepoRm),
        all(Restore),
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
    help: "The index, such as 2 for `repo2-…`. What is done without it depends on the command: \
        most use all repositories or search them in order, `backup` and the `repo-…` commands \
        use the first (so does `verify` as `pgbackrest`), `stanza-delete` insists if there are \
        several.",
    example: "--repo=2",
    ..OptionDef::COMMAND_LINE
};

/// Backup set the command is for.
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
    summary: "Backup set the command is for.",
    help: "A label as `info` shows it; `restore` and `manifest` also know `latest`, their \
        default. For `expire` the set is removed with all that depend on it, for `verify` only \
        this set and its WAL are checked.",
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
        all(Expire),
        all(Info),
        all(Manifest),
        all(RepoGet),
        all(RepoLs),
        all(RepoRm),
        all(Restore),
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
        (RepoGet, false),
        (RepoLs, false),
        (RepoRm, false),
        (SftpAudit, false),
        (SftpProbe, false),
        (Start, false),
        (Stop, false),
    ],
    internal_for: &[RepoGet, RepoLs, RepoRm, SftpAudit, SftpProbe],
    summary: "Stanza the command is for.",
    help: "The configuration of one cluster with its standbys: the name of its section in the \
        file and of its directories in the repository. Name it for the purpose of the cluster, \
        not for its host. Commands that do not require it work on all stanzas.\n\n\
        The environment variable `PGBACKREST_STANZA` spares typing it.",
    example: "--stanza=demo",
    ..OptionDef::COMMAND_LINE
};

/// Where recovery ends.
pub const TARGET: &OptionDef = &OptionDef {
    name: "target",
    commands: RESTORE,
    depends: Some(Depend::on("type", &["lsn", "name", "time", "xid"])),
    summary: "Where recovery ends.",
    help: "A time, transaction ID, LSN or restore point, as `--type` says. Times: `YYYY-MM-DD \
        HH:MM:SS` with optional fraction and zone such as `+02`; without a zone local time is \
        meant, which may not be the cluster's.\n\n\
        The backup must have ended before the target; restore chooses a fitting one unless \
        `--set` is given.",
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
    help: "Before anything is touched it is looked up how far the WAL in the archive leads. A restore is refused \
        when WAL is missing that makes the cluster consistent, or when the WAL ends before the target, for \
        PostgreSQL would refuse to start (from version 13) or end somewhere else. Targets of which nobody can \
        tell are not refused.\n\n\
        Turn it off where the missing WAL will come from elsewhere, or will still be archived. `--force` does \
        the same.",
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
    help: "`pause` lets you look and decide, reads only; `promote` makes the cluster writable at \
        once; `shutdown` stops it, ready to be started again with another target.",
    example: "--target-action=promote",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Stop just before the target.
pub const TARGET_EXCLUSIVE: &OptionDef = &OptionDef {
    name: "target-exclusive",
    commands: RESTORE,
    depends: Some(Depend::on("type", &["lsn", "time", "xid"])),
    summary: "Stop just before the target.",
    help: "By default the transaction at the target is still applied. Use it to end right before \
        a mistake whose time, transaction or LSN is known.",
    example: "--target-exclusive",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Timeline to follow.
pub const TARGET_TIMELINE: &OptionDef = &OptionDef {
    name: "target-timeline",
    commands: RESTORE,
    required: false,
    depends: Some(Depend::on(
        "type",
        &["default", "lsn", "name", "standby", "time", "xid"],
    )),
    summary: "Timeline to follow.",
    help: "A number (decimal, or hexadecimal with `0x`), `latest` or `current`. Unset: \
        PostgreSQL's own default, which is `latest` from version 12 and `current` before; \
        `immediate` stays on `current`.\n\n\
        Needed to go to a point on a branch that was left by an earlier recovery.",
    example: "--target-timeline=3",
    ..OptionDef::COMMAND_LINE
};

/// Kind of backup or of recovery.
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
    summary: "Kind of backup or of recovery.",
    help: "`backup`: `full` copies everything, `diff` what has changed since the last full \
        backup, `incr` (default) since the last backup of any kind. `info` shows only backups \
        of the kind.\n\n\
        `restore`: `default` replays all WAL there is, `immediate` ends as soon as the cluster \
        is consistent, `time`, `xid`, `lsn` and `name` end at `--target`, `standby` goes on \
        following. `preserve` keeps the recovery settings that are in the data directory, \
        `none` writes none, so PostgreSQL starts without the archive.",
    example: "--type=full",
    ..OptionDef::COMMAND_LINE
};
