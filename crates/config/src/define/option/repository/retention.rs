//! Options that say how long backups and WAL are kept.
//!
//! The rules that follow from them are in the repository crate.

use crate::define::option::known_to::RETENTION_COMMANDS;
use crate::define::option::{Default, Deprecated, Kind, OptionDef, Range};

/// A number of backups or days; unset: no limit.
const RETENTION: OptionDef = OptionDef {
    kind: Kind::Integer,
    commands: RETENTION_COMMANDS,
    range: Some(Range::Is("1", "9999999")),
    required: false,
    ..OptionDef::REPOSITORY
};

/// Number of backups for which WAL is kept.
pub const REPO_RETENTION_ARCHIVE: &OptionDef = &OptionDef {
    name: "repo-retention-archive",
    deprecated: &[Deprecated::unindexed("retention-archive")],
    summary: "Number of backups for which WAL is kept.",
    help: "Counts backups of the kind in `repo-retention-archive-type`. WAL older than the oldest of \
        them is removed, except what each kept backup needs to be consistent. Unset: WAL is kept as \
        long as full backups are.\n\n\
        A lower number saves space, but older backups can then be restored only to the moment when \
        they ended, not to a later time. Leave it unset unless you lack the space.",
    example: "repo1-retention-archive=2",
    ..RETENTION
};

/// Kind of backups counted for keeping WAL.
pub const REPO_RETENTION_ARCHIVE_TYPE: &OptionDef = &OptionDef {
    name: "repo-retention-archive-type",
    kind: Kind::StringId,
    commands: RETENTION_COMMANDS,
    default: Default::Is("full"),
    allowed: &["full", "diff", "incr"],
    deprecated: &[Deprecated::unindexed("retention-archive-type")],
    summary: "Kind of backups counted for keeping WAL.",
    help: "`full` counts full backups, `diff` full and differential, `incr` all. With anything but \
        `full`, set `repo-retention-archive` as well. The default suits nearly everyone.",
    example: "repo1-retention-archive-type=diff",
    ..OptionDef::REPOSITORY
};

/// Number of differential backups kept.
pub const REPO_RETENTION_DIFF: &OptionDef = &OptionDef {
    name: "repo-retention-diff",
    deprecated: &[Deprecated::unindexed("retention-diff")],
    summary: "Number of differential backups kept.",
    help: "Full backups count as differential ones here. Incremental backups are removed with the \
        backup they build on. Unset: differential backups are removed only with their full backup.",
    example: "repo1-retention-diff=3",
    ..RETENTION
};

/// Full backups kept, as number or days.
pub const REPO_RETENTION_FULL: &OptionDef = &OptionDef {
    name: "repo-retention-full",
    deprecated: &[Deprecated::unindexed("retention-full")],
    summary: "Full backups kept, as number or days.",
    help: "With `repo-retention-full-type=count` this many full backups are kept. The oldest is \
        removed after the next has succeeded, so have room for one more. With `time` it is a number \
        of days. The newest full backup that is older is kept as well, since without it the oldest \
        day could not be restored.\n\n\
        Everything that depends on a full backup is removed with it. If the option is not set, \
        nothing is removed and a warning is logged.",
    example: "repo1-retention-full=2",
    ..RETENTION
};

/// Meaning of the number of full backups.
pub const REPO_RETENTION_FULL_TYPE: &OptionDef = &OptionDef {
    name: "repo-retention-full-type",
    kind: Kind::StringId,
    commands: RETENTION_COMMANDS,
    default: Default::Is("count"),
    allowed: &["count", "time"],
    summary: "Meaning of the number of full backups.",
    help: "How `repo-retention-full` is meant. `count`: a number of backups. `time`: a number of \
        days; nothing is removed until there is a full backup older than that.",
    example: "repo1-retention-full-type=time",
    ..OptionDef::REPOSITORY
};

/// Days for which manifests of removed backups are kept.
pub const REPO_RETENTION_HISTORY: &OptionDef = &OptionDef {
    name: "repo-retention-history",
    range: Some(Range::Is("0", "9999999")),
    summary: "Days for which manifests of removed backups are kept.",
    help: "A manifest is the list of the files of a backup, with sizes and checksums. A copy of it \
        stays in the history after the backup has been removed. 0 keeps only those of existing \
        backups. Unset keeps all.",
    example: "repo1-retention-history=365",
    ..RETENTION
};

/// A number of days, weeks, months or years of which one backup stays.
const GENERATIONS: OptionDef = OptionDef {
    ours: true,
    ..RETENTION
};

/// Days of which a backup is kept.
pub const REPO_RETENTION_DAILY: &OptionDef = &OptionDef {
    name: "repo-retention-daily",
    summary: "Days of which a backup is kept.",
    help: "Of each of the last days that have a backup, so many days at most, one backup stays even if \
        `repo-retention-full` or `repo-retention-diff` would remove it: the newest full backup of the \
        day or, if the day has none, its newest backup. What it depends on stays too, and the WAL that \
        makes it consistent. Days without a backup do not count.\n\n\
        Such a backup can be restored to the moment when it ended. To restore to any moment, WAL is \
        needed as well, for which `repo-retention-full` and `repo-retention-archive` are there.\n\n\
        Days begin at midnight local time. `expire --dry-run` says why each backup stays or goes. \
        pgBackRest does not know this option, and neither does pgkeep when started \
        as `pgbackrest`: their `expire` removes what only this option keeps.",
    example: "repo1-retention-daily=7",
    ..GENERATIONS
};

/// Weeks of which a backup is kept.
pub const REPO_RETENTION_WEEKLY: &OptionDef = &OptionDef {
    name: "repo-retention-weekly",
    summary: "Weeks of which a backup is kept.",
    help: "As `repo-retention-daily`, for weeks from Monday to Sunday.",
    example: "repo1-retention-weekly=4",
    ..GENERATIONS
};

/// Months of which a backup is kept.
pub const REPO_RETENTION_MONTHLY: &OptionDef = &OptionDef {
    name: "repo-retention-monthly",
    summary: "Months of which a backup is kept.",
    help: "As `repo-retention-daily`, for months.",
    example: "repo1-retention-monthly=12",
    ..GENERATIONS
};

/// Years of which a backup is kept.
pub const REPO_RETENTION_YEARLY: &OptionDef = &OptionDef {
    name: "repo-retention-yearly",
    summary: "Years of which a backup is kept.",
    help: "As `repo-retention-daily`, for years.",
    example: "repo1-retention-yearly=10",
    ..GENERATIONS
};
