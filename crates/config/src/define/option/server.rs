//! Options of the TLS server and of its test.
//!
//! Options of the client's side are in `stanza` (`pg-host-…`) and `repository::host`. Certificates
//! and keys are PEM files.

use crate::define::option::known_to::{SERVER, SERVER_AND_PING};
use crate::define::option::{Default, Kind, OptionDef, Range};

/// A PEM file the server reads at start and on SIGHUP.
const SERVER_FILE: OptionDef = OptionDef {
    help_section: "server",
    kind: Kind::Path,
    commands: SERVER,
    ..OptionDef::GLOBAL
};

/// Address the TLS server listens on.
pub const TLS_SERVER_ADDRESS: &OptionDef = &OptionDef {
    name: "tls-server-address",
    kind: Kind::String,
    commands: SERVER_AND_PING,
    default: Default::Is("localhost"),
    summary: "Address the TLS server listens on.",
    help: "A name or an IP address; `*` for all interfaces. With the default `localhost` other hosts \
        cannot connect. `server-ping` uses it as default host.",
    example: "tls-server-address=*",
    ..SERVER_FILE
};

/// Clients that may connect, and to which stanzas.
pub const TLS_SERVER_AUTH: &OptionDef = &OptionDef {
    name: "tls-server-auth",
    kind: Kind::Hash,
    multiple: true,
    summary: "Clients that may connect, and to which stanzas.",
    help: "The common name of the client's certificate, `=`, and a list of stanzas separated by \
        commas, or `*` for all. Repeat the option for each client. Requests without a stanza, such \
        as `info` for all, need `*`.\n\n\
        Names are compared exactly. A client that is not listed is refused with exit code 105. A \
        certificate without a common name is known by its alternative names.\n\n\
        These clients may do everything with their stanzas, as with pgBackRest. `tls-server-rights` \
        gives less.",
    example: "tls-server-auth=pg1.example.com=demo",
    ..SERVER_FILE
};

/// Certificate authority for client certificates.
pub const TLS_SERVER_CA_FILE: &OptionDef = &OptionDef {
    name: "tls-server-ca-file",
    summary: "Certificate authority for client certificates.",
    help: "PEM file with the certificates that client certificates must be signed by. Use an \
        authority of your own: everyone it signs for can try to connect.",
    example: "tls-server-ca-file=/etc/pgbackrest/cert/ca.crt",
    ..SERVER_FILE
};

/// Certificate of the TLS server.
pub const TLS_SERVER_CERT_FILE: &OptionDef = &OptionDef {
    name: "tls-server-cert-file",
    summary: "Certificate of the TLS server.",
    help: "PEM file with the certificate and, if needed, the chain up to the authority. Clients \
        check that it is valid for the name they connect to. Read again on SIGHUP.",
    example: "tls-server-cert-file=/etc/pgbackrest/cert/server.crt",
    ..SERVER_FILE
};

/// Private key of the TLS server.
pub const TLS_SERVER_KEY_FILE: &OptionDef = &OptionDef {
    name: "tls-server-key-file",
    summary: "Private key of the TLS server.",
    help: "PEM file without passphrase. Must belong to the user (mode 0600 or less) or to root (mode \
        0640 or less). Read again on SIGHUP.",
    example: "tls-server-key-file=/etc/pgbackrest/cert/server.key",
    ..SERVER_FILE
};

/// What clients with fewer rights may do.
pub const TLS_SERVER_RIGHTS: &OptionDef = &OptionDef {
    name: "tls-server-rights",
    kind: Kind::Hash,
    multiple: true,
    required: false,
    ours: true,
    summary: "What clients with fewer rights may do.",
    help: "The common name of the client's certificate, `=`, and a list of `stanza:right` separated \
        by commas. `*` stands for every stanza. A client is listed either here or in \
        `tls-server-auth`, where it gets every right.\n\n\
        `push` may archive WAL and nothing else, `get` may read the stanza (`archive-get`, `restore`, \
        `info`), `backup` both of these and make backups, but expire none. `admin` may do \
        everything.\n\n\
        pgBackRest does not know this option: it warns and refuses these clients.",
    example: "tls-server-rights=pg1.example.com=demo:push,demo:get",
    ..SERVER_FILE
};

/// Port the TLS server listens on.
pub const TLS_SERVER_PORT: &OptionDef = &OptionDef {
    name: "tls-server-port",
    kind: Kind::Integer,
    commands: SERVER_AND_PING,
    default: Default::Is("8432"),
    range: Some(Range::Is("1", "65535")),
    summary: "Port the TLS server listens on.",
    help: "Clients have the same default of 8432. If it is changed, they need `pg-host-port` or \
        `repo-host-port`.",
    example: "tls-server-port=8433",
    ..SERVER_FILE
};
