//! Options of connections: timeouts, keep-alive, TLS cipher lists, compression between hosts.
//!
//! Addresses and credentials of single hosts are in `stanza` and `repository`. Times are
//! milliseconds once read.

use crate::define::command::CommandId::{
    Annotate, ArchiveGet, ArchivePush, Backup, Check, Expire, Info, Manifest, RepoGet, RepoLs,
    RepoRm, Restore, Server, StanzaCreate, StanzaDelete, StanzaUpgrade, Verify,
};
use crate::define::option::known_to::{
    DATABASE_COMMANDS, NETWORK_COMMANDS, REPOSITORY_CLIENTS, all,
};
use crate::define::option::{Default, Depend, Kind, OptionDef, Range};

/// A setting of the kernel for idle TCP connections.
const KEEP_ALIVE: OptionDef = OptionDef {
    kind: Kind::Integer,
    commands: NETWORK_COMMANDS,
    required: false,
    depends: Some(Depend::on("sck-keep-alive", &["y"])),
    ..OptionDef::GLOBAL
};

/// `cmd-ssh`.
pub const CMD_SSH: &OptionDef = &OptionDef {
    name: "cmd-ssh",
    commands: REPOSITORY_CLIENTS,
    default: Default::Is("ssh"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `compress-level-network`.
pub const COMPRESS_LEVEL_NETWORK: &OptionDef = &OptionDef {
    name: "compress-level-network",
    kind: Kind::Integer,
    commands: REPOSITORY_CLIENTS,
    default: Default::Is("1"),
    range: Some(Range::Is("-5", "12")),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `db-timeout`.
pub const DB_TIMEOUT: &OptionDef = &OptionDef {
    name: "db-timeout",
    kind: Kind::Time,
    commands: DATABASE_COMMANDS,
    default: Default::Is("30m"),
    range: Some(Range::Is("100ms", "7d")),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `io-timeout`.
pub const IO_TIMEOUT: &OptionDef = &OptionDef {
    name: "io-timeout",
    kind: Kind::Time,
    commands: NETWORK_COMMANDS,
    default: Default::Is("1m"),
    range: Some(Range::Is("100ms", "1h")),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `protocol-timeout`.
pub const PROTOCOL_TIMEOUT: &OptionDef = &OptionDef {
    name: "protocol-timeout",
    kind: Kind::Time,
    commands: &[
        all(Annotate),
        all(ArchiveGet),
        all(ArchivePush),
        all(Backup),
        all(Check),
        all(Expire),
        all(Info),
        all(Manifest),
        all(RepoGet),
        all(RepoLs),
        all(RepoRm),
        all(Restore),
        all(Server),
        all(StanzaCreate),
        all(StanzaDelete),
        all(StanzaUpgrade),
        all(Verify),
    ],
    default: Default::Is("31m"),
    range: Some(Range::Is("100ms", "7d")),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL
};

/// `sck-block`.
pub const SCK_BLOCK: &OptionDef = &OptionDef {
    name: "sck-block",
    commands: NETWORK_COMMANDS,
    default: Default::Is("n"),
    internal: true,
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `sck-keep-alive`.
pub const SCK_KEEP_ALIVE: &OptionDef = &OptionDef {
    name: "sck-keep-alive",
    commands: NETWORK_COMMANDS,
    default: Default::Is("y"),
    summary: "",
    help: "",
    example: "",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// `tcp-keep-alive-count`.
pub const TCP_KEEP_ALIVE_COUNT: &OptionDef = &OptionDef {
    name: "tcp-keep-alive-count",
    range: Some(Range::Is("1", "32")),
    summary: "",
    help: "",
    example: "",
    ..KEEP_ALIVE
};

/// `tcp-keep-alive-idle`.
pub const TCP_KEEP_ALIVE_IDLE: &OptionDef = &OptionDef {
    name: "tcp-keep-alive-idle",
    range: Some(Range::Is("1", "3600")),
    summary: "",
    help: "",
    example: "",
    ..KEEP_ALIVE
};

/// `tcp-keep-alive-interval`.
pub const TCP_KEEP_ALIVE_INTERVAL: &OptionDef = &OptionDef {
    name: "tcp-keep-alive-interval",
    range: Some(Range::Is("1", "900")),
    summary: "",
    help: "",
    example: "",
    ..KEEP_ALIVE
};

/// `tls-cipher-12`.
pub const TLS_CIPHER_12: &OptionDef = &OptionDef {
    name: "tls-cipher-12",
    kind: Kind::String,
    depends: None,
    summary: "",
    help: "",
    example: "",
    ..KEEP_ALIVE
};

/// `tls-cipher-13`.
pub const TLS_CIPHER_13: &OptionDef = &OptionDef {
    name: "tls-cipher-13",
    kind: Kind::String,
    depends: None,
    summary: "",
    help: "",
    example: "",
    ..KEEP_ALIVE
};
