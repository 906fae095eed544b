//! Options of `serve`, which pgBackRest does not know.

use crate::define::command::CommandId::Serve;
use crate::define::option::known_to::{MAIN, only};
use crate::define::option::{Default, Kind, OptionDef, Range};

/// Something of the pages that `serve` answers with.
const SERVE_OPTION: OptionDef = OptionDef {
    help_section: "server",
    commands: &[only(Serve, MAIN)],
    ours: true,
    ..OptionDef::GLOBAL
};

/// A PEM file or a token, read at start and on SIGHUP.
const SERVE_FILE: OptionDef = OptionDef {
    kind: Kind::Path,
    required: false,
    ..SERVE_OPTION
};

/// Address `serve` listens on.
pub const SERVE_ADDRESS: &OptionDef = &OptionDef {
    name: "serve-address",
    default: Default::Is("localhost"),
    summary: "Address serve listens on.",
    help: "A name or an IP address; `*` for all interfaces. With the default `localhost` other hosts cannot \
        connect. For any address that other hosts reach, `serve-cert-file`, `serve-key-file` and \
        `serve-token-file` are required, else the command does not start.\n\n\
        Where systemd hands sockets over (socket activation), their addresses count and this option does \
        not. The same rule holds for them.",
    example: "serve-address=*",
    ..SERVE_OPTION
};

/// How old the answers of `serve` may be.
pub const SERVE_CACHE_AGE: &OptionDef = &OptionDef {
    name: "serve-cache-age",
    kind: Kind::Time,
    default: Default::Is("1m"),
    range: Some(Range::Is("1s", "1d")),
    summary: "How old the answers of serve may be.",
    help: "The repositories are read when somebody asks and what was read last is older than this, and not \
        before, however many ask. The page, whose findings cost more than the metrics, is made anew after \
        five times as long. Seconds unless a suffix such as `m` or `h` is given.\n\n\
        Where reading costs money or a slow line, take more.",
    example: "serve-cache-age=5m",
    ..SERVE_OPTION
};

/// Certificate of `serve`.
pub const SERVE_CERT_FILE: &OptionDef = &OptionDef {
    name: "serve-cert-file",
    summary: "Certificate of serve.",
    help: "PEM file with the certificate and, if needed, the chain up to the authority. With it \
        everything goes over TLS, on `localhost` too. Requests for the names in it are answered. Read \
        again on SIGHUP.",
    example: "serve-cert-file=/etc/pgbackrest/cert/serve.crt",
    ..SERVE_FILE
};

/// Further names of the host.
pub const SERVE_HOST: &OptionDef = &OptionDef {
    name: "serve-host",
    kind: Kind::List,
    multiple: true,
    required: false,
    summary: "Further names by which serve is asked.",
    help: "A request must name this host by an IP address, by `localhost`, by `serve-address`, by a name in \
        the certificate, or by one of these names. Any other is refused with status 421. Otherwise a page \
        in a browser could read from a server on the same machine, under a name that it leads there. \
        A reverse proxy that passes the name on needs it here.",
    example: "serve-host=backups.example.com",
    ..SERVE_OPTION
};

/// Private key of `serve`.
pub const SERVE_KEY_FILE: &OptionDef = &OptionDef {
    name: "serve-key-file",
    summary: "Private key of serve.",
    help: "PEM file without passphrase. Must belong to the user (mode 0600 or less) or to root (mode \
        0640 or less). Read again on SIGHUP.",
    example: "serve-key-file=/etc/pgbackrest/cert/serve.key",
    ..SERVE_FILE
};

/// Port `serve` listens on.
pub const SERVE_PORT: &OptionDef = &OptionDef {
    name: "serve-port",
    kind: Kind::Integer,
    default: Default::Is("9854"),
    range: Some(Range::Is("1", "65535")),
    summary: "Port serve listens on.",
    help: "The default is that of pgbackrest_exporter, so a Prometheus that asks there goes on. Where both \
        run, one of them needs another.",
    example: "serve-port=9855",
    ..SERVE_OPTION
};

/// Token that requests to `serve` must have.
pub const SERVE_TOKEN_FILE: &OptionDef = &OptionDef {
    name: "serve-token-file",
    summary: "File with the token that requests to serve must have.",
    help: "One line of 16 to 1024 visible characters, as `openssl rand -hex 32` makes. Must belong to the user \
        (mode 0600 or less) or to root (mode 0640 or less). A request has it as `Authorization: Bearer`, or \
        as the password of any user, which browsers ask for. Without it the answer has status 401. Read \
        again on SIGHUP.\n\n\
        Without the option, the credential `serve-token` of a systemd unit (`LoadCredential`) is taken, if \
        there is one.",
    example: "serve-token-file=/etc/pgbackrest/serve.token",
    ..SERVE_FILE
};
