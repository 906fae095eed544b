//! Options for repositories on another host with the program installed: address, transport,
//! certificates, the program over there.
//!
//! The mirror image, reaching a PostgreSQL host, is in `stanza::host`.

use crate::define::option::known_to::REPOSITORY_CLIENTS;
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

/// `repo-host`.
pub const REPO_HOST: &OptionDef = &OptionDef {
    name: "repo-host",
    required: false,
    deprecated: &[Deprecated::unindexed("backup-host")],
    depends: Some(Depend::on("repo-local", &["n"])),
    summary: "",
    help: "",
    example: "",
    ..TLS
};

/// `repo-host-ca-file`.
pub const REPO_HOST_CA_FILE: &OptionDef = &OptionDef {
    name: "repo-host-ca-file",
    required: false,
    summary: "",
    help: "",
    example: "",
    ..TLS
};

/// `repo-host-ca-path`.
pub const REPO_HOST_CA_PATH: &OptionDef = &OptionDef {
    name: "repo-host-ca-path",
    required: false,
    summary: "",
    help: "",
    example: "",
    ..TLS
};

/// `repo-host-cert-file`.
pub const REPO_HOST_CERT_FILE: &OptionDef = &OptionDef {
    name: "repo-host-cert-file",
    summary: "",
    help: "",
    example: "",
    ..TLS
};

/// `repo-host-cmd`.
pub const REPO_HOST_CMD: &OptionDef = &OptionDef {
    name: "repo-host-cmd",
    default: Default::Argv0,
    deprecated: &[Deprecated::unindexed("backup-cmd")],
    summary: "",
    help: "",
    example: "",
    ..SSH
};

/// `repo-host-config`.
pub const REPO_HOST_CONFIG: &OptionDef = &OptionDef {
    name: "repo-host-config",
    default: Default::Is("/etc/pgbackrest/pgbackrest.conf"),
    deprecated: &[Deprecated::unindexed("backup-config")],
    summary: "",
    help: "",
    example: "",
    ..HOST
};

/// `repo-host-config-include-path`.
pub const REPO_HOST_CONFIG_INCLUDE_PATH: &OptionDef = &OptionDef {
    name: "repo-host-config-include-path",
    kind: Kind::Path,
    default: Default::Is("/etc/pgbackrest/conf.d"),
    summary: "",
    help: "",
    example: "",
    ..HOST
};

/// `repo-host-config-path`.
pub const REPO_HOST_CONFIG_PATH: &OptionDef = &OptionDef {
    name: "repo-host-config-path",
    kind: Kind::Path,
    default: Default::Is("/etc/pgbackrest"),
    summary: "",
    help: "",
    example: "",
    ..HOST
};

/// `repo-host-key-file`.
pub const REPO_HOST_KEY_FILE: &OptionDef = &OptionDef {
    name: "repo-host-key-file",
    summary: "",
    help: "",
    example: "",
    ..TLS
};

/// `repo-host-port`.
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
    summary: "",
    help: "",
    example: "",
    ..TLS
};

/// `repo-host-type`.
pub const REPO_HOST_TYPE: &OptionDef = &OptionDef {
    name: "repo-host-type",
    kind: Kind::StringId,
    default: Default::Is("ssh"),
    allowed: &["ssh", "tls"],
    summary: "",
    help: "",
    example: "",
    ..HOST
};

/// `repo-host-user`.
pub const REPO_HOST_USER: &OptionDef = &OptionDef {
    name: "repo-host-user",
    default: Default::Is("pgbackrest"),
    required: false,
    deprecated: &[Deprecated::unindexed("backup-user")],
    summary: "",
    help: "",
    example: "",
    ..SSH
};

/// `repo-local`.
pub const REPO_LOCAL: &OptionDef = &OptionDef {
    name: "repo-local",
    commands: REPOSITORY_CLIENTS,
    default: Default::Is("n"),
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::REPOSITORY_BOOLEAN
};
