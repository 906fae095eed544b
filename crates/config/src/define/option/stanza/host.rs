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

/// `pg-host`.
pub const PG_HOST: &OptionDef = &OptionDef {
    name: "pg-host",
    commands: CLUSTER_LOCATION,
    required: false,
    internal_for: &[ArchiveGet, ArchivePush, Restore],
    deprecated: &[Deprecated::either("db-host")],
    depends: Some(Depend::on("pg-local", &["n"])),
    summary: "",
    help: "",
    example: "",
    ..HOST
};

/// `pg-host-ca-file`.
pub const PG_HOST_CA_FILE: &OptionDef = &OptionDef {
    name: "pg-host-ca-file",
    required: false,
    summary: "",
    help: "",
    example: "",
    ..TLS
};

/// `pg-host-ca-path`.
pub const PG_HOST_CA_PATH: &OptionDef = &OptionDef {
    name: "pg-host-ca-path",
    required: false,
    summary: "",
    help: "",
    example: "",
    ..TLS
};

/// `pg-host-cert-file`.
pub const PG_HOST_CERT_FILE: &OptionDef = &OptionDef {
    name: "pg-host-cert-file",
    summary: "",
    help: "",
    example: "",
    ..TLS
};

/// `pg-host-cmd`.
pub const PG_HOST_CMD: &OptionDef = &OptionDef {
    name: "pg-host-cmd",
    default: Default::Argv0,
    deprecated: &[Deprecated::either("db-cmd")],
    depends: Some(Depend::on("pg-host-type", &["ssh"])),
    summary: "",
    help: "",
    example: "",
    ..HOST
};

/// `pg-host-config`.
pub const PG_HOST_CONFIG: &OptionDef = &OptionDef {
    name: "pg-host-config",
    kind: Kind::Path,
    default: Default::Is("/etc/pgbackrest/pgbackrest.conf"),
    deprecated: &[Deprecated::either("db-config")],
    summary: "",
    help: "",
    example: "",
    ..HOST
};

/// `pg-host-config-include-path`.
pub const PG_HOST_CONFIG_INCLUDE_PATH: &OptionDef = &OptionDef {
    name: "pg-host-config-include-path",
    kind: Kind::Path,
    default: Default::Is("/etc/pgbackrest/conf.d"),
    summary: "",
    help: "",
    example: "",
    ..HOST
};

/// `pg-host-config-path`.
pub const PG_HOST_CONFIG_PATH: &OptionDef = &OptionDef {
    name: "pg-host-config-path",
    kind: Kind::Path,
    default: Default::Is("/etc/pgbackrest"),
    summary: "",
    help: "",
    example: "",
    ..HOST
};

/// `pg-host-key-file`.
pub const PG_HOST_KEY_FILE: &OptionDef = &OptionDef {
    name: "pg-host-key-file",
    summary: "",
    help: "",
    example: "",
    ..TLS
};

/// `pg-host-port`.
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
    summary: "",
    help: "",
    example: "",
    ..HOST
};

/// `pg-host-type`.
pub const PG_HOST_TYPE: &OptionDef = &OptionDef {
    name: "pg-host-type",
    kind: Kind::StringId,
    default: Default::Is("ssh"),
    allowed: &["ssh", "tls"],
    depends: Some(Depend::set("pg-host")),
    summary: "",
    help: "",
    example: "",
    ..TLS
};

/// `pg-host-user`.
pub const PG_HOST_USER: &OptionDef = &OptionDef {
    name: "pg-host-user",
    default: Default::Is("postgres"),
    required: false,
    deprecated: &[Deprecated::either("db-user")],
    depends: Some(Depend::on("pg-host-type", &["ssh"])),
    summary: "",
    help: "",
    example: "",
    ..HOST
};
