//! Options of many commands: program paths, buffers, compression, workers.
//!
//! What concerns connections is in `network`, logging in `log`.

use crate::define::command::CommandId::{
    Annotate, ArchiveGet, ArchivePush, Backup, Check, Doctor, Expire, Info, Metrics, RepoCopy,
    RepoGet, RepoLs, RepoRekey, RepoRm, Report, Restore, Serve, StanzaCreate, StanzaDelete,
    StanzaUpgrade, Start, Stop, Verify,
};
use crate::define::option::known_to::{
    COMPRESSING_COMMANDS, EVERY_COMMAND, MAIN, MAIN_ASYNC, MAIN_ASYNC_LOCAL, MAIN_LOCAL,
    NETWORK_COMMANDS, WORKER_COMMANDS, all, only,
};
use crate::define::option::{Default, Depend, Kind, OptionDef, Range};

/// Allow running as root.
pub const ALLOW_ROOT: &OptionDef = &OptionDef {
    name: "allow-root",
    commands: EVERY_COMMAND,
    default: Default::Is("n"),
    default_by_command: &[(Restore, "y")],
    summary: "Allow running as root.",
    help: "Files that root makes cannot be read or removed by the user who runs PostgreSQL. So by \
        default every command but `restore` refuses to run as root.\n\n\
        `restore` is allowed, because only root can give files to other owners.",
    example: "allow-root=y",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Allow features that are not finished.
pub const BETA: &OptionDef = &OptionDef {
    name: "beta",
    commands: EVERY_COMMAND,
    default: Default::Is("n"),
    internal: true,
    summary: "Allow features that are not finished.",
    help: "Options marked as beta are refused unless this is set. Their meaning and what they write \
        may change, so do not use them for backups you need.",
    example: "beta=y",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Size of buffers for reading and writing.
pub const BUFFER_SIZE: &OptionDef = &OptionDef {
    name: "buffer-size",
    kind: Kind::Size,
    commands: NETWORK_COMMANDS,
    default: Default::Is("1MiB"),
    allowed: &[
        "16KiB", "32KiB", "64KiB", "128KiB", "256KiB", "512KiB", "1MiB", "2MiB", "4MiB", "8MiB",
        "16MiB",
    ],
    summary: "Size of buffers for reading and writing.",
    help: "Files and the network are read and written in pieces of this size, in bytes unless a \
        suffix such as `KiB` is given. Each worker has several buffers, so memory grows with this \
        value and `process-max`.\n\n\
        Larger buffers may help on a network with much latency, smaller ones where memory is short. \
        Only the listed values are accepted.",
    example: "buffer-size=4MiB",
    ..OptionDef::GLOBAL
};

/// Program as other programs should call it.
pub const CMD: &OptionDef = &OptionDef {
    name: "cmd",
    commands: WORKER_COMMANDS,
    default: Default::Argv0,
    summary: "Program as other programs should call it.",
    help: "The command that `restore` writes into `restore_command`. The default is the path by \
        which the program was started.\n\n\
        Set it if a wrapper must be used, for example to set environment variables. The path of a \
        file may have any characters, which `restore` quotes. Anything else is taken for a command \
        line and written as it is.",
    example: "cmd=/usr/local/bin/pgkeep-wrapper",
    ..OptionDef::GLOBAL
};

/// Compress files (superseded by compress-type).
pub const COMPRESS: &OptionDef = &OptionDef {
    name: "compress",
    commands: &[only(ArchivePush, MAIN), only(Backup, MAIN)],
    default: Default::Is("y"),
    summary: "Compress files (superseded by compress-type).",
    help: "Kept for old configurations: `n` means `compress-type=none`. If both are set, \
        `compress-type` wins and a warning is logged. New configurations should only use \
        `compress-type`.",
    example: "compress=n",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Level of compression.
pub const COMPRESS_LEVEL: &OptionDef = &OptionDef {
    name: "compress-level",
    kind: Kind::Integer,
    commands: COMPRESSING_COMMANDS,
    default: Default::ByOption {
        option: "compress-type",
        values: &[("bz2", "9"), ("gz", "6"), ("lz4", "1"), ("zst", "3")],
    },
    range: Some(Range::ByOption {
        option: "compress-type",
        values: &[
            ("bz2", "1", "9"),
            ("gz", "-1", "9"),
            ("lz4", "-5", "12"),
            ("zst", "-7", "22"),
        ],
    }),
    required: false,
    depends: Some(Depend::on("compress-type", &["bz2", "gz", "lz4", "zst"]).otherwise("0")),
    summary: "Level of compression.",
    help: "Higher levels make smaller files and take more time. The range depends on \
        `compress-type`: gz -1 to 9 (default 6), bz2 1 to 9 (default 9), lz4 -5 to 12 (default 1), \
        zst -7 to 22 (default 3).\n\n\
        High levels take much time for little gain. If backups are slow, try zst or a lower level \
        before more workers. Files can be read whatever level they were written with.",
    example: "compress-level=3",
    ..OptionDef::GLOBAL
};

/// Method of compression.
pub const COMPRESS_TYPE: &OptionDef = &OptionDef {
    name: "compress-type",
    kind: Kind::StringId,
    commands: COMPRESSING_COMMANDS,
    default: Default::Is("gz"),
    allowed: &["none", "bz2", "gz", "lz4", "zst"],
    summary: "Method of compression.",
    help: "Used for backups and WAL. `zst` compresses better and faster than `gz`, `lz4` is the \
        fastest, `bz2` the smallest and slowest; `none` stores files as they are.\n\n\
        It can be changed at any time, and existing files stay readable. A differential or \
        incremental backup keeps the method of the backup it builds on, so a change takes effect \
        with the next full backup. For WAL it takes effect at once.",
    example: "compress-type=zst",
    ..OptionDef::GLOBAL
};

/// Compare files by checksum instead of size and time.
pub const DELTA: &OptionDef = &OptionDef {
    name: "delta",
    commands: &[only(Backup, MAIN), only(Restore, MAIN)],
    default: Default::Is("n"),
    summary: "Compare files by checksum instead of size and time.",
    help: "For `restore`: files in the data directory that match the backup are kept, the others are \
        replaced, and files that do not belong to it are removed. This is usually much faster than \
        restoring everything.\n\n\
        For `backup`: whether a file has changed since the prior backup is decided by its checksum. \
        That is slower, but does not depend on timestamps. It is turned on automatically when \
        timestamps look unreliable or the timeline has changed.",
    example: "delta=y",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Repetitions of a failed file transfer.
pub const JOB_RETRY: &OptionDef = &OptionDef {
    name: "job-retry",
    kind: Kind::Integer,
    commands: WORKER_COMMANDS,
    default: Default::Is("2"),
    default_by_command: &[(ArchiveGet, "1"), (ArchivePush, "1")],
    range: Some(Range::Is("0", "360")),
    internal: true,
    summary: "How often a failed file transfer is retried.",
    help: "A worker that fails to copy a file tries again this many times, the first time at once, \
        then at intervals of `job-retry-interval`. Archive commands use 1, since PostgreSQL repeats \
        them anyway.\n\n\
        Requests to object stores and SFTP servers are also retried singly.",
    example: "job-retry=5",
    ..OptionDef::GLOBAL
};

/// Time between repetitions of a failed file transfer.
pub const JOB_RETRY_INTERVAL: &OptionDef = &OptionDef {
    name: "job-retry-interval",
    kind: Kind::Time,
    commands: WORKER_COMMANDS,
    default: Default::Is("15s"),
    range: Some(Range::Is("0s", "15m")),
    internal: true,
    summary: "Time between retries of a failed file transfer.",
    help: "Seconds unless a suffix is given. The first retry comes at once, each later one after \
        this time.",
    example: "job-retry-interval=30s",
    ..OptionDef::GLOBAL
};

/// Directory of lock and stop files.
pub const LOCK_PATH: &OptionDef = &OptionDef {
    name: "lock-path",
    kind: Kind::Path,
    commands: &[
        all(Annotate),
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Doctor),
        all(Expire),
        all(Info),
        all(Metrics),
        all(RepoCopy),
        all(Report),
        all(Restore),
        all(Serve),
        all(StanzaCreate),
        all(StanzaDelete),
        all(StanzaUpgrade),
        all(Start),
        all(Stop),
    ],
    default: Default::Is("/tmp/pgbackrest"),
    summary: "Directory of lock and stop files.",
    help: "Holds the files that keep two commands of a stanza from running at once on a host, and \
        the stop files. It must be on a local disk, the same for all processes of a host, and \
        writable by all users that run the program. It is created if it is missing.\n\n\
        It may be emptied when the host starts, except that stop files are then lost.",
    example: "lock-path=/run/pgbackrest",
    ..OptionDef::GLOBAL
};

/// Ignore the umask of the user.
pub const NEUTRAL_UMASK: &OptionDef = &OptionDef {
    name: "neutral-umask",
    commands: &[
        all(Annotate),
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Check),
        all(Expire),
        all(RepoCopy),
        all(RepoGet),
        all(RepoLs),
        all(RepoRekey),
        all(RepoRm),
        all(Restore),
        all(StanzaCreate),
        all(StanzaDelete),
        all(StanzaUpgrade),
        all(Start),
        all(Stop),
        all(Verify),
    ],
    default: Default::Is("y"),
    summary: "Ignore the umask of the user.",
    help: "By default the umask is ignored: files and directories in the repository get the modes \
        0640 and 0750, so members of the group can read them.\n\n\
        Turn it off if the umask of the user should apply.",
    example: "neutral-umask=n",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Scheduling priority of the process.
pub const PRIORITY: &OptionDef = &OptionDef {
    name: "priority",
    kind: Kind::Integer,
    commands: EVERY_COMMAND,
    range: Some(Range::Is("-20", "19")),
    required: false,
    summary: "Scheduling priority of the process.",
    help: "A number as for the `nice` command, from -20 (first) to 19 (last). Unset: inherited from \
        the process that starts the command. Only root can use values below the inherited one.\n\n\
        It is for the use of the processor, not of disk or network.",
    example: "priority=10",
    ..OptionDef::GLOBAL
};

/// Number of workers.
pub const PROCESS_MAX: &OptionDef = &OptionDef {
    name: "process-max",
    kind: Kind::Integer,
    commands: &[
        only(ArchiveGet, MAIN_ASYNC),
        only(ArchivePush, MAIN_ASYNC),
        only(Backup, MAIN),
        only(RepoCopy, MAIN),
        only(Restore, MAIN),
        only(Verify, MAIN),
    ],
    default: Default::Is("1"),
    range: Some(Range::Is("1", "999")),
    summary: "Number of workers.",
    help: "Files are compressed, encrypted and transferred by this many workers at the same time. \
        More workers are faster until processor, disk or network are fully used. What they use is \
        not available to PostgreSQL.\n\n\
        For `backup` on a busy primary begin with a quarter of the processors; for `restore` use all \
        of them. A section such as `[global:restore]` sets it for one command.",
    example: "process-max=4",
    ..OptionDef::GLOBAL
};

/// Directory for asynchronous archiving.
pub const SPOOL_PATH: &OptionDef = &OptionDef {
    name: "spool-path",
    kind: Kind::Path,
    commands: &[
        only(ArchiveGet, MAIN_ASYNC_LOCAL),
        only(ArchivePush, MAIN_ASYNC_LOCAL),
        all(Doctor),
        only(Metrics, MAIN),
        only(Report, MAIN),
        only(Restore, MAIN_LOCAL),
        only(Serve, MAIN),
        only(Verify, MAIN),
    ],
    commands_ours: &[Verify],
    default: Default::Is("/var/spool/pgbackrest"),
    internal_for: &[Restore],
    depends_by_command: &[
        (ArchiveGet, Depend::on("archive-async", &["y"])),
        (ArchivePush, Depend::on("archive-async", &["y"])),
        (Doctor, Depend::on("archive-async", &["y"])),
    ],
    summary: "Directory for asynchronous archiving.",
    help: "Has the results of pushed WAL, which are very small, and segments fetched ahead (up to \
        `archive-get-queue-max`). It must be on a local disk and should survive a restart of the \
        host, otherwise segments are pushed a second time.\n\n\
        It is used with `archive-async` only, and by `verify` for what it remembers. `restore` empties the stanza's part of it.",
    example: "spool-path=/var/spool/pgbackrest",
    ..OptionDef::GLOBAL
};
