//! Options of WAL archiving: asynchronous operation, queues, timeouts.
//!
//! The checks that backup makes of the archive are in `backup`. Sizes are bytes, times milliseconds
//! once read.

use crate::define::command::CommandId::{ArchiveGet, ArchivePush, Backup, Check};
use crate::define::option::known_to::{ARCHIVE_PUSH, MAIN, MAIN_ASYNC, all, only};
use crate::define::option::{Default, Deprecated, Kind, OptionDef, Range};

/// An option under the heading Archive.
const ARCHIVE: OptionDef = OptionDef {
    help_section: "archive",
    ..OptionDef::GLOBAL
};

/// `archive-async`.
pub const ARCHIVE_ASYNC: &OptionDef = &OptionDef {
    name: "archive-async",
    help_section: "archive",
    commands: &[all(ArchiveGet), all(ArchivePush)],
    default: Default::Is("n"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `archive-get-queue-max`.
pub const ARCHIVE_GET_QUEUE_MAX: &OptionDef = &OptionDef {
    name: "archive-get-queue-max",
    kind: Kind::Size,
    commands: &[only(ArchiveGet, MAIN_ASYNC)],
    default: Default::Is("128MiB"),
    range: Some(Range::Is("0B", "4PiB")),
    summary: "",
    help: "",
    example: "",
    ..ARCHIVE
};

/// `archive-missing-retry`.
pub const ARCHIVE_MISSING_RETRY: &OptionDef = &OptionDef {
    name: "archive-missing-retry",
    help_section: "archive",
    commands: &[only(ArchiveGet, MAIN)],
    default: Default::Is("y"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `archive-push-batch-size`.
pub const ARCHIVE_PUSH_BATCH_SIZE: &OptionDef = &OptionDef {
    name: "archive-push-batch-size",
    kind: Kind::Size,
    commands: ARCHIVE_PUSH,
    default: Default::Is("16GiB"),
    range: Some(Range::Is("1MiB", "4PiB")),
    summary: "",
    help: "",
    example: "",
    ..ARCHIVE
};

/// `archive-push-queue-max`.
pub const ARCHIVE_PUSH_QUEUE_MAX: &OptionDef = &OptionDef {
    name: "archive-push-queue-max",
    kind: Kind::Size,
    commands: ARCHIVE_PUSH,
    range: Some(Range::Is("0B", "4PiB")),
    required: false,
    deprecated: &[Deprecated::unindexed("archive-queue-max")],
    summary: "",
    help: "",
    example: "",
    ..ARCHIVE
};

/// `archive-timeout`.
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
    summary: "",
    help: "",
    example: "",
    ..ARCHIVE
};
