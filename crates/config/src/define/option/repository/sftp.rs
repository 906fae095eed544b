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

/// SFTP host.
pub const REPO_SFTP_HOST: &OptionDef = &OptionDef {
    name: "repo-sftp-host",
    summary: "SFTP host.",
    help: "A name or an IP address. The name must be written as it stands in the known hosts \
        files. Nothing needs to be installed there besides the SSH server.",
    example: "repo1-sftp-host=backup.example.com",
    ..SFTP
};

/// Fingerprint of the SFTP host's key.
pub const REPO_SFTP_HOST_FINGERPRINT: &OptionDef = &OptionDef {
    name: "repo-sftp-host-fingerprint",
    required: false,
    depends: Some(Depend::on(
        "repo-sftp-host-key-check-type",
        &["fingerprint", "strict"],
    )),
    summary: "Fingerprint of the SFTP host's key.",
    help: "Hexadecimal, with the hash of `repo-sftp-host-key-hash-type`. Compared with the key \
        the host shows when `repo-sftp-host-key-check-type` is `fingerprint`. Changes when the \
        host gets new keys.",
    example: "repo1-sftp-host-fingerprint=f84e172dfead7aeeeae6c1fdfb5aa8cf",
    ..SFTP
};

/// How the SFTP host's key is checked.
pub const REPO_SFTP_HOST_KEY_CHECK_TYPE: &OptionDef = &OptionDef {
    name: "repo-sftp-host-key-check-type",
    kind: Kind::StringId,
    default: Default::Is("strict"),
    allowed: &["accept-new", "fingerprint", "none", "strict"],
    summary: "How the SFTP host's key is checked.",
    help: "`strict` demands an entry in a known hosts file. `accept-new` adds unknown hosts to it \
        and refuses changed keys. `fingerprint` compares with `repo-sftp-host-fingerprint`. \
        `none` checks nothing, so anybody in between could receive the backups.",
    example: "repo1-sftp-host-key-check-type=accept-new",
    ..SFTP
};

/// Hash of the SFTP host's fingerprint.
pub const REPO_SFTP_HOST_KEY_HASH_TYPE: &OptionDef = &OptionDef {
    name: "repo-sftp-host-key-hash-type",
    kind: Kind::StringId,
    allowed: &["md5", "sha1", "sha256"],
    summary: "Hash of the SFTP host's fingerprint.",
    help: "Required for every SFTP repository, though only `fingerprint` checks use it. `sha256` \
        is the one to take.",
    example: "repo1-sftp-host-key-hash-type=sha256",
    ..SFTP
};

/// Port of the SFTP host.
pub const REPO_SFTP_HOST_PORT: &OptionDef = &OptionDef {
    name: "repo-sftp-host-port",
    kind: Kind::Integer,
    default: Default::Is("22"),
    range: Some(Range::Is("1", "65535")),
    summary: "Port of the SFTP host.",
    help: "Set it if the SSH server does not listen on 22. Known hosts files then have entries of \
        the form `[host]:port`.",
    example: "repo1-sftp-host-port=2222",
    ..SFTP
};

/// User on the SFTP host.
pub const REPO_SFTP_HOST_USER: &OptionDef = &OptionDef {
    name: "repo-sftp-host-user",
    summary: "User on the SFTP host.",
    help: "Must be allowed to create and remove files below `repo-path`. A user of its own, \
        limited to SFTP, is best.",
    example: "repo1-sftp-host-user=pgbackup",
    ..SFTP
};

/// Known hosts files for SFTP.
pub const REPO_SFTP_KNOWN_HOST: &OptionDef = &OptionDef {
    name: "repo-sftp-known-host",
    kind: Kind::List,
    required: false,
    multiple: true,
    depends: Some(Depend::on(
        "repo-sftp-host-key-check-type",
        &["accept-new", "strict"],
    )),
    summary: "Known hosts files for SFTP.",
    help: "Paths, with `~/` for the home directory; can be repeated. Unset: the two files in \
        `~/.ssh` and the two in `/etc/ssh` that OpenSSH uses.",
    example: "repo1-sftp-known-host=/home/postgres/.ssh/known_hosts",
    ..SFTP
};

/// Private key for SFTP.
pub const REPO_SFTP_PRIVATE_KEY_FILE: &OptionDef = &OptionDef {
    name: "repo-sftp-private-key-file",
    summary: "Private key for SFTP.",
    help: "Path of the key, with `~/` for the home directory. Passwords are not supported.",
    example: "repo1-sftp-private-key-file=~/.ssh/id_ed25519",
    ..SFTP
};

/// Passphrase of the SFTP key.
pub const REPO_SFTP_PRIVATE_KEY_PASSPHRASE: &OptionDef = &OptionDef {
    name: "repo-sftp-private-key-passphrase",
    required: false,
    secure: true,
    summary: "Passphrase of the SFTP key.",
    help: "Needed if the private key is encrypted. Refused on the command line, where others \
        could see it.",
    example: "repo1-sftp-private-key-passphrase=correct-horse-battery",
    ..SFTP
};

/// Public key for SFTP.
pub const REPO_SFTP_PUBLIC_KEY_FILE: &OptionDef = &OptionDef {
    name: "repo-sftp-public-key-file",
    required: false,
    summary: "Public key for SFTP.",
    help: "Normally not needed, because it can be had from the private key.",
    example: "repo1-sftp-public-key-file=~/.ssh/id_ed25519.pub",
    ..SFTP
};
