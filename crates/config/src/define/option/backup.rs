//! Options of making backups: what is copied, from where, and how it is checked.
//!
//! How the files are stored in a repository is in `repository`. Anything that changes what a
//! restore gets says so in its help.

use crate::define::command::CommandId::{Annotate, Backup, Check};
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

/// `annotation`.
pub const ANNOTATION: &OptionDef = &OptionDef {
    name: "annotation",
    kind: Kind::Hash,
    commands: &[only(Annotate, MAIN), only(Backup, MAIN)],
    required: false,
    required_by_command: &[(Annotate, true)],
    multiple: true,
    summary: "",
    help: "",
    example: "",
    ..BACKUP_VALUE
};

/// `archive-check`.
pub const ARCHIVE_CHECK: &OptionDef = &OptionDef {
    name: "archive-check",
    commands: ARCHIVE_CHECKS,
    default: Default::Is("y"),
    depends_by_command: &[(Backup, Depend::on("online", &["y"]).otherwise("n"))],
    summary: "",
    help: "",
    example: "",
    ..BACKUP_BOOLEAN
};

/// `archive-copy`.
pub const ARCHIVE_COPY: &OptionDef = &OptionDef {
    name: "archive-copy",
    commands: BACKUP,
    default: Default::Is("n"),
    depends_by_command: &[(Backup, Depend::on("archive-check", &["y"]).otherwise("n"))],
    summary: "",
    help: "",
    example: "",
    ..BACKUP_BOOLEAN
};

/// `archive-mode-check`.
pub const ARCHIVE_MODE_CHECK: &OptionDef = &OptionDef {
    name: "archive-mode-check",
    commands: ARCHIVE_CHECKS,
    default: Default::Is("y"),
    depends: Some(Depend::on("archive-check", &["y"]).otherwise("n")),
    summary: "",
    help: "",
    example: "",
    ..BACKUP_BOOLEAN
};

/// `backup-standby`.
pub const BACKUP_STANDBY: &OptionDef = &OptionDef {
    name: "backup-standby",
    kind: Kind::StringId,
    commands: &[only(Backup, MAIN), only(Check, MAIN)],
    default: Default::Is("n"),
    allowed: &["n", "prefer", "y"],
    bool_like: true,
    summary: "",
    help: "",
    example: "",
    ..BACKUP_BOOLEAN
};

/// `checksum-page`.
pub const CHECKSUM_PAGE: &OptionDef = &OptionDef {
    name: "checksum-page",
    commands: BACKUP,
    required: false,
    summary: "",
    help: "",
    example: "",
    ..BACKUP_BOOLEAN
};

/// `exclude`.
pub const EXCLUDE: &OptionDef = &OptionDef {
    name: "exclude",
    kind: Kind::List,
    commands: BACKUP,
    required: false,
    multiple: true,
    summary: "",
    help: "",
    example: "",
    ..BACKUP_VALUE
};

/// `expire-auto`.
pub const EXPIRE_AUTO: &OptionDef = &OptionDef {
    name: "expire-auto",
    commands: BACKUP,
    default: Default::Is("y"),
    summary: "",
    help: "",
    example: "",
    ..BACKUP_BOOLEAN
};

/// `manifest-save-threshold`.
pub const MANIFEST_SAVE_THRESHOLD: &OptionDef = &OptionDef {
    name: "manifest-save-threshold",
    kind: Kind::Size,
    commands: BACKUP,
    default: Default::Is("1GiB"),
    range: Some(Range::Is("1B", "1TiB")),
    summary: "",
    help: "",
    example: "",
    ..BACKUP_VALUE
};

/// `resume`.
pub const RESUME: &OptionDef = &OptionDef {
    name: "resume",
    commands: BACKUP,
    default: Default::Is("y"),
    summary: "",
    help: "",
    example: "",
    ..BACKUP_BOOLEAN
};

/// `start-fast`.
pub const START_FAST: &OptionDef = &OptionDef {
    name: "start-fast",
    commands: BACKUP,
    default: Default::Is("n"),
    summary: "",
    help: "",
    example: "",
    ..BACKUP_BOOLEAN
};

/// `stop-auto`.
pub const STOP_AUTO: &OptionDef = &OptionDef {
    name: "stop-auto",
    commands: BACKUP,
    default: Default::Is("n"),
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..BACKUP_BOOLEAN
};
