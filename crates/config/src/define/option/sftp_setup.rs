//! Options of `sftp-setup` that are not options of a repository.
//!
//! Invariant: every option here is marked `ours`, and its name is none of pgBackRest's.

use crate::define::command::CommandId::SftpSetup;
use crate::define::option::known_to::all;
use crate::define::option::{Default, Kind, OptionDef};

/// An option of `sftp-setup`.
const SETUP: OptionDef = OptionDef {
    commands: &[all(SftpSetup)],
    required: false,
    ours: true,
    ..OptionDef::COMMAND_LINE
};

/// The account may only add files, and a second one keeps them.
pub const APPEND_ONLY: &OptionDef = &OptionDef {
    name: "append-only",
    kind: Kind::Boolean,
    default: Default::Is("n"),
    summary: "Make an account that may only add files, and a second one that keeps them.",
    help: "The script makes two accounts with the same files. The one of this host may add files, and neither \
        change nor remove one that is finished, so whoever takes over this host can destroy no backup. The \
        other one may: `expire` runs with it, on another host. The lines for the configurations of both hosts \
        are printed. Files of a repository that is there already are made \
        read-only by the script.\n\n\
        The SFTP host needs OpenSSH 8.0 or later. Also set by `repo-sftp-append-only`.",
    example: "--append-only",
    ..SETUP
};

/// Fingerprint of the server's host key.
pub const FINGERPRINT: &OptionDef = &OptionDef {
    name: "fingerprint",
    kind: Kind::List,
    multiple: true,
    summary: "Fingerprint of the server's host key.",
    help: "As the server's administrator reads it out from `ssh-keygen -l -f \
        /etc/ssh/ssh_host_ed25519_key.pub`, or hexadecimal. Only SHA-256. The key is added to the \
        known hosts without a question. The option can be repeated for further keys of the server, \
        and each must match one of them. Keys without a fingerprint here are not added.",
    example: "--fingerprint=SHA256:2tYQuUf1tBrDFvbpXwzsN6BNxT8lVhVfXmDVLWpJiAQ",
    ..SETUP
};

/// Directory on the SFTP host that the account cannot leave.
pub const SFTP_CHROOT: &OptionDef = &OptionDef {
    name: "sftp-chroot",
    kind: Kind::Path,
    summary: "Directory on the SFTP host that the account cannot leave.",
    help: "It belongs to root, like all directories above it. The first part of `repo-path` is made \
        in it and belongs to the account. Choose a file system with room for the backups. Default: \
        `/srv/sftp/<user>`.",
    example: "--sftp-chroot=/data/pgbackup",
    ..SETUP
};

/// Addresses that may use the key.
pub const SFTP_FROM: &OptionDef = &OptionDef {
    name: "sftp-from",
    kind: Kind::List,
    multiple: true,
    summary: "Addresses that may use the key.",
    help: "Addresses, networks (`10.0.0.0/24`) or names of database hosts, as the SFTP host sees \
        them. The option can be repeated. From anywhere else the key is refused, so a stolen key is \
        of less use. Default: any address.",
    example: "--sftp-from=10.0.0.1",
    ..SETUP
};

/// Group of the account on the SFTP host.
pub const SFTP_GROUP: &OptionDef = &OptionDef {
    name: "sftp-group",
    summary: "Group of the account on the SFTP host.",
    help: "The script makes it if it does not exist. Default: the name of the account.",
    example: "--sftp-group=sftpusers",
    ..SETUP
};

/// Addresses that may use the key of the account that keeps the repository.
pub const SFTP_KEEPER_FROM: &OptionDef = &OptionDef {
    name: "sftp-keeper-from",
    kind: Kind::List,
    multiple: true,
    summary: "Addresses that may use the key of `sftp-keeper-key`.",
    help: "As `sftp-from`, for the host on which `expire` runs. Default: any address.",
    example: "--sftp-keeper-from=10.0.0.3",
    ..SETUP
};

/// Public key of the account that keeps the repository.
pub const SFTP_KEEPER_KEY: &OptionDef = &OptionDef {
    name: "sftp-keeper-key",
    kind: Kind::Path,
    summary: "File with the public key of the account that keeps the repository.",
    help: "With `append-only`. Make the key with `ssh-keygen -t ed25519` on the host on which `expire` will run, \
        and bring only the file that ends in `.pub` here. The private key must never be on this host. Without \
        the option nobody can log in as that account, which is enough if `expire` runs on the SFTP host itself.",
    example: "--sftp-keeper-key=/tmp/keeper.pub",
    ..SETUP
};

/// Name of the account that keeps the repository.
pub const SFTP_KEEPER_USER: &OptionDef = &OptionDef {
    name: "sftp-keeper-user",
    summary: "Name of the account that keeps the repository.",
    help: "With `append-only`. Default: the name of the account with `-keeper` behind it.",
    example: "--sftp-keeper-user=pgkeeper",
    ..SETUP
};

/// File for the script for the SFTP host.
pub const SFTP_SCRIPT: &OptionDef = &OptionDef {
    name: "sftp-script",
    kind: Kind::Path,
    summary: "File for the script for the SFTP host.",
    help: "A file that exists is replaced. By default the script is printed, with everything else in \
        it as comments.",
    example: "--sftp-script=/tmp/sftp-host.sh",
    ..SETUP
};
