//! Options for repositories on another host with the program installed: address, transport,
//! certificates, the program over there.
//!
//! The mirror image, reaching a PostgreSQL host, is in `stanza::host`.

use crate::define::command::CommandId::{ArchiveGet, ArchivePush};
use crate::define::option::known_to::{MAIN_ASYNC_LOCAL, REPOSITORY_CLIENTS, only};
use crate::define::option::{Default, Depend, Deprecated, Kind, OptionDef, Range};

/// Something about the other host, of use once there is one.
const HOST: OptionDef = OptionDef {
    commands: REPOSITORY_CLIENTS,
    depends: Some(Depend::set("repo-host")),
    ..OptionDef::REPOSITORY
};

/// Something about the SSH connection.
const SSH: OptionDef = OptionDef {
    commands: REPOSITORY_CLIENTS,
    depends: Some(Depend::on("repo-host-type", &["ssh"])),
    ..OptionDef::REPOSITORY
};

/// A file of the TLS client.
const TLS: OptionDef = OptionDef {
    commands: REPOSITORY_CLIENTS,
    depends: Some(Depend::on("repo-host-type", &["tls"])),
    ..OptionDef::REPOSITORY
};

/// Host of the repository.
pub const REPO_HOST: &OptionDef = &OptionDef {
    name: "repo-host",
    required: false,
    deprecated: &[Deprecated::unindexed("backup-host")],
    depends: Some(Depend::on("repo-local", &["n"])),
    summary: "Host of the repository.",
    help: "Set on the PostgreSQL host when the repository is on another host that has the program \
        installed. Unset means that this host opens the repository itself. The connection is made by \
        SSH (the default) or TLS, see `repo-host-type`.\n\n\
        Secrets of the repository are then needed only on that host. Do not set it on the repository \
        host itself, where the cluster is reached with `pg-host`. Both in one configuration are \
        refused.",
    example: "repo1-host=repo.example.com",
    ..TLS
};

/// Authority that signed the repository host's certificate.
pub const REPO_HOST_CA_FILE: &OptionDef = &OptionDef {
    name: "repo-host-ca-file",
    required: false,
    summary: "Authority that signed the repository host's certificate.",
    help: "PEM file with trusted certificates. Unset: those of the operating system, which rarely \
        include the authority of your own certificates.",
    example: "repo1-host-ca-file=/etc/pgbackrest/cert/ca.crt",
    ..TLS
};

/// Directory of authorities for the repository host's certificate.
pub const REPO_HOST_CA_PATH: &OptionDef = &OptionDef {
    name: "repo-host-ca-path",
    required: false,
    summary: "Directory of authorities for the repository host's certificate.",
    help: "Directory with PEM files named by hash, as `openssl rehash` makes it. An alternative to \
        `repo-host-ca-file`.",
    example: "repo1-host-ca-path=/etc/pgbackrest/cert/ca",
    ..TLS
};

/// Certificate shown to the repository host.
pub const REPO_HOST_CERT_FILE: &OptionDef = &OptionDef {
    name: "repo-host-cert-file",
    summary: "Certificate shown to the repository host.",
    help: "PEM file. Its common name must be listed in `tls-server-auth` on that host.",
    example: "repo1-host-cert-file=/etc/pgbackrest/cert/client.crt",
    ..TLS
};

/// Program on the repository host.
pub const REPO_HOST_CMD: &OptionDef = &OptionDef {
    name: "repo-host-cmd",
    default: Default::Argv0,
    deprecated: &[Deprecated::unindexed("backup-cmd")],
    summary: "Program on the repository host.",
    help: "Set it if the program has another path there than here. It must be pgkeep there too, of this \
        release or another one: pgBackRest has a protocol of its own.",
    example: "repo1-host-cmd=/opt/pgkeep/bin/pgkeep",
    ..SSH
};

/// Main configuration file on the repository host.
pub const REPO_HOST_CONFIG: &OptionDef = &OptionDef {
    name: "repo-host-config",
    default: Default::Is("/etc/pgbackrest/pgbackrest.conf"),
    deprecated: &[Deprecated::unindexed("backup-config")],
    summary: "Main configuration file on the repository host.",
    help: "Set it if the file is not in the default place there.",
    example: "repo1-host-config=/opt/pgbackrest/pgbackrest.conf",
    ..HOST
};

/// Directory of further configuration files on the repository host.
pub const REPO_HOST_CONFIG_INCLUDE_PATH: &OptionDef = &OptionDef {
    name: "repo-host-config-include-path",
    kind: Kind::Path,
    default: Default::Is("/etc/pgbackrest/conf.d"),
    summary: "Directory of further configuration files on the repository host.",
    help: "Files in it whose names end in `.conf` are read there in addition to the main file.",
    example: "repo1-host-config-include-path=/opt/pgbackrest/conf.d",
    ..HOST
};

/// Base directory of the configuration on the repository host.
pub const REPO_HOST_CONFIG_PATH: &OptionDef = &OptionDef {
    name: "repo-host-config-path",
    kind: Kind::Path,
    default: Default::Is("/etc/pgbackrest"),
    summary: "Base directory of the configuration on the repository host.",
    help: "Changes the defaults of `repo-host-config` and `repo-host-config-include-path`.",
    example: "repo1-host-config-path=/opt/pgbackrest",
    ..HOST
};

/// Private key of the certificate shown to the repository host.
pub const REPO_HOST_KEY_FILE: &OptionDef = &OptionDef {
    name: "repo-host-key-file",
    summary: "Private key of the certificate shown to the repository host.",
    help: "PEM file without passphrase. Must belong to the user (mode 0600 or less) or to root (mode \
        0640 or less).",
    example: "repo1-host-key-file=/etc/pgbackrest/cert/client.key",
    ..TLS
};

/// How long a connection to the repository host persists for the next segment.
pub const REPO_HOST_PERSIST: &OptionDef = &OptionDef {
    name: "repo-host-persist",
    kind: Kind::Time,
    commands: &[
        only(ArchiveGet, MAIN_ASYNC_LOCAL),
        only(ArchivePush, MAIN_ASYNC_LOCAL),
    ],
    default: Default::Is("10s"),
    range: Some(Range::Is("0s", "10m")),
    required: false,
    ours: true,
    summary: "How long an SSH connection persists for the next WAL segment.",
    help: "When a second segment is pushed or fetched within this time, a process stays that keeps an \
        SSH connection open, as `ControlPersist` of OpenSSH does. The next commands use it through a \
        socket in `lock-path`, which only the same user can use. That saves the login. The process \
        ends when no command has come for this time, and after five minutes in any case. Without it \
        a command connects itself.\n\n\
        Seconds unless a suffix such as `m` is given.\n\n\
        `0s` keeps no connection. None is kept with `archive-async`, because one process moves many \
        segments there.",
    example: "repo1-host-persist=30s",
    ..SSH
};

/// Port on the repository host.
pub const REPO_HOST_PORT: &OptionDef = &OptionDef {
    name: "repo-host-port",
    kind: Kind::Integer,
    default: Default::ByOption {
        option: "repo-host-type",
        values: &[("tls", "8432")],
    },
    range: Some(Range::Is("0", "65535")),
    required: false,
    deprecated: &[Deprecated::unindexed("backup-ssh-port")],
    depends: Some(Depend::on("repo-host-type", &["ssh", "tls"])),
    summary: "Port on the repository host.",
    help: "Port of the SSH server or of the TLS server. Unset: for SSH whatever the client's \
        configuration says, for TLS 8432.",
    example: "repo1-host-port=2222",
    ..TLS
};

/// How to reach the repository host.
pub const REPO_HOST_TYPE: &OptionDef = &OptionDef {
    name: "repo-host-type",
    kind: Kind::StringId,
    default: Default::Is("ssh"),
    allowed: &["ssh", "tls"],
    summary: "How to reach the repository host.",
    help: "`ssh` runs the program there through the SSH client, and the user here needs a key for \
        the user there. `tls` needs the `server` command running there, and certificates, but no \
        login.",
    example: "repo1-host-type=tls",
    ..HOST
};

/// User to log in as on the repository host.
pub const REPO_HOST_USER: &OptionDef = &OptionDef {
    name: "repo-host-user",
    default: Default::Is("pgbackrest"),
    required: false,
    deprecated: &[Deprecated::unindexed("backup-user")],
    summary: "User to log in as on the repository host.",
    help: "For SSH. It should be the owner of the repository, and not the owner of a cluster, so \
        that whoever takes over a database does not get its backups.",
    example: "repo1-host-user=backup",
    ..SSH
};

/// Treat the repository as being on this host.
pub const REPO_LOCAL: &OptionDef = &OptionDef {
    name: "repo-local",
    commands: REPOSITORY_CLIENTS,
    default: Default::Is("n"),
    internal: true,
    summary: "Treat the repository as being on this host.",
    help: "Set by the program for its own child processes. It overrides `repo-host`.",
    example: "repo1-local=y",
    ..OptionDef::REPOSITORY_BOOLEAN
};
