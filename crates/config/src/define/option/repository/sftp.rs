//! Options of repositories on SFTP servers: address, user key, host key check.
//!
//! A repository host with the program installed is another thing: see `host`.

use crate::define::option::known_to::REPOSITORY_COMMANDS;
use crate::define::option::{Default, Depend, Kind, OptionDef, Range};

/// An option that means something for SFTP only.
const SFTP: OptionDef = OptionDef {
    commands: REPOSITORY_COMMANDS,
    depends: Some(Depend::on("repo-type", &["sftp"])),
    ..OptionDef::REPOSITORY
};

/// `repo-sftp-host`.
pub const REPO_SFTP_HOST: &OptionDef = &OptionDef {
    name: "repo-sftp-host",
    summary: "",
    help: "",
    example: "",
    ..SFTP
};

/// `repo-sftp-host-fingerprint`.
pub const REPO_SFTP_HOST_FINGERPRINT: &OptionDef = &OptionDef {
    name: "repo-sftp-host-fingerprint",
    required: false,
    depends: Some(Depend::on(
        "repo-sftp-host-key-check-type",
        &["fingerprint", "strict"],
    )),
    summary: "",
    help: "",
    example: "",
    ..SFTP
};

/// `repo-sftp-host-key-check-type`.
pub const REPO_SFTP_HOST_KEY_CHECK_TYPE: &OptionDef = &OptionDef {
    name: "repo-sftp-host-key-check-type",
    kind: Kind::StringId,
    default: Default::Is("strict"),
    allowed: &["accept-new", "fingerprint", "none", "strict"],
    summary: "",
    help: "",
    example: "",
    ..SFTP
};

/// `repo-sftp-host-key-hash-type`.
pub const REPO_SFTP_HOST_KEY_HASH_TYPE: &OptionDef = &OptionDef {
    name: "repo-sftp-host-key-hash-type",
    kind: Kind::StringId,
    allowed: &["md5", "sha1", "sha256"],
    summary: "",
    help: "",
    example: "",
    ..SFTP
};

/// `repo-sftp-host-port`.
pub const REPO_SFTP_HOST_PORT: &OptionDef = &OptionDef {
    name: "repo-sftp-host-port",
    kind: Kind::Integer,
    default: Default::Is("22"),
    range: Some(Range::Is("1", "65535")),
    summary: "",
    help: "",
    example: "",
    ..SFTP
};

/// `repo-sftp-host-user`.
pub const REPO_SFTP_HOST_USER: &OptionDef = &OptionDef {
    name: "repo-sftp-host-user",
    summary: "",
    help: "",
    example: "",
    ..SFTP
};

/// `repo-sftp-known-host`.
pub const REPO_SFTP_KNOWN_HOST: &OptionDef = &OptionDef {
    name: "repo-sftp-known-host",
    kind: Kind::List,
    required: false,
    multiple: true,
    depends: Some(Depend::on(
        "repo-sftp-host-key-check-type",
        &["accept-new", "strict"],
    )),
    summary: "",
    help: "",
    example: "",
    ..SFTP
};

/// `repo-sftp-private-key-file`.
pub const REPO_SFTP_PRIVATE_KEY_FILE: &OptionDef = &OptionDef {
    name: "repo-sftp-private-key-file",
    summary: "",
    help: "",
    example: "",
    ..SFTP
};

/// `repo-sftp-private-key-passphrase`.
pub const REPO_SFTP_PRIVATE_KEY_PASSPHRASE: &OptionDef = &OptionDef {
    name: "repo-sftp-private-key-passphrase",
    required: false,
    secure: true,
    summary: "",
    help: "",
    example: "",
    ..SFTP
};

/// `repo-sftp-public-key-file`.
pub const REPO_SFTP_PUBLIC_KEY_FILE: &OptionDef = &OptionDef {
    name: "repo-sftp-public-key-file",
    required: false,
    summary: "",
    help: "",
    example: "",
    ..SFTP
};
