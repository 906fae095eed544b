//! Options of making backups: what is copied, from where, and how it is checked.
//!
//! How the files are stored in a repository is in `repository`. Anything that changes what a
//! restore gets says so in its help.

use crate::define::command::CommandId::{Annotate, Backup, Check, Expire, Restore};
use crate::define::option::known_to::{ARCHIVE_CHECKS, BACKUP, MAIN, only};
use crate::define::option::{Default, Depend, Kind, OptionDef, Range};

/// A switch under the heading Backup.
const BACKUP_BOOLEAN: OptionDef = OptionDef {
    help_section: "backup",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// An option under the heading Backup.
const BACKUP_VALUE: OptionDef = OptionDef {
    help_section: "backup",
    ..OptionDef::GLOBAL
};

/// Note to keep with the backup.
pub const ANNOTATION: &OptionDef = &OptionDef {
    name: "annotation",
    kind: Kind::Hash,
    commands: &[only(Annotate, MAIN), only(Backup, MAIN)],
    required: false,
    required_by_command: &[(Annotate, true)],
    // A pin is a note as well.
    required_by_rule: true,
    multiple: true,
    summary: "Note to keep with the backup.",
    help: "A pair of key and value, shown by `info --set`. The option can be repeated for several \
        notes. The `annotate` command changes notes later; there an empty value removes the key.\n\n\
        Keys and values are free text. The key ends at the first `=`.",
    example: "--annotation=ticket=4711",
    ..BACKUP_VALUE
};

/// Check that the WAL a backup needs is in the archive.
pub const ARCHIVE_CHECK: &OptionDef = &OptionDef {
    name: "archive-check",
    commands: ARCHIVE_CHECKS,
    default: Default::Is("y"),
    depends_by_command: &[(Backup, Depend::on("online", &["y"]).otherwise("n"))],
    summary: "Check that the WAL a backup needs is in the archive.",
    help: "A backup is consistent only with the WAL written while it was made. By default `backup` \
        waits until these segments are in the archive and fails if they are not, within \
        `archive-timeout`.\n\n\
        Turn it off only when WAL reaches the archive by other means and you check that yourself. \
        Without the check a backup can succeed and still be impossible to restore.",
    example: "archive-check=n",
    ..BACKUP_BOOLEAN
};

/// Copy the WAL a backup needs into the backup.
pub const ARCHIVE_COPY: &OptionDef = &OptionDef {
    name: "archive-copy",
    commands: BACKUP,
    default: Default::Is("n"),
    depends_by_command: &[(Backup, Depend::on("archive-check", &["y"]).otherwise("n"))],
    summary: "Copy the WAL a backup needs into the backup.",
    help: "The segments needed for consistency are stored in the backup as well as in the archive, \
        and restored into the WAL directory. Such a backup can be started without the archive.\n\n\
        It costs space for the segments of each backup. It is useful for backups that are kept \
        longer than their WAL or are moved elsewhere. Requires `archive-check`.",
    example: "archive-copy=y",
    ..BACKUP_BOOLEAN
};

/// Check PostgreSQL's `archive_mode`.
pub const ARCHIVE_MODE_CHECK: &OptionDef = &OptionDef {
    name: "archive-mode-check",
    commands: ARCHIVE_CHECKS,
    default: Default::Is("y"),
    depends: Some(Depend::on("archive-check", &["y"]).otherwise("n")),
    summary: "Check PostgreSQL's `archive_mode`.",
    help: "By default `archive_mode=always` is refused, because primary and standby would then push \
        the same segments. Segments that are in the archive already give a warning.\n\n\
        Turn it off if both servers are meant to archive into one repository. Identical duplicates \
        are then accepted without a warning. Segments of the same name with other content are still \
        refused.",
    example: "archive-mode-check=n",
    ..BACKUP_BOOLEAN
};

/// Copy from a standby instead of the primary.
pub const BACKUP_STANDBY: &OptionDef = &OptionDef {
    name: "backup-standby",
    kind: Kind::StringId,
    commands: &[only(Backup, MAIN), only(Check, MAIN)],
    default: Default::Is("n"),
    allowed: &["n", "prefer", "y"],
    bool_like: true,
    summary: "Copy from a standby instead of the primary.",
    help: "With `y` most files are copied from a standby, which relieves the primary; without one \
        that has caught up the backup fails. With `prefer` the primary is used when no standby can \
        be reached or none has caught up within `archive-timeout`. `n` always uses the primary.\n\n\
        The primary must be reachable in any case, because the backup is started and stopped there, \
        and some files must come from it. The standby must first replay WAL up to the start of the \
        backup. Several standbys are tried in the order of their numbers. One with another system \
        identifier than the primary's is refused.",
    example: "backup-standby=prefer",
    ..BACKUP_BOOLEAN
};

/// Check page checksums while copying.
pub const CHECKSUM_PAGE: &OptionDef = &OptionDef {
    name: "checksum-page",
    commands: BACKUP,
    required: false,
    summary: "Check page checksums while copying.",
    help: "Every page of the data files is checked against its checksum. Pages that fail give a \
        warning and are recorded in the manifest, but the backup goes on, so that a damaged cluster \
        can still be saved.\n\n\
        The default is on if the cluster has page checksums, otherwise off. Differential and \
        incremental backups keep the setting of the backup they build on.",
    example: "checksum-page=n",
    ..BACKUP_BOOLEAN
};

/// End with an error on invalid page checksums.
pub const CHECKSUM_PAGE_ERROR: &OptionDef = &OptionDef {
    name: "checksum-page-error",
    commands: &[only(Backup, MAIN), only(Expire, MAIN), only(Restore, MAIN)],
    default: Default::Is("y"),
    default_by_command: &[(Backup, "n")],
    summary: "End with an error on invalid page checksums.",
    help: "`backup` (off by default): the first file with an invalid page ends the backup. When off, \
        such files only give a warning and are recorded.\n\n\
        `expire` (on by default): nothing is removed if the oldest backup that would be left has \
        invalid pages, because the older ones may be the last good ones. With `n`, and always with \
        `--set`, there is only a warning.\n\n\
        `restore` (on by default): a file that had invalid pages when it was backed up is not \
        accepted. Without `--delta` nothing is changed then. With `n` such files are restored as \
        they are, with a warning for each.",
    example: "checksum-page-error=y",
    ..BACKUP_BOOLEAN
};

/// Leave files or directories out of the backup.
pub const EXCLUDE: &OptionDef = &OptionDef {
    name: "exclude",
    kind: Kind::List,
    commands: BACKUP,
    required: false,
    multiple: true,
    summary: "Leave files or directories out of the backup.",
    help: "A path relative to the data directory. With a slash at the end only the content of the \
        directory is left out. Without it the file, or the directory with all below it, is left out. \
        The option can be repeated.\n\n\
        Nothing checks whether PostgreSQL needs what is left out, so a cluster restored from such a \
        backup may not start. Meant for files in the data directory that are not PostgreSQL's.",
    example: "exclude=junk/",
    ..BACKUP_VALUE
};

/// Run expire after a backup.
pub const EXPIRE_AUTO: &OptionDef = &OptionDef {
    name: "expire-auto",
    commands: BACKUP,
    default: Default::Is("y"),
    summary: "Run expire after a backup.",
    help: "By default every successful backup is followed by `expire` with the options of the \
        backup. Without `--repo` it works on all repositories, not only the one backed up to.\n\n\
        Turn it off to run `expire` on a schedule of its own, for example when removing files is \
        slow.",
    example: "expire-auto=n",
    ..BACKUP_BOOLEAN
};

/// Amount of data after which the manifest is saved.
pub const MANIFEST_SAVE_THRESHOLD: &OptionDef = &OptionDef {
    name: "manifest-save-threshold",
    kind: Kind::Size,
    commands: BACKUP,
    default: Default::Is("1GiB"),
    range: Some(Range::Is("1B", "1TiB")),
    summary: "Amount of data after which the manifest is saved.",
    help: "During a backup the manifest is saved each time this number of bytes has been copied, or \
        a hundredth of the backup if that is more. What is in the saved manifest need not be copied \
        again when an interrupted backup is resumed.\n\n\
        Lower it when backups are often interrupted; each save costs time when there are many files.",
    example: "manifest-save-threshold=8GiB",
    ..BACKUP_VALUE
};

/// Continue an interrupted full backup.
pub const RESUME: &OptionDef = &OptionDef {
    name: "resume",
    commands: BACKUP,
    default: Default::Is("y"),
    summary: "Continue an interrupted full backup.",
    help: "An interrupted full backup leaves its files in the repository. By default the next full \
        backup keeps those that still match, by their checksums, and copies only the rest.\n\n\
        Turn it off to start again from nothing each time. Only full backups made with the same \
        settings, by pgkeep or by pgBackRest 2.46 to 2.60, are resumed.",
    example: "resume=n",
    ..BACKUP_BOOLEAN
};

/// Do not wait for the next regular checkpoint.
pub const START_FAST: &OptionDef = &OptionDef {
    name: "start-fast",
    commands: BACKUP,
    default: Default::Is("n"),
    summary: "Do not wait for the next regular checkpoint.",
    help: "A backup starts with a checkpoint. By default PostgreSQL spreads it over time like any \
        other, which may take minutes. With this option it is done at once.\n\n\
        An immediate checkpoint causes a burst of writes. The option suits small clusters, tests, \
        and backups that must begin at a certain time.",
    example: "start-fast=y",
    ..BACKUP_BOOLEAN
};

/// Stop a backup that another run left behind.
pub const STOP_AUTO: &OptionDef = &OptionDef {
    name: "stop-auto",
    commands: BACKUP,
    default: Default::Is("n"),
    internal: true,
    summary: "Stop a backup that another run left behind.",
    help: "Mattered only for PostgreSQL 9.5 and older, where a backup in progress blocked the next \
        one. Those versions are not backed up any more; the option is accepted so that old \
        configurations work, and does nothing but warn.",
    example: "stop-auto=y",
    ..BACKUP_BOOLEAN
};
