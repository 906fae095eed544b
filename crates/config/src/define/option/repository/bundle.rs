//! Options of bundles and block-incremental: how the files of a backup are put together in the
//! repository.
//!
//! Both are decided per backup; a restore needs none of them.

use crate::define::option::known_to::BACKUP;
use crate::define::option::{Default, Depend, Kind, OptionDef, Range};

/// An option of block-incremental.
const BLOCK: OptionDef = OptionDef {
    kind: Kind::Size,
    commands: BACKUP,
    internal: true,
    depends: Some(Depend::on("repo-block", &["y"])),
    ..OptionDef::REPOSITORY
};

/// `repo-block`.
pub const REPO_BLOCK: &OptionDef = &OptionDef {
    name: "repo-block",
    commands: BACKUP,
    default: Default::Is("n"),
    depends: Some(Depend::on("repo-bundle", &["y"]).otherwise("n")),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY_BOOLEAN
};

/// `repo-block-age-map`.
pub const REPO_BLOCK_AGE_MAP: &OptionDef = &OptionDef {
    name: "repo-block-age-map",
    kind: Kind::Hash,
    required: false,
    multiple: true,
    summary: "",
    help: "",
    example: "",
    ..BLOCK
};

/// `repo-block-checksum-size-map`.
pub const REPO_BLOCK_CHECKSUM_SIZE_MAP: &OptionDef = &OptionDef {
    name: "repo-block-checksum-size-map",
    kind: Kind::Hash,
    required: false,
    multiple: true,
    summary: "",
    help: "",
    example: "",
    ..BLOCK
};

/// `repo-block-size-map`.
pub const REPO_BLOCK_SIZE_MAP: &OptionDef = &OptionDef {
    name: "repo-block-size-map",
    kind: Kind::Hash,
    required: false,
    multiple: true,
    summary: "",
    help: "",
    example: "",
    ..BLOCK
};

/// `repo-block-size-super`.
pub const REPO_BLOCK_SIZE_SUPER: &OptionDef = &OptionDef {
    name: "repo-block-size-super",
    default: Default::Is("256KiB"),
    range: Some(Range::Is("32KiB", "16MiB")),
    summary: "",
    help: "",
    example: "",
    ..BLOCK
};

/// `repo-block-size-super-full`.
pub const REPO_BLOCK_SIZE_SUPER_FULL: &OptionDef = &OptionDef {
    name: "repo-block-size-super-full",
    default: Default::Is("1MiB"),
    range: Some(Range::Is("32KiB", "16MiB")),
    summary: "",
    help: "",
    example: "",
    ..BLOCK
};

/// `repo-bundle`.
pub const REPO_BUNDLE: &OptionDef = &OptionDef {
    name: "repo-bundle",
    commands: BACKUP,
    default: Default::Is("n"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY_BOOLEAN
};

/// `repo-bundle-limit`.
pub const REPO_BUNDLE_LIMIT: &OptionDef = &OptionDef {
    name: "repo-bundle-limit",
    default: Default::Is("2MiB"),
    range: Some(Range::Is("8KiB", "1PiB")),
    internal: false,
    depends: Some(Depend::on("repo-bundle", &["y"])),
    summary: "",
    help: "",
    example: "",
    ..BLOCK
};

/// `repo-bundle-size`.
pub const REPO_BUNDLE_SIZE: &OptionDef = &OptionDef {
    name: "repo-bundle-size",
    default: Default::Is("20MiB"),
    range: Some(Range::Is("1MiB", "1PiB")),
    internal: false,
    depends: Some(Depend::on("repo-bundle", &["y"])),
    summary: "",
    help: "",
    example: "",
    ..BLOCK
};
