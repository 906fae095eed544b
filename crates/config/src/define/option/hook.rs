//! Options of hooks: programs that are run after an event. pgBackRest does not know them.

use crate::define::command::CommandId::{ArchivePush, Backup, Drill, Expire, Verify};
use crate::define::option::known_to::{MAIN, only};
use crate::define::option::{Default, Kind, OptionDef, Range};

/// A program.
const HOOK: OptionDef = OptionDef {
    kind: Kind::Path,
    required: false,
    ours: true,
    ..OptionDef::GLOBAL
};

/// Program to run when archiving begins to fail, and when it works again.
pub const HOOK_ARCHIVE: &OptionDef = &OptionDef {
    name: "hook-archive",
    commands: &[only(ArchivePush, MAIN)],
    summary: "Program to run when archiving begins to fail, and when it works again.",
    help: "Run by `archive-push` after the first push that failed, or that dropped WAL by \
        `archive-push-queue-max`, and after the first that went well again. Pushes in between run nothing. \
        What was told is remembered by a file in `lock-path`. If the program fails when it is told of the \
        beginning, a push that fails ten minutes later runs it again.\n\n\
        Otherwise as `hook-backup`. PostgreSQL waits for the program both times, for `hook-timeout` at most.",
    example: "hook-archive=/etc/pgbackrest/hook",
    ..HOOK
};

/// Program to run after each backup.
pub const HOOK_BACKUP: &OptionDef = &OptionDef {
    name: "hook-backup",
    commands: &[only(Backup, MAIN)],
    summary: "Program to run after each backup.",
    help: "Run after a backup that went well, and after one that failed. It gets the facts as a JSON object on \
        standard input: event, stanza, host, outcome, exit code, error, label, sizes and times. It is the path \
        of a program, without arguments and without a shell. Locks are released by then.\n\n\
        The program cannot change how the command ends. If it fails, cannot be started or does not end in \
        time, there is a warning in the log. Its environment has no variables but `HOME`, `PATH`, `TMPDIR`, \
        `USER`, `LOGNAME`, and `HOOK_EVENT`, `HOOK_OUTCOME` and `HOOK_STANZA`. Its output goes nowhere, and \
        of its errors the warning has the beginning.\n\n\
        It is not run with `dry-run`, nor where the options of the command are refused.",
    example: "hook-backup=/etc/pgbackrest/hook",
    ..HOOK
};

/// Program to run after each drill.
pub const HOOK_DRILL: &OptionDef = &OptionDef {
    name: "hook-drill",
    commands: &[only(Drill, MAIN)],
    summary: "Program to run after each drill.",
    help: "As `hook-backup`. The facts are times, the moment reached, and the result of each proof.",
    example: "hook-drill=/etc/pgbackrest/hook",
    ..HOOK
};

/// Program to run after each expire.
pub const HOOK_EXPIRE: &OptionDef = &OptionDef {
    name: "hook-expire",
    commands: &[only(Backup, MAIN), only(Expire, MAIN)],
    summary: "Program to run after each expire.",
    help: "As `hook-backup`, also after the `expire` that follows a backup. The facts are the labels of \
        expired backups, and how much WAL went.",
    example: "hook-expire=/etc/pgbackrest/hook",
    ..HOOK
};

/// How long a hook may take.
pub const HOOK_TIMEOUT: &OptionDef = &OptionDef {
    name: "hook-timeout",
    kind: Kind::Time,
    commands: &[
        only(ArchivePush, MAIN),
        only(Backup, MAIN),
        only(Drill, MAIN),
        only(Expire, MAIN),
        only(Verify, MAIN),
    ],
    default: Default::Is("30s"),
    range: Some(Range::Is("100ms", "1h")),
    summary: "How long a hook may take.",
    help: "The command waits so long for the program. Then the program is killed, with the processes that it \
        has started, and a warning says so. Seconds unless a suffix such as `ms` or `m` is given.",
    example: "hook-timeout=10s",
    ..HOOK
};

/// Program to run after each verify.
pub const HOOK_VERIFY: &OptionDef = &OptionDef {
    name: "hook-verify",
    commands: &[only(Verify, MAIN)],
    summary: "Program to run after each verify.",
    help: "As `hook-backup`. The outcome is `failed` if something is not in order. The facts are, for each \
        repository, how much was read and how much is not in order.",
    example: "hook-verify=/etc/pgbackrest/hook",
    ..HOOK
};
