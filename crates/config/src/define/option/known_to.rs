//! Who knows an option: lists of commands and roles that several options share.
//!
//! A list that only one option has stands in its definition. Invariant: sorted by command.

use super::CommandRoles;
use crate::define::command::CommandId::{self, *};
use crate::define::command::Roles;

/// The process the user started.
pub(super) const MAIN: Roles = Roles {
    main: true,
    ..Roles::NONE
};
/// Main process and background process of archiving.
pub(super) const MAIN_ASYNC: Roles = Roles {
    async_: true,
    ..MAIN
};
/// Main process and local workers.
pub(super) const MAIN_LOCAL: Roles = Roles {
    local: true,
    ..MAIN
};
/// All but the process on the other host.
pub(super) const MAIN_ASYNC_LOCAL: Roles = Roles {
    local: true,
    ..MAIN_ASYNC
};
/// Local workers.
pub(super) const LOCAL: Roles = Roles {
    local: true,
    ..Roles::NONE
};
/// The process on the other host.
pub(super) const REMOTE: Roles = Roles {
    remote: true,
    ..Roles::NONE
};
/// Local workers and the process on the other host.
pub(super) const LOCAL_REMOTE: Roles = Roles {
    local: true,
    ..REMOTE
};

/// Every role of `command`.
pub(super) const fn all(command: CommandId) -> CommandRoles {
    CommandRoles::all(command)
}

/// The roles of `command` that are in `roles`.
pub(super) const fn only(command: CommandId, roles: Roles) -> CommandRoles {
    CommandRoles::only(command, roles)
}

/// All commands but `demo`, `help` and `version`.
pub(super) const EVERY_COMMAND: &[CommandRoles] = &[
    all(Annotate),
    all(ArchiveGet),
    all(ArchivePush),
    all(Backup),
    all(Check),
    all(Doctor),
    all(Drill),
    all(Expire),
    all(Info),
    all(Manifest),
    all(Metrics),
    all(RepoCopy),
    all(RepoGet),
    all(RepoLs),
    all(RepoRekey),
    all(RepoRm),
    all(Report),
    all(Restore),
    all(RestoreTable),
    all(Serve),
    all(Server),
    all(ServerPing),
    all(SftpAudit),
    all(SftpProbe),
    all(SftpSetup),
    all(StanzaCreate),
    all(StanzaDelete),
    all(StanzaUpgrade),
    all(Start),
    all(Stop),
    all(Verify),
];

/// Commands that open a repository.
pub(super) const REPOSITORY_COMMANDS: &[CommandRoles] = &[
    all(Annotate),
    all(ArchiveGet),
    all(ArchivePush),
    all(Backup),
    all(Check),
    all(Doctor),
    all(Drill),
    all(Expire),
    all(Info),
    all(Manifest),
    all(Metrics),
    all(RepoCopy),
    all(RepoGet),
    all(RepoLs),
    all(RepoRekey),
    all(RepoRm),
    all(Report),
    all(Restore),
    all(RestoreTable),
    all(Serve),
    all(SftpAudit),
    all(SftpProbe),
    all(StanzaCreate),
    all(StanzaDelete),
    all(StanzaUpgrade),
    all(Verify),
];

/// Commands that open a repository, or prepare one on an SFTP server.
pub(super) const SFTP_COMMANDS: &[CommandRoles] = &[
    all(Annotate),
    all(ArchiveGet),
    all(ArchivePush),
    all(Backup),
    all(Check),
    all(Doctor),
    all(Drill),
    all(Expire),
    all(Info),
    all(Manifest),
    all(Metrics),
    all(RepoCopy),
    all(RepoGet),
    all(RepoLs),
    all(RepoRekey),
    all(RepoRm),
    all(Report),
    all(Restore),
    all(RestoreTable),
    all(Serve),
    all(SftpAudit),
    all(SftpProbe),
    all(SftpSetup),
    all(StanzaCreate),
    all(StanzaDelete),
    all(StanzaUpgrade),
    all(Verify),
];

/// Processes that may have to connect to a repository host.
pub(super) const REPOSITORY_CLIENTS: &[CommandRoles] = &[
    only(Annotate, MAIN),
    only(ArchiveGet, MAIN_ASYNC_LOCAL),
    only(ArchivePush, MAIN_ASYNC_LOCAL),
    only(Backup, MAIN_LOCAL),
    only(Check, MAIN),
    only(Doctor, MAIN),
    only(Drill, MAIN),
    only(Expire, MAIN),
    only(Info, MAIN),
    only(Manifest, MAIN),
    only(Metrics, MAIN),
    only(RepoGet, MAIN),
    only(RepoLs, MAIN),
    only(RepoRm, MAIN),
    only(Report, MAIN),
    only(Restore, MAIN_LOCAL),
    only(RestoreTable, MAIN),
    only(Serve, MAIN),
    only(StanzaCreate, MAIN),
    only(StanzaDelete, MAIN),
    only(StanzaUpgrade, MAIN),
    only(Verify, MAIN_LOCAL),
];

/// Commands that may use the network.
pub(super) const NETWORK_COMMANDS: &[CommandRoles] = &[
    all(Annotate),
    all(ArchiveGet),
    all(ArchivePush),
    all(Backup),
    all(Check),
    all(Doctor),
    all(Drill),
    all(Expire),
    all(Info),
    all(Manifest),
    all(Metrics),
    all(RepoCopy),
    all(RepoGet),
    all(RepoLs),
    all(RepoRekey),
    all(RepoRm),
    all(Report),
    all(Restore),
    all(RestoreTable),
    all(Serve),
    all(Server),
    all(ServerPing),
    all(SftpAudit),
    all(SftpProbe),
    all(StanzaCreate),
    all(StanzaDelete),
    all(StanzaUpgrade),
    all(Verify),
];

/// Commands that connect to a cluster.
pub(super) const DATABASE_COMMANDS: &[CommandRoles] = &[
    all(Backup),
    all(Check),
    all(Doctor),
    all(RestoreTable),
    all(StanzaCreate),
    all(StanzaDelete),
    all(StanzaUpgrade),
];

/// Processes that may have to connect to a PostgreSQL host.
pub(super) const CLUSTER_CLIENTS: &[CommandRoles] = &[
    only(Backup, MAIN_LOCAL),
    only(Check, MAIN),
    only(Doctor, MAIN),
    only(Manifest, MAIN),
    only(StanzaCreate, MAIN),
    only(StanzaDelete, MAIN),
    only(StanzaUpgrade, MAIN),
];

/// Processes that must know whether a cluster is on this host.
pub(super) const CLUSTER_LOCATION: &[CommandRoles] = &[
    only(ArchiveGet, MAIN_ASYNC_LOCAL),
    only(ArchivePush, MAIN_ASYNC_LOCAL),
    only(Backup, MAIN_LOCAL),
    only(Check, MAIN),
    only(Doctor, MAIN),
    only(Manifest, MAIN),
    only(Restore, MAIN_LOCAL),
    only(StanzaCreate, MAIN),
    only(StanzaDelete, MAIN),
    only(StanzaUpgrade, MAIN),
];

/// Commands that hand file jobs to workers.
pub(super) const WORKER_COMMANDS: &[CommandRoles] = &[
    only(ArchiveGet, MAIN_ASYNC_LOCAL),
    only(ArchivePush, MAIN_ASYNC_LOCAL),
    only(Backup, MAIN_LOCAL),
    only(Drill, MAIN),
    only(Restore, MAIN_LOCAL),
    only(RestoreTable, MAIN),
    only(Verify, MAIN_LOCAL),
];

/// Processes started by another process of the program.
pub(super) const CHILD_PROCESSES: &[CommandRoles] = &[
    only(Annotate, REMOTE),
    only(ArchiveGet, LOCAL_REMOTE),
    only(ArchivePush, LOCAL_REMOTE),
    only(Backup, LOCAL_REMOTE),
    only(Check, REMOTE),
    only(Doctor, REMOTE),
    only(Expire, REMOTE),
    only(Info, REMOTE),
    only(Manifest, REMOTE),
    only(Metrics, REMOTE),
    only(RepoGet, REMOTE),
    only(RepoLs, REMOTE),
    only(RepoRm, REMOTE),
    only(Restore, LOCAL_REMOTE),
    only(Serve, REMOTE),
    only(StanzaCreate, REMOTE),
    only(StanzaDelete, REMOTE),
    only(StanzaUpgrade, REMOTE),
    only(Verify, LOCAL_REMOTE),
];

/// Processes on the other host.
pub(super) const SERVED_COMMANDS: &[CommandRoles] = &[
    only(Annotate, REMOTE),
    only(ArchiveGet, REMOTE),
    only(ArchivePush, REMOTE),
    only(Backup, REMOTE),
    only(Check, REMOTE),
    only(Expire, REMOTE),
    only(Info, REMOTE),
    only(Manifest, REMOTE),
    only(Metrics, REMOTE),
    only(RepoGet, REMOTE),
    only(RepoLs, REMOTE),
    only(RepoRm, REMOTE),
    only(Restore, REMOTE),
    only(Serve, REMOTE),
    only(StanzaCreate, REMOTE),
    only(StanzaDelete, REMOTE),
    only(StanzaUpgrade, REMOTE),
    only(Verify, REMOTE),
];

/// Commands that remove old backups, or check that something will.
pub(super) const RETENTION_COMMANDS: &[CommandRoles] =
    &[only(Backup, MAIN), only(Doctor, MAIN), only(Expire, MAIN)];

/// Commands that write compressed files.
pub(super) const COMPRESSING_COMMANDS: &[CommandRoles] =
    &[only(ArchivePush, MAIN_ASYNC), only(Backup, MAIN)];

/// Commands that check the archiving settings of a cluster.
pub(super) const ARCHIVE_CHECKS: &[CommandRoles] = &[
    only(ArchivePush, MAIN_ASYNC),
    only(Backup, MAIN),
    only(Check, MAIN),
    only(Doctor, MAIN),
];

/// `archive-push`, in the foreground and in the background.
pub(super) const ARCHIVE_PUSH: &[CommandRoles] = &[only(ArchivePush, MAIN_ASYNC)];

/// `backup`.
pub(super) const BACKUP: &[CommandRoles] = &[only(Backup, MAIN)];

/// `expire`.
pub(super) const EXPIRE: &[CommandRoles] = &[only(Expire, MAIN)];

/// `restore`.
pub(super) const RESTORE: &[CommandRoles] = &[only(Restore, MAIN)];

/// Commands that choose how far recovery goes.
pub(super) const RECOVERING: &[CommandRoles] = &[
    only(Drill, MAIN),
    only(Restore, MAIN),
    only(RestoreTable, MAIN),
];

/// `repo-get`.
pub(super) const REPO_GET: &[CommandRoles] = &[only(RepoGet, MAIN)];

/// `help`.
pub(super) const HELP_COMMAND: &[CommandRoles] = &[all(Help)];

/// `server`.
pub(super) const SERVER: &[CommandRoles] = &[all(Server)];

/// `server` and its test.
pub(super) const SERVER_AND_PING: &[CommandRoles] = &[all(Server), all(ServerPing)];
