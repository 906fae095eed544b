//! Options of WAL archiving: asynchronous operation, queues, timeouts.
//!
//! The checks that backup makes of the archive are in `backup`. Sizes are bytes, times milliseconds
//! once read.

use crate::define::command::CommandId::{ArchiveGet, ArchivePush, Backup, Check, Doctor, Restore};
use crate::define::option::known_to::{ARCHIVE_PUSH, MAIN, MAIN_ASYNC, all, only};
use crate::define::option::{Default, Deprecated, Kind, OptionDef, Range};

/// An option under the heading Archive.
const ARCHIVE: OptionDef = OptionDef {
    help_section: "archive",
    ..OptionDef::GLOBAL
};

/// Push and fetch WAL in the background.
pub const ARCHIVE_ASYNC: &OptionDef = &OptionDef {
    name: "archive-async",
    help_section: "archive",
    commands: &[all(ArchiveGet), all(ArchivePush), all(Doctor)],
    default: Default::Is("n"),
    summary: "Push and fetch WAL in the background.",
    help: "With this option `archive-push` leaves segments to a background process that pushes many \
        at once, and `archive-get` fetches the next segments ahead into the spool directory. Without \
        it each call moves exactly one file.\n\n\
        Turn it on when the cluster writes WAL faster than single pushes can follow, or when the \
        network to the repository has much latency. The number of workers is `process-max`.\n\n\
        Needs `spool-path` on a local disk that survives restarts, and `pg1-path`.",
    example: "archive-async=y",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Size of the queue of WAL fetched ahead.
pub const ARCHIVE_GET_QUEUE_MAX: &OptionDef = &OptionDef {
    name: "archive-get-queue-max",
    kind: Kind::Size,
    commands: &[only(ArchiveGet, MAIN_ASYNC)],
    default: Default::Is("128MiB"),
    range: Some(Range::Is("0B", "4PiB")),
    summary: "Size of the queue of WAL fetched ahead.",
    help: "Limit in bytes for the segments that asynchronous `archive-get` keeps in the spool \
        directory. When the queue is less than half full, the background process is started again.\n\n\
        The default of 128MiB has room for eight segments of 16MiB. Raise it when recovery waits for \
        WAL, and make sure that the spool directory has the space.",
    example: "archive-get-queue-max=1GiB",
    ..ARCHIVE
};

/// Make the server stop when the archive cannot be read.
pub const ARCHIVE_GET_STRICT: &OptionDef = &OptionDef {
    name: "archive-get-strict",
    help_section: "archive",
    commands: &[only(ArchiveGet, MAIN), only(Restore, MAIN)],
    default: Default::Is("n"),
    ours: true,
    summary: "Make the server stop when the archive cannot be read.",
    help: "PostgreSQL takes every exit status of `restore_command` from 1 to 125 for the end of the \
        archive. Unless it is a standby, it ends recovery there and opens the cluster without what \
        came after. With this option `archive-get` ends with 126 at every error, and then the server \
        stops and leaves the cluster in recovery. Repair the archive and start the server again. 1 \
        still means that no repository has the file.\n\n\
        Given to `restore`, it is written into `restore_command`, where it also covers errors of the \
        configuration. Do not use it for a standby, which would stop too instead of waiting for the \
        repository.",
    example: "--archive-get-strict",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Look again for WAL that was missing before.
pub const ARCHIVE_MISSING_RETRY: &OptionDef = &OptionDef {
    name: "archive-missing-retry",
    help_section: "archive",
    commands: &[only(ArchiveGet, MAIN)],
    default: Default::Is("y"),
    summary: "Look again for WAL that was missing before.",
    help: "With `archive-async` the background process records which segments no repository had. By \
        default `archive-get` does not rely on that record and looks in the repositories again, \
        because the segment may have arrived in the meantime.\n\n\
        Turning it off saves that look, at the risk that a standby waits for a segment that has \
        arrived by now.",
    example: "archive-missing-retry=n",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Amount of WAL one background push takes on.
pub const ARCHIVE_PUSH_BATCH_SIZE: &OptionDef = &OptionDef {
    name: "archive-push-batch-size",
    kind: Kind::Size,
    commands: ARCHIVE_PUSH,
    default: Default::Is("16GiB"),
    range: Some(Range::Is("1MiB", "4PiB")),
    summary: "Amount of WAL one background push takes on.",
    help: "Limit in bytes for the segments that one background process of `archive-async` pushes \
        before it ends. The next call of `archive_command` starts a new one. At least one segment is \
        always pushed.\n\n\
        A new process reads the configuration again, so changed settings take effect even while \
        there is a long backlog.",
    example: "archive-push-batch-size=4GiB",
    ..ARCHIVE
};

/// Size of waiting WAL at which WAL is dropped.
pub const ARCHIVE_PUSH_QUEUE_MAX: &OptionDef = &OptionDef {
    name: "archive-push-queue-max",
    kind: Kind::Size,
    commands: ARCHIVE_PUSH,
    range: Some(Range::Is("0B", "4PiB")),
    required: false,
    deprecated: &[Deprecated::unindexed("archive-queue-max")],
    summary: "Size of waiting WAL at which WAL is dropped.",
    help: "When the segments waiting to be archived exceed this number of bytes, `archive-push` \
        drops them and reports success, so that PostgreSQL can remove them and the disk does not \
        fill up.\n\n\
        Dropped WAL is a gap: no moment between the gap and the next backup can be restored. A \
        warning is logged for each segment. Leave the option unset if keeping every segment matters \
        more than keeping the cluster running, and monitor the disk.",
    example: "archive-push-queue-max=100GiB",
    ..ARCHIVE
};

/// Time to wait for WAL to be archived or fetched.
pub const ARCHIVE_TIMEOUT: &OptionDef = &OptionDef {
    name: "archive-timeout",
    kind: Kind::Time,
    commands: &[
        only(ArchiveGet, MAIN),
        only(ArchivePush, MAIN),
        only(Backup, MAIN),
        only(Check, MAIN),
    ],
    default: Default::Is("1m"),
    range: Some(Range::Is("100ms", "1d")),
    summary: "Time to wait for WAL to be archived or fetched.",
    help: "How long `backup` and `check` wait for a segment to arrive in the archive, and how long \
        asynchronous `archive-push` and `archive-get` wait for their background process. Seconds \
        unless a suffix such as `ms` or `m` is given.\n\n\
        A backup that fails here usually means that `archive_command` fails. Look at the PostgreSQL \
        log before you raise the value.",
    example: "archive-timeout=5m",
    ..ARCHIVE
};
