//! Options that every repository has: kind, place, encryption, links, view of the past.
//!
//! What one kind of storage needs is in a file of its own.

use crate::define::command::CommandId::{
    ArchiveGet, ArchivePush, Backup, Drill, Expire, Info, Manifest, RepoCopy, RepoGet, RepoLs,
    RepoRekey, Restore, RestoreTable, SftpSetup, StanzaCreate, StanzaUpgrade, Verify,
};
use crate::define::option::known_to::{
    BACKUP, MAIN, MAIN_ASYNC_LOCAL, MAIN_LOCAL, REPOSITORY_COMMANDS, RETENTION_COMMANDS,
    SFTP_COMMANDS, all, only,
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
    help: "Whoever has it can read everything in the repository, and without it nothing can be \
        restored. Keep a copy away from the database host. Use a long random text, such as `openssl \
        rand -base64 48` prints.\n\n\
        `repo-rekey` changes it. It is refused on the command line, where others could see it. Hosts that reach the repository through `repo-host` do not need it.",
    example: "repo1-cipher-pass=zWaf6XtpjIVZC5444yXB…",
    ..OptionDef::REPOSITORY
};

/// The next passphrase of the repository.
pub const REPO_CIPHER_PASS_NEW: &OptionDef = &OptionDef {
    name: "repo-cipher-pass-new",
    commands: &[only(RepoRekey, MAIN)],
    required: false,
    secure: true,
    ours: true,
    depends: Some(Depend::on("repo-cipher-type", &["aes-256-cbc"])),
    summary: "The next passphrase of the repository.",
    help: "What `repo-rekey` puts in place of `repo-cipher-pass`. Afterwards set `repo-cipher-pass` to \
        it on every host and remove this option. It is refused on the command line, where others \
        could see it; besides the configuration file it can be set in the environment variable \
        `PGKEEP_REPO1_CIPHER_PASS_NEW`.",
    example: "repo1-cipher-pass-new=8qkZ0hVtY0rJ3dLw4mUe…",
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
    help: "With `aes-256-cbc` everything but the file names is encrypted before it leaves the \
        process. It takes little time on current processors.\n\n\
        Decide before `stanza-create`: an existing repository cannot be converted. Instead add a \
        second repository, and either let the first one expire or copy it with `repo-copy`.",
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
    help: "Not supported by pgkeep yet. Only for repositories of format 6, which its authors mark as not \
        for production.",
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
    help: "5 is the format of all versions in use. 6 is marked as not for production by its authors, \
        and refused by pgkeep.",
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
        ones, so that each backup directory looks complete. Only for `repo-type=posix`, and not \
        together with `repo-bundle`.\n\n\
        It saves neither space nor time. Backups must still be restored with the program.",
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
    help: "A directory, or in object stores the beginning of all object names. On the local host it \
        must be writable and must not be inside the data directory. Two local repositories cannot \
        share it.\n\n\
        Choose storage that does not fail together with the database.",
    example: "repo1-path=/backup/db",
    ..OptionDef::REPOSITORY
};

/// Bytes a second that are read from the repository or written to it.
pub const REPO_RATE_LIMIT: &OptionDef = &OptionDef {
    name: "repo-rate-limit",
    kind: Kind::Size,
    commands: &[
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Drill),
        all(RepoCopy),
        all(RepoGet),
        all(RepoRekey),
        all(Restore),
        all(RestoreTable),
        all(Verify),
    ],
    range: Some(Range::Is("1KiB", "1PiB")),
    required: false,
    ours: true,
    summary: "Bytes a second that are read from the repository or written to it.",
    help: "At most so many bytes of its files, as they are stored, are moved in each second: all workers of a \
        run together, reading and writing together. For 1/10 of a second it may be more, and what is \
        read ahead over a network, some MiB, comes at once in the beginning. Unset: no limit.\n\n\
        Each run has the limit for itself: two runs at the same time move twice as much. For a repository \
        on another host the limit holds there as well; over TLS that host uses the one of its own \
        configuration, which alone counts for what `verify` reads there.\n\n\
        `archive-push` and `archive-get` must keep up with PostgreSQL. They heed the limit only if it is \
        meant for them: in a section such as `[global:archive-push]`, in the environment, or on the \
        command line. Neither pgBackRest nor pgkeep when started as `pgbackrest` knows the option.",
    example: "repo1-rate-limit=20MiB",
    ..OptionDef::REPOSITORY
};

/// Create symbolic links in the repository.
pub const REPO_SYMLINK: &OptionDef = &OptionDef {
    name: "repo-symlink",
    commands: RETENTION_COMMANDS,
    default: Default::Is("y"),
    depends: Some(Depend::on("repo-type", &["posix"]).otherwise("n")),
    summary: "Create symbolic links in the repository.",
    help: "By default a link named `latest` points to the newest backup, and each backup has links \
        for its tablespaces. They are for people; the program does not need them.\n\n\
        Turn it off if the file system has no links, or a tool that copies the repository cannot \
        handle them. Other kinds of storage than `posix` never have links.",
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
    help: "Only versions of objects that existed then are read. This recovers backups that were deleted \
        or overwritten later. It needs `--repo` and a bucket that keeps versions, in S3, Azure or GCS. Other storage is refused. \
        Only for commands that read.\n\n\
        The form is `YYYY-MM-DD HH:MM:SS` with an optional fraction and time zone such as `+02`. \
        Without a time zone it is local time.",
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
    help: "`posix` is a directory on this host or on `repo-host`. `cifs` is the same on a mounted \
        SMB share, where no links are made and directories are not flushed. `sftp` is a directory on \
        an SSH server. `s3` is a bucket of Amazon S3 or of a server that speaks its protocol. `azure` is \
        a container of Azure Blob Storage, `gcs` a bucket of Google Cloud Storage.\n\n\
        Options of other kinds are ignored. The content is the same everywhere, so a repository can \
        be copied from one kind to another.",
    example: "repo1-type=sftp",
    ..OptionDef::REPOSITORY
};
