//! Options that every repository has: kind, place, encryption, links, view of the past.
//!
//! What one kind of storage needs is in a file of its own.

use crate::define::command::CommandId::{
    ArchiveGet, Info, Manifest, RepoGet, RepoLs, Restore, Verify,
};
use crate::define::option::known_to::{
    BACKUP, MAIN, MAIN_ASYNC_LOCAL, MAIN_LOCAL, REPOSITORY_COMMANDS, RETENTION_COMMANDS, only,
};
use crate::define::option::{Default, Depend, Deprecated, Kind, OptionDef};

/// `repo-cipher-pass`.
pub const REPO_CIPHER_PASS: &OptionDef = &OptionDef {
    name: "repo-cipher-pass",
    commands: REPOSITORY_COMMANDS,
    secure: true,
    deprecated: &[Deprecated::unindexed("repo-cipher-pass")],
    depends: Some(Depend::on("repo-cipher-type", &["aes-256-cbc"])),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY
};

/// `repo-cipher-type`.
pub const REPO_CIPHER_TYPE: &OptionDef = &OptionDef {
    name: "repo-cipher-type",
    kind: Kind::StringId,
    commands: REPOSITORY_COMMANDS,
    default: Default::Is("none"),
    allowed: &["none", "aes-256-cbc"],
    deprecated: &[Deprecated::unindexed("repo-cipher-type")],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY
};

/// `repo-hardlink`.
pub const REPO_HARDLINK: &OptionDef = &OptionDef {
    name: "repo-hardlink",
    commands: BACKUP,
    default: Default::Is("n"),
    deprecated: &[Deprecated::unindexed("hardlink")],
    depends: Some(Depend::on("repo-bundle", &["n"]).otherwise("n")),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY_BOOLEAN
};

/// `repo-path`.
pub const REPO_PATH: &OptionDef = &OptionDef {
    name: "repo-path",
    kind: Kind::Path,
    commands: REPOSITORY_COMMANDS,
    default: Default::Is("/var/lib/pgbackrest"),
    deprecated: &[Deprecated::unindexed("repo-path")],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY
};

/// `repo-symlink`.
pub const REPO_SYMLINK: &OptionDef = &OptionDef {
    name: "repo-symlink",
    commands: RETENTION_COMMANDS,
    default: Default::Is("y"),
    depends: Some(Depend::on("repo-type", &["posix"]).otherwise("n")),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY_BOOLEAN
};

/// `repo-target-time`.
pub const REPO_TARGET_TIME: &OptionDef = &OptionDef {
    name: "repo-target-time",
    group: None,
    commands: &[
        only(ArchiveGet, MAIN_ASYNC_LOCAL),
        only(Info, MAIN),
        only(Manifest, MAIN),
        only(RepoGet, MAIN),
        only(RepoLs, MAIN),
        only(Restore, MAIN_LOCAL),
        only(Verify, MAIN_LOCAL),
    ],
    required: false,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY
};

/// `repo-type`.
pub const REPO_TYPE: &OptionDef = &OptionDef {
    name: "repo-type",
    kind: Kind::StringId,
    commands: REPOSITORY_COMMANDS,
    default: Default::Is("posix"),
    allowed: &["azure", "cifs", "gcs", "posix", "s3", "sftp"],
    deprecated: &[Deprecated::unindexed("repo-type")],
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY
};
