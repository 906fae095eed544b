//! What is said about a command: its roles, locks, log, parameters and texts.

/// One of the commands, in alphabetical order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommandId {
    /// `annotate`
    Annotate,
    /// `archive-get`
    ArchiveGet,
    /// `archive-push`
    ArchivePush,
    /// `backup`
    Backup,
    /// `check`
    Check,
    /// `demo` (unknown to pgBackRest)
    Demo,
    /// `doctor` (unknown to pgBackRest)
    Doctor,
    /// `drill` (unknown to pgBackRest)
    Drill,
    /// `expire`
    Expire,
    /// `help`
    Help,
    /// `info`
    Info,
    /// `manifest`
    Manifest,
    /// `metrics` (unknown to pgBackRest)
    Metrics,
    /// `repo-copy` (unknown to pgBackRest)
    RepoCopy,
    /// `repo-get`
    RepoGet,
    /// `repo-ls`
    RepoLs,
    /// `repo-rekey` (unknown to pgBackRest)
    RepoRekey,
    /// `repo-rm`
    RepoRm,
    /// `report` (unknown to pgBackRest)
    Report,
    /// `restore`
    Restore,
    /// `restore-table` (unknown to pgBackRest)
    RestoreTable,
    /// `serve` (unknown to pgBackRest)
    Serve,
    /// `server`
    Server,
    /// `server-ping`
    ServerPing,
    /// `sftp-audit` (unknown to pgBackRest)
    SftpAudit,
    /// `sftp-probe` (unknown to pgBackRest)
    SftpProbe,
    /// `sftp-setup` (unknown to pgBackRest)
    SftpSetup,
    /// `stanza-create`
    StanzaCreate,
    /// `stanza-delete`
    StanzaDelete,
    /// `stanza-upgrade`
    StanzaUpgrade,
    /// `start`
    Start,
    /// `stop`
    Stop,
    /// `verify`
    Verify,
    /// `version`
    Version,
}

impl CommandId {
    /// Roles a process of this command can have.
    pub const fn roles(self) -> Roles {
        match self {
            CommandId::ArchiveGet | CommandId::ArchivePush => Roles {
                main: true,
                async_: true,
                local: true,
                remote: true,
            },
            CommandId::Backup | CommandId::Restore | CommandId::Verify => Roles {
                main: true,
                async_: false,
                local: true,
                remote: true,
            },
            // The other one watches over the run.
            CommandId::Drill | CommandId::RestoreTable => Roles {
                main: true,
                async_: true,
                local: false,
                remote: false,
            },
            CommandId::Demo
            | CommandId::Help
            | CommandId::RepoCopy
            | CommandId::RepoRekey
            | CommandId::Report
            | CommandId::Server
            | CommandId::ServerPing
            | CommandId::SftpAudit
            | CommandId::SftpProbe
            | CommandId::SftpSetup
            | CommandId::Start
            | CommandId::Stop
            | CommandId::Version => Roles {
                main: true,
                async_: false,
                local: false,
                remote: false,
            },
            CommandId::Annotate
            | CommandId::Check
            | CommandId::Doctor
            | CommandId::Expire
            | CommandId::Info
            | CommandId::Manifest
            | CommandId::Metrics
            | CommandId::RepoGet
            | CommandId::RepoLs
            | CommandId::RepoRm
            | CommandId::Serve
            | CommandId::StanzaCreate
            | CommandId::StanzaDelete
            | CommandId::StanzaUpgrade => Roles {
                main: true,
                async_: false,
                local: false,
                remote: true,
            },
        }
    }
}

/// What a process of a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Started by the user.
    Main,
    /// Background process of asynchronous archiving; the watch over a drill.
    Async,
    /// Local worker.
    Local,
    /// Works for a process of another host.
    Remote,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 4] = [Role::Main, Role::Async, Role::Local, Role::Remote];

    /// Name as it stands after the colon in `backup:remote`.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Main => "main",
            Role::Async => "async",
            Role::Local => "local",
            Role::Remote => "remote",
        }
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Started by the user.
    pub main: bool,
    /// Background process of asynchronous archiving.
    pub async_: bool,
    /// Local worker.
    pub local: bool,
    /// Works for a process of another host.
    pub remote: bool,
}

impl Roles {
    /// No role.
    pub const NONE: Roles = Roles {
        main: false,
        async_: false,
        local: false,
        remote: false,
    };

    /// Whether `role` is in the set.
    pub const fn has(self, role: Role) -> bool {
        match role {
            Role::Main => self.main,
            Role::Async => self.async_,
            Role::Local => self.local,
            Role::Remote => self.remote,
        }
    }
}

/// Lock files a command uses on its own host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// None.
    None,
    /// `<stanza>-archive-<repo>.lock`.
    Archive,
    /// `<stanza>-backup-<repo>.lock`.
    Backup,
    /// `<stanza>-restore-<repo>.lock`.
    Restore,
    /// Archive, backup and restore.
    All,
}

/// Level of the begin and end lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginLevel {
    /// Written to the log as a matter of course.
    Info,
    /// Only of interest for debugging; output of the command stays clean.
    Debug,
}

/// Host on which a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Repository host or PostgreSQL host.
    Both,
    /// PostgreSQL host only (exit 72 elsewhere).
    Postgres,
    /// Whatever host it is started on; only that one is concerned.
    This,
}

/// Things a command changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Files of a repository.
    Repository,
    /// A PostgreSQL data directory, tablespaces included.
    DataDirectory,
    /// The spool of asynchronous archiving.
    Spool,
    /// The stop file on this host.
    StopFile,
    /// The running cluster: creates a restore point and switches WAL.
    Cluster,
    /// Key files and known hosts of the user who runs it.
    SshFiles,
    /// A directory of its own that nothing else uses.
    ScratchDirectory,
    /// A file that another program collects.
    OutputFile,
}

/// What happens with several repositories and no `--repo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepoUnset {
    /// The command has nothing to do with repositories.
    NotUsed,
    /// All of them, one after the other.
    All,
    /// The first in key order.
    First,
    /// Searched in key order until one fits.
    Search,
    /// An error if there are several.
    Required,
}

/// An exit status with a meaning of its own: neither success (0) nor the code of the error that is shown.
#[derive(Clone, Copy, Debug)]
pub struct ExitStatus {
    /// The number.
    pub status: u8,
    /// Whether only pgkeep ends with it, as for an option that pgBackRest does not have.
    pub ours: bool,
    /// What it says, as a sentence.
    pub meaning: &'static str,
}

impl ExitStatus {
    pub(super) const fn new(status: u8, meaning: &'static str) -> ExitStatus {
        ExitStatus {
            status,
            ours: false,
            meaning,
        }
    }
}

/// One command.
#[derive(Clone, Copy, Debug)]
pub struct CommandDef {
    /// Which command.
    pub id: CommandId,
    /// Name as it is typed.
    pub name: &'static str,
    /// Whether pgBackRest does not know the command; such commands exist only when started as `pgkeep`.
    pub ours: bool,
    /// Whether overviews leave the command out.
    pub internal: bool,
    /// Fewest and most words after the command. Only "most is 0" is for the parser (exit 96); commands check the rest.
    pub parameters: (usize, usize),
    /// Names of the words after the command as usage lines show them; empty: none.
    pub parameter_usage: &'static str,
    /// Locks of the command on its own host.
    pub lock: LockKind,
    /// Whether the locks are taken as soon as the command starts (archive commands: only by the background process).
    pub lock_at_start: bool,
    /// Whether remote process 0 takes the same locks on its host.
    pub lock_remote: bool,
    /// Whether a stop file ends the command (exit 62).
    pub stop_test: bool,
    /// Whether the command writes a log file without being asked on the command line.
    pub log_file: bool,
    /// Whether standard output is for data alone, so that messages for the console go to standard error.
    pub prints_data: bool,
    /// Level of the begin and end lines.
    pub log_level_default: BeginLevel,
    /// Roles a process of the command can have.
    pub roles: Roles,
    /// Host on which it runs.
    pub host: Host,
    /// What it changes.
    pub writes: &'static [Writes],
    /// What happens with several repositories and no `--repo`.
    pub repo_unset: RepoUnset,
    /// Exit statuses besides 0 and the codes of errors; a run without error ends with no other.
    pub exit: &'static [ExitStatus],
    /// One sentence with a full stop.
    pub summary: &'static str,
    /// A few paragraphs separated by an empty line.
    pub help: &'static str,
    /// Complete command lines.
    pub examples: &'static [&'static str],
}

impl CommandDef {
    /// An ordinary command: no parameters, no locks, a log file, begin and end lines at info.
    pub(super) const fn new(id: CommandId, name: &'static str) -> CommandDef {
        CommandDef {
            id,
            name,
            ours: false,
            internal: false,
            parameters: (0, 0),
            parameter_usage: "",
            lock: LockKind::None,
            lock_at_start: false,
            lock_remote: false,
            stop_test: false,
            log_file: true,
            prints_data: false,
            log_level_default: BeginLevel::Info,
            roles: id.roles(),
            host: Host::Both,
            writes: &[],
            repo_unset: RepoUnset::NotUsed,
            exit: &[],
            summary: "",
            help: "",
            examples: &[],
        }
    }
}
