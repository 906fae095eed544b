//! Options of single runs: they cannot be in a file, only on the command line or in the
//! environment.
//!
//! Options that say which files to read and which stanza is meant are in `selection`, those of
//! child processes in `process`.

use crate::define::command::CommandId::{
    Annotate, Backup, Doctor, Drill, Expire, Info, Manifest, RepoCopy, RepoLs, RepoRekey, RepoRm,
    Restore, RestoreTable, SftpAudit, SftpProbe, StanzaCreate, StanzaDelete, StanzaUpgrade, Stop,
    Verify, Version,
};
use crate::define::option::known_to::{EXPIRE, HELP_COMMAND, MAIN, REPO_GET, all, only};
use crate::define::option::{Default, Depend, Kind, OptionDef, Range};

/// Verify only what was not verified for so long.
pub const AGE: &OptionDef = &OptionDef {
    name: "age",
    kind: Kind::Time,
    commands: &[only(Verify, MAIN)],
    range: Some(Range::Is("1s", "3650d")),
    required: false,
    ours: true,
    summary: "Verify only what was not verified for so long.",
    help: "Backups and directories of WAL that were read and found sound within this time are not read again. \
        What was verified longest ago is read first. Their files are assumed to be as they were: damage that \
        has happened since is found when their time is over.\n\n\
        What was verified when is remembered on this host, in the directory `verify` of `spool-path`, also \
        of a run that was stopped by a signal; the next one goes on there. So \
        `timeout --preserve-status 2h pgkeep --stanza=main --age=7d verify` every day covers everything in turn. It \
        exits 63 if all it has read was sound. Manifests are always read, and WAL is always listed, so what is missing \
        of these is found at once, and a file of a backup when its time is over. Damaged files are never remembered \
        as verified.\n\n\
        Cannot be combined with `--set` or `--repo-target-time`.",
    example: "--age=7d",
    ..OptionDef::COMMAND_LINE
};

/// Remove WAL older than a segment.
pub const ARCHIVE_EXPIRE_BEFORE: &OptionDef = &OptionDef {
    name: "archive-expire-before",
    commands: EXPIRE,
    required: false,
    summary: "Remove WAL older than a segment.",
    help: "The full name of a segment, 24 hexadecimal digits. It and all later segments stay. \
        Earlier WAL is removed unless a backup needs it, even if there are not yet enough backups \
        for retention to apply, or none at all.\n\n\
        Meant for repositories with WAL but without backups, for example with `%r` in PostgreSQL's \
        `archive_cleanup_command`. Try it with `--dry-run` first.",
    example: "--archive-expire-before=000000010000000A000000F0",
    ..OptionDef::COMMAND_LINE
};

/// What to write in place of the overview.
pub const AS: &OptionDef = &OptionDef {
    name: "as",
    kind: Kind::StringId,
    commands: HELP_COMMAND,
    required: false,
    allowed: &["man", "bash", "zsh", "fish", "candidates"],
    ours: true,
    summary: "Write a manual page or a completion script.",
    help: "`man`: the manual page, for `man -l` or a directory `man1`. `bash`, `zsh` and `fish`: the \
        script that completes commands, options, stanzas and labels of backups in that shell. \
        Packages bring these; without a package put them where the shell looks, such as \
        `~/.local/share/bash-completion/completions/pgkeep`.\n\n\
        `candidates`: what may come next on the command line in the environment variable \
        `COMP_LINE`, one word a line, with a tab and its meaning after it; `:files` and \
        `:directories` stand for those of this host. The scripts use it.",
    example: "--as=bash",
    ..OptionDef::COMMAND_LINE
};

/// Give WAL and manifests new keys.
pub const DEEP: &OptionDef = &OptionDef {
    name: "deep",
    commands: &[only(RepoRekey, MAIN)],
    ours: true,
    summary: "Give WAL and manifests new keys too.",
    help: "The pass-phrase of a repository opens its info files only; the keys in them stay when it is changed. \
        With this option all WAL and the manifests of all backups are encrypted anew, with new keys, also if \
        the pass-phrase stays. Files of backups that exist keep their keys, which are in the manifests, also when \
        `repo-copy` copies them. The next full backup has a new one.\n\n\
        Only for a repository on this host (`repo-type=posix`) to which no other host writes by itself; others \
        are refused, as what is stored there meanwhile could not be read. For these make a new repository with a \
        passphrase of its own, and copy the old one into it with `repo-copy`.\n\n\
        All WAL is read and written, and until the run has ended nothing can be restored from the \
        repository. Every stanza in it must be stopped, on each host that archives to it: see `stop`. A run that \
        is cut off loses nothing, as both keys stay in the repository until all is done; run it again \
        before `start`.",
    example: "--deep",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Amount of information.
pub const DETAIL_LEVEL: &OptionDef = &OptionDef {
    name: "detail-level",
    kind: Kind::StringId,
    commands: &[only(Info, MAIN)],
    default: Default::Is("full"),
    allowed: &["full", "progress"],
    summary: "Amount of information.",
    help: "`full` shows everything. `progress` shows only the state of the stanzas and of running \
        commands, which is quick because no backups are read. Cannot be combined with `--set`.",
    example: "--detail-level=progress",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Show what would be done and do nothing.
pub const DRY_RUN: &OptionDef = &OptionDef {
    name: "dry-run",
    help_section: "general",
    commands: &[
        only(Expire, MAIN),
        only(RepoCopy, MAIN),
        only(Restore, MAIN),
        only(RestoreTable, MAIN),
    ],
    commands_ours: &[Restore],
    summary: "Show what would be done and do nothing.",
    help: "All messages are marked with `[DRY-RUN]`. Nothing in the repository is changed.\n\n\
        `restore` (pgkeep only) prints its plan: which set and why, the moment that is reached, the \
        WAL that is needed and whether it is in the archive, what is overwritten, kept and removed, \
        the space needed and free. The exit status is 0 if the restore would begin. `--output=json` \
        prints it for programs.\n\n\
        `restore-table` prints its plan: which set, the moment, what is restored and where it goes, and \
        the space needed. The running cluster is looked at and not changed. The exit status is 0 if the \
        restore would begin. `--output=json` prints it for programs.",
    example: "--dry-run",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Show only names that match.
pub const FILTER: &OptionDef = &OptionDef {
    name: "filter",
    commands: &[only(Manifest, MAIN), only(RepoLs, MAIN)],
    required: false,
    summary: "Show only names that match.",
    help: "`repo-ls`: a regular expression. A name is shown if any part of it matches, so use `^` \
        and `$` for its beginning and end. With `--recurse` the expression is compared with the path \
        below the directory.\n\n\
        `manifest`: the exact name of one file, such as `pg_data/PG_VERSION`, which is then shown \
        with all details.",
    example: "--filter='\\.backup$'",
    ..OptionDef::COMMAND_LINE
};

/// Do it in spite of a safety check.
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
    summary: "Do it in spite of a safety check.",
    help: "`restore`: replaces all files and removes those that do not belong to the backup. With \
        `--delta` it compares by size and time instead of checksum. As `pgkeep` it asks no question \
        and accepts a target that the archive cannot reach.\n\n\
        `stop`: ends running commands. `stanza-delete`: goes on although PostgreSQL runs. `backup` \
        with `--no-online`: goes on although PostgreSQL seems to run. If it really does, the copy is \
        inconsistent and useless.",
    example: "--force",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Show help.
pub const HELP: &OptionDef = &OptionDef {
    name: "help",
    commands: HELP_COMMAND,
    summary: "Show help.",
    help: "The same as the command `help`. `pgkeep` accepts it, and `-h`, with another command as \
        well: `pgkeep backup --help` is `pgkeep help backup`. pgBackRest accepts it only without a \
        command.",
    example: "--help",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Accept that the file is missing.
pub const IGNORE_MISSING: &OptionDef = &OptionDef {
    name: "ignore-missing",
    commands: REPO_GET,
    summary: "Accept that the file is missing.",
    help: "If the file is missing, the exit status is 1 and no message is shown, instead of an \
        error.",
    example: "--ignore-missing",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Remove the oldest full backup.
pub const OLDEST: &OptionDef = &OptionDef {
    name: "oldest",
    commands: EXPIRE,
    depends_by_command: &[(Expire, Depend::set("stanza"))],
    summary: "Remove the oldest full backup.",
    help: "Removes the oldest full backup with all that depends on it, whatever retention says. The \
        last full backup always stays. Needs `--stanza`. Cannot be combined with `--set`.",
    example: "--oldest",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Connect to PostgreSQL.
pub const ONLINE: &OptionDef = &OptionDef {
    name: "online",
    commands: &[
        only(Backup, MAIN),
        only(StanzaCreate, MAIN),
        only(StanzaUpgrade, MAIN),
    ],
    default: Default::Is("y"),
    negatable: true,
    summary: "Connect to PostgreSQL.",
    help: "By default the cluster must be running. `--no-online` makes a plain copy of a stopped \
        cluster, or takes its identity from the data directory in `stanza-create` and \
        `stanza-upgrade`.\n\n\
        A backup made this way has no WAL, so the cluster can be restored only to the moment of the \
        backup.",
    example: "--no-online",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Form of the output.
pub const OUTPUT: &OptionDef = &OptionDef {
    name: "output",
    kind: Kind::StringId,
    commands: &[
        all(Doctor),
        only(Drill, MAIN),
        only(Info, MAIN),
        only(Manifest, MAIN),
        only(RepoCopy, MAIN),
        only(RepoLs, MAIN),
        only(Restore, MAIN),
        only(RestoreTable, MAIN),
        all(SftpAudit),
        all(SftpProbe),
        only(Verify, MAIN),
        all(Version),
    ],
    commands_ours: &[Restore],
    depends_by_command: &[
        (Restore, Depend::on("dry-run", &["y"])),
        (RestoreTable, Depend::on("dry-run", &["y"])),
    ],
    default: Default::Is("text"),
    default_by_command: &[(Verify, "none"), (Version, "text")],
    allowed: &["text", "json"],
    allowed_by_command: &[(Verify, &["none", "text"]), (Version, &["text", "num"])],
    allowed_ours: &[(Info, &["table"]), (Verify, &["json"])],
    summary: "Form of the output.",
    help: "`text` is for people and may change, `json` is for programs. By default `verify` prints \
        nothing (`none`) and leaves its result in the log. `version` has `num`, a number that is \
        easy to compare.\n\n\
        Only in `pgkeep`: `table` for `info`, with one line for each backup and the time span that \
        can be restored; `json` for `verify`; and for `restore` and `restore-table` both forms of the \
        plan of `--dry-run`. `repo-copy` prints with `text` only that plan, and leaves its result in the log; \
        with `json` it prints both.",
    example: "--output=json",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Keep a backup whatever retention says.
pub const PIN: &OptionDef = &OptionDef {
    name: "pin",
    ours: true,
    commands: &[only(Annotate, MAIN)],
    required: false,
    summary: "Keep a backup whatever retention says.",
    help: "`forever` keeps the backup until it is released, a date such as `2027-01-31` until that day \
        is over, a time such as `2027-01-31 18:00:00+00` until then. `none` releases it.\n\n\
        What the backup depends on stays too, and the WAL that makes it consistent. `expire --set` \
        refuses it. The pin is kept as the note `pgkeep-pin`, which `info` shows. pgBackRest keeps and \
        shows the note, but its `expire` removes the backup.",
    example: "--pin=2027-01-31",
    ..OptionDef::COMMAND_LINE
};

/// Do not decrypt.
pub const RAW: &OptionDef = &OptionDef {
    name: "raw",
    help_section: "general",
    commands: REPO_GET,
    summary: "Do not decrypt.",
    help: "The file is copied as it is stored. Files of an encrypted repository that belong to no \
        stanza can be copied only so.",
    example: "--raw",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Include everything below.
pub const RECURSE: &OptionDef = &OptionDef {
    name: "recurse",
    commands: &[only(RepoLs, MAIN), only(RepoRm, MAIN)],
    summary: "Include everything below.",
    help: "Lists the whole tree, or removes a directory that is not empty.",
    example: "--recurse",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Show only files stored by this backup.
pub const REFERENCE: &OptionDef = &OptionDef {
    name: "reference",
    commands: &[only(Manifest, MAIN)],
    required: false,
    summary: "Show only files stored by this backup.",
    help: "The label of a backup. Files of a differential or incremental backup may be stored in \
        earlier ones. This shows those that the named backup stores; `latest` shows those that the \
        backup stores itself.",
    example: "--reference=20260101-120000F",
    ..OptionDef::COMMAND_LINE
};

/// Order of names.
pub const SORT: &OptionDef = &OptionDef {
    name: "sort",
    kind: Kind::StringId,
    commands: &[only(RepoLs, MAIN)],
    default: Default::Is("asc"),
    allowed: &["none", "asc", "desc"],
    summary: "Order of names.",
    help: "`asc`, `desc`, or `none` for the order in which the storage lists them.",
    example: "--sort=desc",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Show what is in order as well.
pub const VERBOSE: &OptionDef = &OptionDef {
    name: "verbose",
    commands: &[all(Doctor), only(Verify, MAIN)],
    summary: "Show what is in order as well.",
    help: "By default only damage (`verify`) and problems (`doctor`) are listed in detail.",
    example: "--verbose",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};

/// Show the version.
pub const VERSION: &OptionDef = &OptionDef {
    name: "version",
    commands: HELP_COMMAND,
    summary: "Show the version.",
    help: "The same as the command `version`; only without another command.",
    example: "--version",
    ..OptionDef::COMMAND_LINE_BOOLEAN
};
