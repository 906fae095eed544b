//! Options of connections: timeouts, keep-alive, TLS cipher lists, compression between hosts.
//!
//! Addresses and credentials of single hosts are in `stanza` and `repository`. Times are
//! milliseconds once read.

use crate::define::command::CommandId::{
    Annotate, ArchiveGet, ArchivePush, Backup, Check, Expire, Info, Manifest, Metrics, RepoCopy,
    RepoGet, RepoLs, RepoRekey, RepoRm, Report, Restore, Serve, Server, StanzaCreate, StanzaDelete,
    StanzaUpgrade, Verify,
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

/// SSH client program.
pub const CMD_SSH: &OptionDef = &OptionDef {
    name: "cmd-ssh",
    commands: REPOSITORY_CLIENTS,
    default: Default::Is("ssh"),
    summary: "SSH client program.",
    help: "Used for connections to other hosts. The path of a program, or a name on the search path. \
        Options cannot be added here; put them into the client's configuration file.",
    example: "cmd-ssh=/usr/local/bin/ssh",
    ..OptionDef::GLOBAL
};

/// Level of compression between hosts.
pub const COMPRESS_LEVEL_NETWORK: &OptionDef = &OptionDef {
    name: "compress-level-network",
    kind: Kind::Integer,
    commands: REPOSITORY_CLIENTS,
    default: Default::Is("1"),
    range: Some(Range::Is("-5", "12")),
    summary: "Level of compression between hosts.",
    help: "Data that is not compressed already is compressed with lz4 on its way to another host. \
        This is the level of lz4. 0 turns it off.\n\n\
        It is for SSH and TLS connections to another host with the program, not for object stores or \
        SFTP. Turn it off on a fast network when the processor is the limit.",
    example: "compress-level-network=0",
    ..OptionDef::GLOBAL
};

/// Time limit for database statements.
pub const DB_TIMEOUT: &OptionDef = &OptionDef {
    name: "db-timeout",
    kind: Kind::Time,
    commands: DATABASE_COMMANDS,
    default: Default::Is("30m"),
    range: Some(Range::Is("100ms", "7d")),
    summary: "Time limit for database statements.",
    help: "A statement that takes longer makes the command fail. The start of a backup may take long \
        because of its checkpoint, so keep this above `checkpoint_timeout`, or set `start-fast`. \
        Seconds unless a suffix such as `m` is given.\n\n\
        Must be less than `protocol-timeout`. If only one of the two is set, the other is adjusted.",
    example: "db-timeout=1h",
    ..OptionDef::GLOBAL
};

/// Time to wait on the network.
pub const IO_TIMEOUT: &OptionDef = &OptionDef {
    name: "io-timeout",
    kind: Kind::Time,
    commands: NETWORK_COMMANDS,
    default: Default::Is("1m"),
    range: Some(Range::Is("100ms", "1h")),
    summary: "Time to wait on the network.",
    help: "The limit for connecting and for each read or write on a connection: TLS, object stores, \
        SFTP. A connection that fails is retried until this time is over. Seconds unless a suffix \
        such as `m` is given.\n\n\
        For another process of the program `protocol-timeout` is the limit instead.",
    example: "io-timeout=2m",
    ..OptionDef::GLOBAL
};

/// Time to wait for another process of the program.
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
        all(Metrics),
        all(RepoCopy),
        all(RepoGet),
        all(RepoLs),
        all(RepoRekey),
        all(RepoRm),
        all(Report),
        all(Restore),
        all(Serve),
        all(Server),
        all(StanzaCreate),
        all(StanzaDelete),
        all(StanzaUpgrade),
        all(Verify),
    ],
    default: Default::Is("31m"),
    range: Some(Range::Is("100ms", "7d")),
    summary: "Time to wait for another process of the program.",
    help: "If what is asked of another host makes no progress for this time, the command fails even \
        if the host is alive. One that has died is noticed within seconds. Seconds unless a suffix \
        such as `m` is given.\n\n\
        Must be greater than `db-timeout`, because the other side may be waiting for the database. \
        If only one of the two is set, the other is adjusted.",
    example: "protocol-timeout=2h",
    ..OptionDef::GLOBAL
};

/// Use blocking sockets.
pub const SCK_BLOCK: &OptionDef = &OptionDef {
    name: "sck-block",
    commands: NETWORK_COMMANDS,
    default: Default::Is("n"),
    internal: true,
    summary: "Use blocking sockets.",
    help: "For tests of the network code. With blocking sockets `io-timeout` cannot be kept.",
    example: "sck-block=y",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Send TCP keep-alive probes.
pub const SCK_KEEP_ALIVE: &OptionDef = &OptionDef {
    name: "sck-keep-alive",
    commands: NETWORK_COMMANDS,
    default: Default::Is("y"),
    summary: "Send TCP keep-alive probes.",
    help: "Probes let the kernel notice that the other side is gone, and keep firewalls from \
        forgetting idle connections. Turn it off only if probes cause problems.",
    example: "sck-keep-alive=n",
    ..OptionDef::GLOBAL_BOOLEAN
};

/// Probes unanswered until a connection is given up.
pub const TCP_KEEP_ALIVE_COUNT: &OptionDef = &OptionDef {
    name: "tcp-keep-alive-count",
    range: Some(Range::Is("1", "32")),
    summary: "Unanswered probes after which a connection is closed.",
    help: "Unset: the setting of the operating system.",
    example: "tcp-keep-alive-count=3",
    ..KEEP_ALIVE
};

/// Idle time before the first keep-alive probe.
pub const TCP_KEEP_ALIVE_IDLE: &OptionDef = &OptionDef {
    name: "tcp-keep-alive-idle",
    range: Some(Range::Is("1", "3600")),
    summary: "Idle time before the first keep-alive probe.",
    help: "In seconds. Unset: the setting of the operating system, often two hours, which is longer \
        than most firewalls remember an idle connection.",
    example: "tcp-keep-alive-idle=60",
    ..KEEP_ALIVE
};

/// Time between keep-alive probes.
pub const TCP_KEEP_ALIVE_INTERVAL: &OptionDef = &OptionDef {
    name: "tcp-keep-alive-interval",
    range: Some(Range::Is("1", "900")),
    summary: "Time between keep-alive probes.",
    help: "In seconds. Unset: the setting of the operating system.",
    example: "tcp-keep-alive-interval=30",
    ..KEEP_ALIVE
};

/// Ciphers allowed with TLS 1.2.
pub const TLS_CIPHER_12: &OptionDef = &OptionDef {
    name: "tls-cipher-12",
    kind: Kind::String,
    depends: None,
    summary: "Ciphers allowed with TLS 1.2.",
    help: "A list in OpenSSL's notation, separated by colons. Unset: the strong ciphers of the \
        library. Set it only if a rule of your organization requires it.",
    example: "tls-cipher-12=ECDHE-RSA-AES256-GCM-SHA384",
    ..KEEP_ALIVE
};

/// Ciphers allowed with TLS 1.3.
pub const TLS_CIPHER_13: &OptionDef = &OptionDef {
    name: "tls-cipher-13",
    kind: Kind::String,
    depends: None,
    summary: "Ciphers allowed with TLS 1.3.",
    help: "A list of cipher suites in OpenSSL's notation, separated by colons. Unset: all suites of \
        the library.",
    example: "tls-cipher-13=TLS_AES_256_GCM_SHA384",
    ..KEEP_ALIVE
};
