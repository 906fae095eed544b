//! Options that every repository has: kind, place, encryption, links, view of the past.
//!
//! What one kind of storage needs is in a file of its own.

use crate::define::command::CommandId::{
    ArchiveGet, Backup, Expire, Info, Manifest, RepoGet, RepoLs, Restore, SftpSetup, StanzaCreate,
    StanzaUpgrade, Verify,
};
use crate::define::option::known_to::{
    BACKUP, MAIN, MAIN_ASYNC_LOCAL, MAIN_LOCAL, REPOSITORY_COMMANDS, RETENTION_COMMANDS,
    SFTP_COMMANDS, only,
};
use crate::define::option::{Default, Depend, Deprecated, Kind, OptionDef, Range, Section};

/// Passphrase of the repository.
pub const REPO_CIPHER_PASS: &OptionDef = &OptionDef {
    name: "repo-cipher-pass",
    commands: REPOSITORY_COMMANDS,
    secure: true,
    deprecated: &[Deprecated::unindexed("repo-cipher-pass")],
    depends: Some(Depend::on("repo-cipher-type", &["aes-256-cbc"])),
    summary: "Passphrase of the repository.",
    help: "Protects the keys of all stanzas in the repository, so whoever has it can read \
        everything, and without it nothing can be restored. Keep a copy where the database is \
        not. Use a long random text, such as `openssl rand -base64 48` prints.\n\n\
        Needed only where the repository is opened, thus not on hosts that reach it through \
        `repo-host`. Cannot be changed after stanza-create. Refused on the command line, where \
        others could see it.",
    example: "repo1-cipher-pass=zWaf6XtpjIVZC5444yXB…",
    ..OptionDef::REPOSITORY
};

/// Encryption of the repository.
pub const REPO_CIPHER_TYPE: &OptionDef = &OptionDef {
    name: "repo-cipher-type",
    kind: Kind::StringId,
    commands: REPOSITORY_COMMANDS,
    default: Default::Is("none"),
    allowed: &["none", "aes-256-cbc"],
    deprecated: &[Deprecated::unindexed("repo-cipher-type")],
    summary: "Encryption of the repository.",
    help: "With `aes-256-cbc` everything is encrypted before it leaves the process, file names \
        excepted. It costs little time on current processors.\n\n\
        Decide before stanza-create: an existing repository cannot be converted. Add a second \
        repository and let the first one expire instead.",
    example: "repo1-cipher-type=aes-256-cbc",
    ..OptionDef::REPOSITORY
};

/// Age at which the key of archived WAL is replaced.
pub const REPO_CIPHER_ROTATE: &OptionDef = &OptionDef {
    name: "repo-cipher-rotate",
    kind: Kind::Time,
    commands: &[only(Backup, MAIN), only(Expire, MAIN)],
    range: Some(Range::Is("15d", "9999999d")),
    required: false,
    internal: true,
    depends: Some(Depend::on("repo-cipher-type", &["aes-256-cbc"])),
    summary: "Age at which the key of archived WAL is replaced.",
    help: "Only for repositories of format 6, which its authors do not yet mean for production and \
        pgkeep does not write. The option is known so that it can be refused by name.",
    example: "repo1-cipher-rotate=90d",
    ..OptionDef::REPOSITORY
};

/// Format of a new repository.
pub const REPO_FORMAT: &OptionDef = &OptionDef {
    name: "repo-format",
    section: Section::CommandLine,
    kind: Kind::Integer,
    commands: &[only(StanzaCreate, MAIN), only(StanzaUpgrade, MAIN)],
    default: Default::Is("5"),
    range: Some(Range::Is("5", "6")),
    resettable: false,
    internal: true,
    summary: "Format of a new repository.",
    help: "5 is the format of all versions in use. 6 is not yet meant for production by its authors; \
        pgkeep refuses it.",
    example: "--repo1-format=5",
    ..OptionDef::REPOSITORY
};

/// Make backups complete with hard links.
pub const REPO_HARDLINK: &OptionDef = &OptionDef {
    name: "repo-hardlink",
    commands: BACKUP,
    default: Default::Is("n"),
    deprecated: &[Deprecated::unindexed("hardlink")],
    depends: Some(Depend::on("repo-bundle", &["n"]).otherwise("n")),
    summary: "Make backups complete with hard links.",
    help: "Differential and incremental backups get hard links to the unchanged files of earlier \
        ones, so that each backup directory looks complete. Only on POSIX file systems, and \
        not together with `repo-bundle`.\n\n\
        Saves no space and makes nothing faster. Backups must still be restored with the \
        program.",
    example: "repo1-hardlink=y",
    ..OptionDef::REPOSITORY_BOOLEAN
};

/// Place of the repository.
pub const REPO_PATH: &OptionDef = &OptionDef {
    name: "repo-path",
    kind: Kind::Path,
    commands: SFTP_COMMANDS,
    default: Default::Is("/var/lib/pgbackrest"),
    default_by_command: &[(SftpSetup, "/upload")],
    deprecated: &[Deprecated::unindexed("repo-path")],
    summary: "Place of the repository.",
    help: "A directory, or in object stores the beginning of all object names. On the local host \
        it must be writable and must not be inside the data directory; two local repositories \
        cannot share it.\n\n\
        Best on storage that does not fail together with the database.",
    example: "repo1-path=/backup/db",
    ..OptionDef::REPOSITORY
};

/// Create symbolic links in the repository.
pub const REPO_SYMLINK: &OptionDef = &OptionDef {
    name: "repo-symlink",
    commands: RETENTION_COMMANDS,
    default: Default::Is("y"),
    depends: Some(Depend::on("repo-type", &["posix"]).otherwise("n")),
    summary: "Create symbolic links in the repository.",
    help: "By default a link named `latest` points to the newest backup, and each backup has \
        links for its tablespaces. The program itself does not need them.\n\n\
        Turn it off where the file system has no links or a tool that copies the repository \
        trips over them. Storages other than `posix` never have links.",
    example: "repo1-symlink=n",
    ..OptionDef::REPOSITORY_BOOLEAN
};

/// View the repository as it was at a time.
pub const REPO_TARGET_TIME: &OptionDef = &OptionDef {
    name: "repo-target-time",
    help_section: "repository",
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
    summary: "View the repository as it was at a time.",
    help: "Reads only versions of objects that existed then, which gets backups back that were \
        deleted or overwritten later. Needs a bucket with versioning in S3, Azure or GCS, and \
        `--repo`. Only for commands that read.\n\n\
        Format: `YYYY-MM-DD HH:MM:SS` with optional fraction and zone such as `+02`; without a \
        zone local time is meant. Google and Azure do not say when a file was deleted, so \
        files deleted before that time may show up.",
    example: "--repo-target-time='2026-01-01 12:00:00+00'",
    ..OptionDef::GLOBAL
};

/// Kind of storage.
pub const REPO_TYPE: &OptionDef = &OptionDef {
    name: "repo-type",
    kind: Kind::StringId,
    commands: SFTP_COMMANDS,
    default: Default::Is("posix"),
    default_by_command: &[(SftpSetup, "sftp")],
    allowed: &["azure", "cifs", "gcs", "posix", "s3", "sftp"],
    deprecated: &[Deprecated::unindexed("repo-type")],
    summary: "Kind of storage.",
    help: "`posix` is a directory on this host or on `repo-host`; `cifs` the same on a mounted \
        SMB share, without links and directory sync. `s3`, `azure` and `gcs` are object \
        stores, `sftp` is a directory on an SSH server.\n\n\
        Options of the other kinds are ignored. The content is the same everywhere, so a \
        repository can be copied from one kind to another.",
    example: "repo1-type=s3",
    ..OptionDef::REPOSITORY
};
