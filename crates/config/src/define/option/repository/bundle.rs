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

/// Store only the changed blocks of files.
pub const REPO_BLOCK: &OptionDef = &OptionDef {
    name: "repo-block",
    commands: BACKUP,
    default: Default::Is("n"),
    depends: Some(Depend::on("repo-bundle", &["y"]).otherwise("n")),
    summary: "Store only the changed blocks of files.",
    help: "Large files are divided into blocks, and differential and incremental backups store only \
        the blocks that have changed. It saves much space when large tables change a little. Needs \
        `repo-bundle`.\n\n\
        It takes effect with the next full backup. Releases of pgBackRest before 2.46 cannot read \
        such backups.",
    example: "repo1-block=y",
    ..OptionDef::REPOSITORY_BOOLEAN
};

/// Block size by age of the file.
pub const REPO_BLOCK_AGE_MAP: &OptionDef = &OptionDef {
    name: "repo-block-age-map",
    kind: Kind::Hash,
    required: false,
    multiple: true,
    summary: "Block size by age of the file.",
    help: "Days since the last change, `=`, and the factor for the block size. 0 stores the file \
        whole. Old files seldom change, so larger blocks cost less.\n\n\
        For tests; the built-in values fit.",
    example: "repo1-block-age-map=7=2",
    ..BLOCK
};

/// Length of block checksums by block size.
pub const REPO_BLOCK_CHECKSUM_SIZE_MAP: &OptionDef = &OptionDef {
    name: "repo-block-checksum-size-map",
    kind: Kind::Hash,
    required: false,
    multiple: true,
    summary: "Length of block checksums by block size.",
    help: "Block size, `=`, and the number of bytes kept of the checksum of a block. Shorter \
        checksums make smaller maps, but increase the chance that a change is missed.\n\n\
        For tests; the built-in values fit.",
    example: "repo1-block-checksum-size-map=32KiB=8",
    ..BLOCK
};

/// Block size by size of the file.
pub const REPO_BLOCK_SIZE_MAP: &OptionDef = &OptionDef {
    name: "repo-block-size-map",
    kind: Kind::Hash,
    required: false,
    multiple: true,
    summary: "Block size by size of the file.",
    help: "Smallest file size, `=`, and the size of blocks. Smaller blocks store less of each change \
        and need larger maps.\n\n\
        For tests; the built-in values fit.",
    example: "repo1-block-size-map=8MiB=64KiB",
    ..BLOCK
};

/// Amount compressed together in partial backups.
pub const REPO_BLOCK_SIZE_SUPER: &OptionDef = &OptionDef {
    name: "repo-block-size-super",
    default: Default::Is("256KiB"),
    range: Some(Range::Is("32KiB", "16MiB")),
    summary: "Amount compressed together in partial backups.",
    help: "In differential and incremental backups changed blocks of a file are compressed in groups \
        of about this size in bytes. Larger groups compress better, but a restore that needs one \
        block must read the whole group.",
    example: "repo1-block-size-super=512KiB",
    ..BLOCK
};

/// Amount compressed together in full backups.
pub const REPO_BLOCK_SIZE_SUPER_FULL: &OptionDef = &OptionDef {
    name: "repo-block-size-super-full",
    default: Default::Is("1MiB"),
    range: Some(Range::Is("32KiB", "16MiB")),
    summary: "Amount compressed together in full backups.",
    help: "The same as `repo-block-size-super`, for full backups. Groups can be larger there, \
        because usually all of it is read.",
    example: "repo1-block-size-super-full=2MiB",
    ..BLOCK
};

/// Put small files together.
pub const REPO_BUNDLE: &OptionDef = &OptionDef {
    name: "repo-bundle",
    commands: BACKUP,
    default: Default::Is("n"),
    summary: "Put small files together.",
    help: "Many small files are stored in one larger file, and empty files are not stored at all. \
        That saves a request for each file, which matters most with object stores, SFTP and clusters \
        with many tables.\n\n\
        A restore can still read single files from a bundle. The option takes effect with the next \
        backup of any kind.",
    example: "repo1-bundle=y",
    ..OptionDef::REPOSITORY_BOOLEAN
};

/// Size up to which files are bundled.
pub const REPO_BUNDLE_LIMIT: &OptionDef = &OptionDef {
    name: "repo-bundle-limit",
    default: Default::Is("2MiB"),
    range: Some(Range::Is("8KiB", "1PiB")),
    internal: false,
    depends: Some(Depend::on("repo-bundle", &["y"])),
    summary: "Size up to which files are bundled.",
    help: "In bytes before compression. Larger files are stored on their own. A higher value means \
        fewer files in the repository, but bundled files must be copied again when an interrupted \
        backup is resumed.",
    example: "repo1-bundle-limit=10MiB",
    ..BLOCK
};

/// Size at which a bundle is complete.
pub const REPO_BUNDLE_SIZE: &OptionDef = &OptionDef {
    name: "repo-bundle-size",
    default: Default::Is("20MiB"),
    range: Some(Range::Is("1MiB", "1PiB")),
    internal: false,
    depends: Some(Depend::on("repo-bundle", &["y"])),
    summary: "Size at which a bundle is complete.",
    help: "In bytes before compression. The last file may make a bundle larger. Each worker fills a \
        bundle of its own, so with very large bundles some workers are idle at the end. After an \
        error the whole bundle is sent again.",
    example: "repo1-bundle-size=100MiB",
    ..BLOCK
};
