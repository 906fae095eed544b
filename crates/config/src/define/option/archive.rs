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
    help: "With this option `archive-push` hands segments to a background process that pushes \
        many at once, and `archive-get` fetches the next segments ahead into the spool \
        directory. Without it each call moves exactly one file.\n\n\
        Turn it on when the cluster writes WAL faster than single pushes can follow, or when \
        the repository is far away. The number of workers is `process-max`.\n\n\
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
        directory. The background process is started again when the queue is less than half \
        full.\n\n\
        With the default of 128MiB eight segments of 16MiB are kept. Raise it when recovery \
        waits for WAL, and make sure the spool directory has the room.",
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
    help: "PostgreSQL takes every exit status of `restore_command` from 1 to 125 for the end of \
        the archive: unless it is a standby, it ends recovery there and opens the cluster \
        without what came after. With this option `archive-get` turns every error into 126, at \
        which the server stops and leaves the cluster in recovery. Mend the archive and start \
        it again. 1 still means that no repository has the file.\n\n\
        Given to `restore`, it is written into `restore_command`, where it also covers errors \
        of the configuration. Not for a standby: one that is to wait until the repository is \
        back would stop as well.",
    example: "--archive-get-strict",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Ask again for WAL that was missing before.
pub const ARCHIVE_MISSING_RETRY: &OptionDef = &OptionDef {
    name: "archive-missing-retry",
    help_section: "archive",
    commands: &[only(ArchiveGet, MAIN)],
    default: Default::Is("y"),
    summary: "Ask again for WAL that was missing before.",
    help: "With asynchronous fetching the background process notes which segments no repository \
        had. By default such a note is not trusted and the repositories are asked again, \
        because the segment may have been pushed in the meantime.\n\n\
        Turning it off spares the request, at the risk that a standby stops at a segment that \
        has arrived by now.",
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
    help: "Limit in bytes for the segments that one asynchronous background process pushes before \
        it ends; the next call of `archive_command` starts a new one. At least one segment is \
        always pushed.\n\n\
        Restarting now and then makes changed settings effective and keeps a long backlog from \
        being handled by one process for hours.",
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
        throws them away and reports success, so that PostgreSQL can recycle them and the disk \
        does not fill up.\n\n\
        WAL dropped means that point-in-time recovery is interrupted until the next backup; a \
        warning is logged for each segment. Leave the option unset if keeping every segment \
        matters more than keeping the cluster running, and monitor the disk.",
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
    help: "How long `backup` and `check` wait for a segment to arrive in the archive, and how \
        long asynchronous `archive-push` and `archive-get` wait for their background process. \
        In milliseconds with suffix `ms`, otherwise seconds unless another suffix is given.\n\n\
        A backup that fails here usually means that `archive_command` fails: look at the \
        PostgreSQL log before raising the value.",
    example: "archive-timeout=5m",
    ..ARCHIVE
};
