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

/// `tls-server-address`.
pub const TLS_SERVER_ADDRESS: &OptionDef = &OptionDef {
    name: "tls-server-address",
    kind: Kind::String,
    commands: SERVER_AND_PING,
    default: Default::Is("localhost"),
    summary: "",
    help: "",
    example: "",
    ..SERVER_FILE
};

/// `tls-server-auth`.
pub const TLS_SERVER_AUTH: &OptionDef = &OptionDef {
    name: "tls-server-auth",
    kind: Kind::Hash,
    multiple: true,
    summary: "",
    help: "",
    example: "",
    ..SERVER_FILE
};

/// `tls-server-ca-file`.
pub const TLS_SERVER_CA_FILE: &OptionDef = &OptionDef {
    name: "tls-server-ca-file",
    summary: "",
    help: "",
    example: "",
    ..SERVER_FILE
};

/// `tls-server-cert-file`.
pub const TLS_SERVER_CERT_FILE: &OptionDef = &OptionDef {
    name: "tls-server-cert-file",
    summary: "",
    help: "",
    example: "",
    ..SERVER_FILE
};

/// `tls-server-key-file`.
pub const TLS_SERVER_KEY_FILE: &OptionDef = &OptionDef {
    name: "tls-server-key-file",
    summary: "",
    help: "",
    example: "",
    ..SERVER_FILE
};

/// `tls-server-port`.
pub const TLS_SERVER_PORT: &OptionDef = &OptionDef {
    name: "tls-server-port",
    kind: Kind::Integer,
    commands: SERVER_AND_PING,
    default: Default::Is("8432"),
    range: Some(Range::Is("1", "65535")),
    summary: "",
    help: "",
    example: "",
    ..SERVER_FILE
};
