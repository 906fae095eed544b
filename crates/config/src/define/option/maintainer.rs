//! Options for clusters that are not quite PostgreSQL (forks, patched builds); nobody else should
//! need them.
//!
//! Each switches off a check, so each says in its help what is lost.

use crate::define::command::CommandId::{
    ArchiveGet, ArchivePush, Backup, Check, Manifest, Restore, StanzaCreate, StanzaDelete,
    StanzaUpgrade, Verify,
};
use crate::define::option::known_to::{ARCHIVE_PUSH, BACKUP, all};
use crate::define::option::{Default, OptionDef};

/// `archive-header-check`.
pub const ARCHIVE_HEADER_CHECK: &OptionDef = &OptionDef {
    name: "archive-header-check",
    help_section: "maintainer",
    commands: ARCHIVE_PUSH,
    default: Default::Is("y"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `page-header-check`.
pub const PAGE_HEADER_CHECK: &OptionDef = &OptionDef {
    name: "page-header-check",
    help_section: "maintainer",
    commands: BACKUP,
    default: Default::Is("y"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `pg-version-force`.
pub const PG_VERSION_FORCE: &OptionDef = &OptionDef {
    name: "pg-version-force",
    help_section: "maintainer",
    group: None,
    commands: &[
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Check),
        all(Manifest),
        all(Restore),
        all(StanzaCreate),
        all(StanzaDelete),
        all(StanzaUpgrade),
        all(Verify),
    ],
    required: false,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::CLUSTER
};
