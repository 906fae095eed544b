//! Options for clusters that are not quite PostgreSQL (forks, patched builds); nobody else should
//! need them.
//!
//! Each switches off a check, so each says in its help what is lost.

use crate::define::command::CommandId::{
    ArchiveGet, ArchivePush, Backup, Check, Doctor, Manifest, Restore, StanzaCreate, StanzaDelete,
    StanzaUpgrade, Verify,
};
use crate::define::option::known_to::{ARCHIVE_PUSH, BACKUP, all};
use crate::define::option::{Default, OptionDef};

/// Check the header of WAL before archiving.
pub const ARCHIVE_HEADER_CHECK: &OptionDef = &OptionDef {
    name: "archive-header-check",
    help_section: "maintainer",
    commands: ARCHIVE_PUSH,
    default: Default::Is("y"),
    summary: "Check the header of WAL before archiving.",
    help: "By default a segment is refused if its version or system identifier differs from the \
        stanza's. This protects against archiving into the wrong stanza.\n\n\
        Turn it off only for builds of PostgreSQL that write another header, together with \
        `pg-version-force`.",
    example: "archive-header-check=n",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Check the header of pages.
pub const PAGE_HEADER_CHECK: &OptionDef = &OptionDef {
    name: "page-header-check",
    help_section: "maintainer",
    commands: BACKUP,
    default: Default::Is("y"),
    summary: "Check the header of pages.",
    help: "By default a page with an empty header and other content is reported as damaged. Turn it \
        off for builds of PostgreSQL that use the header differently. Damage of that kind is then \
        not found.",
    example: "page-header-check=n",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Treat the cluster as this version of PostgreSQL.
pub const PG_VERSION_FORCE: &OptionDef = &OptionDef {
    name: "pg-version-force",
    help_section: "maintainer",
    group: None,
    commands: &[
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Check),
        all(Doctor),
        all(Manifest),
        all(Restore),
        all(StanzaCreate),
        all(StanzaDelete),
        all(StanzaUpgrade),
        all(Verify),
    ],
    required: false,
    summary: "Treat the cluster as this version of PostgreSQL.",
    help: "For forks and patched builds whose control file is not recognized. Give the major version \
        whose file formats the build uses.\n\n\
        With a wrong version, backups may be made that cannot be restored. Do not use it for a \
        version that is not supported.",
    example: "pg-version-force=16",
    ..OptionDef::CLUSTER
};
