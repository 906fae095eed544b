//! Options of repositories on SFTP servers: address, user key, host key check.
//!
//! A repository host with the program installed is another thing: see `host`. Those marked `ours` are not pgBackRest's.

use crate::define::command::CommandId::{ArchiveGet, ArchivePush, SftpSetup};
use crate::define::option::known_to::{SFTP_COMMANDS, all};
use crate::define::option::{Default, Depend, Deprecated, Kind, OptionDef, Range};

/// An option that means something for SFTP only.
const SFTP: OptionDef = OptionDef {
    commands: SFTP_COMMANDS,
    depends: Some(Depend::on("repo-type", &["sftp"])),
    ..OptionDef::REPOSITORY
};

/// An option that means something for SFTP only, and that pgBackRest does not know.
const OURS: OptionDef = OptionDef {
    required: false,
    ours: true,
    ..SFTP
};

/// Socket of an SSH agent.
pub const REPO_SFTP_AGENT_SOCKET: &OptionDef = &OptionDef {
    name: "repo-sftp-agent-socket",
    kind: Kind::Path,
    summary: "Socket of the ssh-agent that holds the key for SFTP.",
    help: "Used when `repo-sftp-private-key-file` is not set. Unset: the variable `SSH_AUTH_SOCK`, \
        which PostgreSQL, and so `archive_command`, usually does not have.\n\n\
        The keys in the agent are tried in turn, at most five. With `repo-sftp-public-key-file` only \
        that one is tried.",
    example: "repo1-sftp-agent-socket=/run/user/26/ssh-agent",
    ..OURS
};

/// Which algorithms are offered to the SFTP host.
pub const REPO_SFTP_ALGORITHM: &OptionDef = &OptionDef {
    name: "repo-sftp-algorithm",
    kind: Kind::StringId,
    default: Default::Is("modern"),
    allowed: &["legacy", "modern"],
    summary: "Which SSH algorithms are offered.",
    help: "`modern` offers key exchange with curve25519 (and ML-KEM), AES-GCM, ChaCha20 and AES-CTR, \
        and nothing that needs SHA-1. `legacy` adds, with lower priority, what old servers need: \
        Diffie-Hellman groups, NIST curves, SHA-1 in host key signatures and checksums. CBC is never \
        offered.\n\n\
        Set `legacy` only if the error says that there is no common algorithm and the server cannot \
        be updated. The algorithms in use are logged at level `detail`.",
    example: "repo1-sftp-algorithm=legacy",
    ..OURS
};

/// The account may only add files.
pub const REPO_SFTP_APPEND_ONLY: &OptionDef = &OptionDef {
    name: "repo-sftp-append-only",
    kind: Kind::Boolean,
    default: Default::Is("n"),
    required: true,
    negatable: true,
    summary: "The account on the SFTP host may only add files.",
    help: "For an account that the SFTP host allows neither to remove, rename and overwrite files nor to \
        change their modes: whoever takes over this host can then destroy no backup that is finished. Files \
        are written under a temporary name, not writable for anybody, and get their names by hard links. \
        The host needs `hardlink@openssh.com`, which OpenSSH has. `sftp-setup --append-only` makes \
        the accounts, and `sftp-audit` proves that one can change and remove nothing.\n\n\
        Backups are found by their manifests, without `backup.info`, which this account does not update. \
        An aborted backup is begun anew, not resumed. `expire`, `annotate`, `stanza-upgrade`, \
        `stanza-delete`, `repo-rm` and `repo-rekey` are refused. Run them where the key of this host \
        is not: on the SFTP host, or with a second account and a configuration without this option. \
        That `expire` lists new backups in `backup.info`, from which pgBackRest knows them.",
    example: "repo1-sftp-append-only=y",
    ..OURS
};

/// Most connections to the SFTP host.
pub const REPO_SFTP_CONNECTION_MAX: &OptionDef = &OptionDef {
    name: "repo-sftp-connection-max",
    kind: Kind::Integer,
    range: Some(Range::Is("1", "32")),
    summary: "Most connections to the SFTP host at a time.",
    help: "By default up to four, depending on the measured latency and the amount of data; to a \
        near server it is one. Lower it if the host allows only few connections.",
    example: "repo1-sftp-connection-max=2",
    ..OURS
};

/// Accepted fingerprints of the SFTP host's keys.
pub const REPO_SFTP_HOST_PIN: &OptionDef = &OptionDef {
    name: "repo-sftp-host-pin",
    kind: Kind::List,
    multiple: true,
    summary: "Fingerprints of the SFTP host's keys that are accepted.",
    help: "As `ssh-keygen -l` prints them (`SHA256:…`, `MD5:…`) or hexadecimal, with colons or \
        without. The option can be repeated. The host needs to have one of the keys, so its next key \
        can be added before it is used.\n\n\
        If a pin is set, only pins count, and known hosts files are not read. It cannot be combined \
        with `repo-sftp-host-key-check-type=none` or `accept-new`.",
    example: "repo1-sftp-host-pin=SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDVIbxtBhSuaqOjEXo",
    ..OURS
};

/// SFTP host.
pub const REPO_SFTP_HOST: &OptionDef = &OptionDef {
    name: "repo-sftp-host",
    required_by_command: &[(SftpSetup, false)],
    summary: "SFTP host.",
    help: "A name or an IP address. Write it as in the known hosts files. Only an SSH server needs \
        to be installed there.",
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
    help: "Hexadecimal, with the hash of `repo-sftp-host-key-hash-type`. It is compared with the key \
        of the host when `repo-sftp-host-key-check-type` is `fingerprint`. It changes when the host \
        gets new keys; `repo-sftp-host-pin` accepts several.",
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
    help: "`strict` requires an entry in a known hosts file. `accept-new` adds unknown hosts to the \
        file and refuses changed keys. `fingerprint` compares with `repo-sftp-host-fingerprint`. \
        `none` checks nothing, so an attacker in the network could receive the backups.",
    example: "repo1-sftp-host-key-check-type=accept-new",
    ..SFTP
};

/// Hash of the SFTP host's fingerprint.
pub const REPO_SFTP_HOST_KEY_HASH_TYPE: &OptionDef = &OptionDef {
    name: "repo-sftp-host-key-hash-type",
    required_by_command: &[(SftpSetup, false)],
    kind: Kind::StringId,
    required_by_rule: true,
    allowed: &["md5", "sha1", "sha256"],
    summary: "Hash of the SFTP host's fingerprint.",
    help: "Needed for a `repo-sftp-host-fingerprint` that does not itself begin with `SHA256:` or \
        `MD5:`. pgBackRest requires it for every SFTP repository. Choose `sha256`.",
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
    required_by_command: &[(SftpSetup, false)],
    summary: "User on the SFTP host.",
    help: "Must be allowed to create and remove files below `repo-path`. Best is a separate user \
        that is limited to SFTP, as `sftp-setup` makes one.",
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
    help: "Paths, with `~/` for the home directory. The option can be repeated. Unset: the two files \
        in `~/.ssh` and the two in `/etc/ssh` that OpenSSH uses.",
    example: "repo1-sftp-known-host=/home/postgres/.ssh/known_hosts",
    ..SFTP
};

/// How long a connection persists for the next segment.
pub const REPO_SFTP_PERSIST: &OptionDef = &OptionDef {
    name: "repo-sftp-persist",
    kind: Kind::Time,
    commands: &[all(ArchiveGet), all(ArchivePush)],
    default: Default::Is("10s"),
    range: Some(Range::Is("0s", "10m")),
    deprecated: &[Deprecated::indexed("repo-sftp-hold")],
    summary: "How long a connection persists for the next WAL segment.",
    help: "When a second segment is pushed or fetched within this time, a process stays that keeps a \
        connection open, as `ControlPersist` of OpenSSH does. The next commands use it through a \
        socket in `lock-path`, which only the same user can use. That saves the login, a dozen round \
        trips. The process ends when no command has come for this time, and after five minutes in \
        any case. Without it a command connects itself.\n\n\
        Seconds unless a suffix such as `m` is given.\n\n\
        `0s` keeps no connection. None is kept with `archive-async`, because one process moves many \
        segments there, nor if `repo-sftp-host-key-check-type` is `none`.",
    example: "repo1-sftp-persist=30s",
    ..OURS
};

/// Private key for SFTP.
pub const REPO_SFTP_PRIVATE_KEY_FILE: &OptionDef = &OptionDef {
    name: "repo-sftp-private-key-file",
    required_by_command: &[(SftpSetup, false)],
    required_by_rule: true,
    summary: "Private key for SFTP.",
    help: "Path of the key, with `~/` for the home directory. Needed unless an ssh-agent has the \
        key. If there is a certificate beside it (`<key>-cert.pub`), it is used. Passwords are not \
        supported.\n\n\
        The file may belong to root and be readable by a group. If it belongs to the user who runs \
        the program, nobody else may have any right to it.\n\n\
        `sftp-setup` makes the file if there is none. If the option is not set, it makes \
        `~/.ssh/id_ed25519_sftp`.",
    example: "repo1-sftp-private-key-file=~/.ssh/id_ed25519",
    ..SFTP
};

/// Passphrase of the SFTP key.
pub const REPO_SFTP_PRIVATE_KEY_PASSPHRASE: &OptionDef = &OptionDef {
    name: "repo-sftp-private-key-passphrase",
    required: false,
    secure: true,
    summary: "Passphrase of the SFTP key.",
    help: "Needed if the private key is encrypted. Refused on the command line, where others could \
        see it.",
    example: "repo1-sftp-private-key-passphrase=correct-horse-battery",
    ..SFTP
};

/// Public key for SFTP.
pub const REPO_SFTP_PUBLIC_KEY_FILE: &OptionDef = &OptionDef {
    name: "repo-sftp-public-key-file",
    required: false,
    summary: "Public key for SFTP.",
    help: "Normally not needed, because it is derived from the private key.",
    example: "repo1-sftp-public-key-file=~/.ssh/id_ed25519.pub",
    ..SFTP
};
