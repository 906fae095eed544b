//! The checks: what each is called, what it means when it does not pass, and what mends it.
//!
//! `docs/guide/sftp-audit.md` has a section for each; a test compares.

use crate::report::check::checks;

checks! {
    NONE = "none", "login without any proof",
        "Everybody who reaches the server is let in as this account.",
        "PermitEmptyPasswords no";
    PASSWORD = "password", "login with a password",
        "The account can be guessed at from everywhere; keys cannot be guessed.",
        "PasswordAuthentication no";
    KEYBOARD = "keyboard-interactive", "login by questions and answers",
        "The same as a password under another name, usually through PAM.",
        "KbdInteractiveAuthentication no";
    HOST_KEYS = "host-keys", "length of the server's keys",
        "A short key can be computed by others, who could then play this server.",
        "HostKey /etc/ssh/ssh_host_ed25519_key (and remove the line of the short key)";
    HOST_KEY_ALGORITHMS = "host-key-algorithms", "signatures of the server",
        "Signatures with SHA-1 or DSA can be forged with effort. This program does not accept them, other clients may.",
        "HostKeyAlgorithms -ssh-rsa*,ssh-dss*";
    KEY_EXCHANGE = "key-exchange", "key exchange",
        "Weak exchanges can be broken by who records the connection. This program does not use them, other clients may.",
        "KexAlgorithms -diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1";
    CIPHERS = "ciphers", "ciphers",
        "Old ciphers leak what they protect. This program does not use them, other clients may.",
        "Ciphers -*-cbc,arcfour*,3des*";
    MACS = "macs", "checksums of packets (MACs)",
        "Checksums with MD5 or cut short no longer prove that a packet was not changed. This program does not use them.",
        "MACs -hmac-md5*,*-96*,hmac-ripemd160*";
    SHELL = "shell", "a shell",
        "Who has the key can run programs on the server.",
        "ForceCommand internal-sftp";
    EXEC = "exec", "a command",
        "Who has the key can run programs on the server.",
        "ForceCommand internal-sftp";
    SUBSYSTEM = "subsystem", "a subsystem other than sftp",
        "Another program than the SFTP server can be started.",
        "ForceCommand internal-sftp (and remove other Subsystem lines)";
    TERMINAL = "pty", "a terminal",
        "Of no use for backups, of use for who wants to work on the server.",
        "PermitTTY no";
    DISPLAY = "x11", "X11 forwarding",
        "The server would open a display for programs that have no business there.",
        "X11Forwarding no";
    AGENT = "agent", "agent forwarding",
        "The server could use the keys in the agent of who logs in.",
        "AllowAgentForwarding no";
    LOCAL = "forward-local", "forwarding to the server itself (ssh -L)",
        "Who has the key reaches services that listen on the server only.",
        "AllowTcpForwarding no";
    DYNAMIC = "forward-dynamic", "forwarding to other hosts (ssh -D, -J)",
        "Who has the key reaches other hosts through the server, with its address.",
        "AllowTcpForwarding no";
    REMOTE = "forward-remote", "listening on the server (ssh -R)",
        "Who has the key can offer services under the server's address.",
        "AllowTcpForwarding no";
    SOCKET = "forward-socket", "forwarding to sockets of the server",
        "Who has the key reaches programs of the server through their sockets.",
        "AllowStreamLocalForwarding no";
    SOCKET_LISTEN = "forward-socket-listen", "listening on sockets of the server",
        "Who has the key can put sockets on the server, where its programs may connect to them.",
        "AllowStreamLocalForwarding no";
    TUNNEL = "tunnel", "network tunnels (ssh -w)",
        "A tunnel connects two networks past their firewalls.",
        "PermitTunnel no";
    CHROOT = "chroot", "the rest of the server's files",
        "The account sees the whole server, and writes wherever its rights allow.",
        "ChrootDirectory /srv/sftp/%u (owned by root, writable by nobody else)";
    DOT_DOT = "dot-dot", "leaving the directory with ..",
        "The server's own idea of a root can be left.",
        "ChrootDirectory /srv/sftp/%u";
    SYMLINK = "symlink", "leaving the directory through a symbolic link",
        "The server follows links that the account makes to places outside.",
        "ChrootDirectory /srv/sftp/%u";
    BESIDE = "beside", "writing beside the upload directory",
        "Files can be put where they are not expected, for instance into the directories of others.",
        "chown root: DIRECTORY && chmod go-w DIRECTORY";
    OWN_KEYS = "authorized-keys", "the account's own keys (.ssh)",
        "Who has the key once can let further keys in and lift the restrictions of this one.",
        "AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u (owned by root)";
    OTHERS = "others", "data of other accounts",
        "One account for each database, and each in a directory of its own, keep one stolen key from reading all.",
        "ChrootDirectory /srv/sftp/%u";
    UPLOAD = "upload", "writing to the repository path",
        "Without it there are no backups.",
        "chown ACCOUNT: DIRECTORY (the directory in the chroot, not the chroot itself)";
    SPACE = "space", "free space",
        "A full server ends archiving, and then PostgreSQL keeps its WAL until its own disk is full.",
        "more space, or a lower repo-retention-full";
    CLOCK = "clock", "the server's clock",
        "Times of files are compared when old left-overs are looked for, and logs of both sides do not fit.",
        "timedatectl set-ntp true";
    CHANGE = "change", "changing and removing finished backups",
        "Expiry needs it, so it is no mistake; but who has the key can destroy all backups in this repository.",
        "an account that may only add (repo-sftp-append-only), a second repository, or snapshots that the account cannot reach";
    PRIVATE_KEY = "private-key", "the private key on this host",
        "Who can read the file can log in; a short key can be computed.",
        "chmod 600 KEY; ssh-keygen -t ed25519 -f KEY";
    PASSPHRASE = "passphrase", "passphrase of the private key",
        "A copy of the file is enough to log in. With a passphrase the configuration, or an agent, holds the other half.",
        "ssh-keygen -p -f KEY (and repo-sftp-private-key-passphrase)";
    KNOWN_HOSTS = "known-hosts", "how the server proves who it is",
        "Somebody between the two hosts could receive the backups.",
        "repo-sftp-host-key-check-type=strict";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_check_says_something_and_the_guide_has_a_section_for_it_in_order() {
        let guide = include_str!("../../../../docs/guide/sftp-audit.md");
        crate::report::check::assert_described(ALL, guide);
        assert!(ALL.iter().all(|check| !check.mend.is_empty()));
    }
}
