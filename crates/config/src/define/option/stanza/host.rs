//! Options for clusters on other hosts: address, transport, certificates, the program over there.
//!
//! The mirror image, reaching a repository host from a PostgreSQL host, is in `repository::host`.

use crate::define::command::CommandId::{ArchiveGet, ArchivePush, Restore};
use crate::define::option::known_to::{CLUSTER_CLIENTS, CLUSTER_LOCATION};
use crate::define::option::{Default, Depend, Deprecated, Kind, OptionDef, Range, Section};

/// Something about the other host, of use once there is one.
const HOST: OptionDef = OptionDef {
    commands: CLUSTER_CLIENTS,
    depends: Some(Depend::set("pg-host")),
    ..OptionDef::CLUSTER
};

/// A file of the TLS client; may also be in a global section, since one host has one certificate.
const TLS: OptionDef = OptionDef {
    section: Section::Global,
    commands: CLUSTER_CLIENTS,
    depends: Some(Depend::on("pg-host-type", &["tls"])),
    ..OptionDef::CLUSTER
};

/// Host of the cluster.
pub const PG_HOST: &OptionDef = &OptionDef {
    name: "pg-host",
    commands: CLUSTER_LOCATION,
    required: false,
    internal_for: &[ArchiveGet, ArchivePush, Restore],
    deprecated: &[Deprecated::either("db-host")],
    depends: Some(Depend::on("pg-local", &["n"])),
    summary: "Host of the cluster.",
    help: "Set on the repository host when PostgreSQL runs on another host. Unset means this host. The \
        connection is made by SSH (the default) or TLS, see `pg-host-type`.\n\n\
        Do not set it on the PostgreSQL host itself, where the repository is reached with \
        `repo-host`. Both in one configuration are refused.",
    example: "pg1-host=pg1.example.com",
    ..HOST
};

/// Authority that signed the PostgreSQL host's certificate.
pub const PG_HOST_CA_FILE: &OptionDef = &OptionDef {
    name: "pg-host-ca-file",
    required: false,
    summary: "Authority that signed the PostgreSQL host's certificate.",
    help: "PEM file with trusted certificates. Unset: those of the operating system, which rarely \
        include the authority of your own certificates.",
    example: "pg1-host-ca-file=/etc/pgbackrest/cert/ca.crt",
    ..TLS
};

/// Directory of authorities for the PostgreSQL host's certificate.
pub const PG_HOST_CA_PATH: &OptionDef = &OptionDef {
    name: "pg-host-ca-path",
    required: false,
    summary: "Directory of authorities for the PostgreSQL host's certificate.",
    help: "Directory with PEM files named by hash, as `openssl rehash` makes it. An alternative to \
        `pg-host-ca-file`.",
    example: "pg1-host-ca-path=/etc/pgbackrest/cert/ca",
    ..TLS
};

/// Certificate shown to the PostgreSQL host.
pub const PG_HOST_CERT_FILE: &OptionDef = &OptionDef {
    name: "pg-host-cert-file",
    summary: "Certificate shown to the PostgreSQL host.",
    help: "PEM file. Its common name must be listed in `tls-server-auth` on that host.",
    example: "pg1-host-cert-file=/etc/pgbackrest/cert/client.crt",
    ..TLS
};

/// Program on the PostgreSQL host.
pub const PG_HOST_CMD: &OptionDef = &OptionDef {
    name: "pg-host-cmd",
    default: Default::Argv0,
    deprecated: &[Deprecated::either("db-cmd")],
    depends: Some(Depend::on("pg-host-type", &["ssh"])),
    summary: "Program on the PostgreSQL host.",
    help: "Set it if the program has another path there than here. It must be pgkeep there too, of this \
        release or another one: pgBackRest has a protocol of its own.",
    example: "pg1-host-cmd=/opt/pgkeep/bin/pgkeep",
    ..HOST
};

/// Main configuration file on the PostgreSQL host.
pub const PG_HOST_CONFIG: &OptionDef = &OptionDef {
    name: "pg-host-config",
    kind: Kind::Path,
    default: Default::Is("/etc/pgbackrest/pgbackrest.conf"),
    deprecated: &[Deprecated::either("db-config")],
    summary: "Main configuration file on the PostgreSQL host.",
    help: "Set it if the file is not in the default place there.",
    example: "pg1-host-config=/opt/pgbackrest/pgbackrest.conf",
    ..HOST
};

/// Directory of further configuration files on the PostgreSQL host.
pub const PG_HOST_CONFIG_INCLUDE_PATH: &OptionDef = &OptionDef {
    name: "pg-host-config-include-path",
    kind: Kind::Path,
    default: Default::Is("/etc/pgbackrest/conf.d"),
    summary: "Directory of further configuration files on the PostgreSQL host.",
    help: "Files in it whose names end in `.conf` are read there in addition to the main file.",
    example: "pg1-host-config-include-path=/opt/pgbackrest/conf.d",
    ..HOST
};

/// Base directory of the configuration on the PostgreSQL host.
pub const PG_HOST_CONFIG_PATH: &OptionDef = &OptionDef {
    name: "pg-host-config-path",
    kind: Kind::Path,
    default: Default::Is("/etc/pgbackrest"),
    summary: "Base directory of the configuration on the PostgreSQL host.",
    help: "Changes the defaults of `pg-host-config` and `pg-host-config-include-path`.",
    example: "pg1-host-config-path=/opt/pgbackrest",
    ..HOST
};

/// Private key of the certificate shown to the PostgreSQL host.
pub const PG_HOST_KEY_FILE: &OptionDef = &OptionDef {
    name: "pg-host-key-file",
    summary: "Private key of the certificate shown to the PostgreSQL host.",
    help: "PEM file without passphrase. Must belong to the user (mode 0600 or less) or to root (mode \
        0640 or less).",
    example: "pg1-host-key-file=/etc/pgbackrest/cert/client.key",
    ..TLS
};

/// Port on the PostgreSQL host.
pub const PG_HOST_PORT: &OptionDef = &OptionDef {
    name: "pg-host-port",
    kind: Kind::Integer,
    default: Default::ByOption {
        option: "pg-host-type",
        values: &[("tls", "8432")],
    },
    range: Some(Range::Is("0", "65535")),
    required: false,
    deprecated: &[Deprecated::either("db-ssh-port")],
    depends: Some(Depend::on("pg-host-type", &["ssh", "tls"])),
    summary: "Port on the PostgreSQL host.",
    help: "Port of the SSH server or of the TLS server. Unset: for SSH whatever the client's \
        configuration says, for TLS 8432.",
    example: "pg1-host-port=2222",
    ..HOST
};

/// How to reach the PostgreSQL host.
pub const PG_HOST_TYPE: &OptionDef = &OptionDef {
    name: "pg-host-type",
    kind: Kind::StringId,
    default: Default::Is("ssh"),
    allowed: &["ssh", "tls"],
    depends: Some(Depend::set("pg-host")),
    summary: "How to reach the PostgreSQL host.",
    help: "`ssh` runs the program there through the SSH client, and the user here needs a key for \
        the user there. `tls` needs the `server` command running there, and certificates, but no \
        login.",
    example: "pg1-host-type=tls",
    ..TLS
};

/// User to log in as on the PostgreSQL host.
pub const PG_HOST_USER: &OptionDef = &OptionDef {
    name: "pg-host-user",
    default: Default::Is("postgres"),
    required: false,
    deprecated: &[Deprecated::either("db-user")],
    depends: Some(Depend::on("pg-host-type", &["ssh"])),
    summary: "User to log in as on the PostgreSQL host.",
    help: "For SSH. It should be the owner of the cluster, because the data directory must be \
        readable. With TLS it has no meaning: the user who runs the server counts.",
    example: "pg1-host-user=postgres",
    ..HOST
};
