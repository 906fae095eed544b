//! What an SFTP repository is told: where it is, who we are, whom we trust and how hard we may push.
//!
//! Only values live here. The layer above turns options into this struct; nothing below reads options or the
//! environment. Paths are absolute (`~` is already expanded, see [`expand_home`]).

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

/// How the server proves who it is (`repo-sftp-host-key-check-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostKeyCheck {
    /// The key must be in a known_hosts file.
    #[default]
    Strict,
    /// An unknown host is added to the user's known_hosts; a changed key is refused.
    AcceptNew,
    /// The key must have one of the configured fingerprints.
    Fingerprint,
    /// Any key is taken. A warning is logged each run.
    None,
}

impl HostKeyCheck {
    /// The option value: `strict`, `accept-new`, `fingerprint` or `none`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::AcceptNew => "accept-new",
            Self::Fingerprint => "fingerprint",
            Self::None => "none",
        }
    }
}

/// Hash of a configured hex fingerprint (`repo-sftp-host-key-hash-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashType {
    Md5,
    Sha1,
    Sha256,
}

impl HashType {
    /// The option value: `md5`, `sha1` or `sha256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }
}

/// Everything an [`crate::sftp::SftpStorage`] is built from.
#[derive(Debug, Clone)]
pub struct SftpSettings {
    /// Name or address of the server; also the name looked up in known_hosts.
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Absolute path of the repository as the server sees it.
    pub root: PathBuf,
    /// Private key in OpenSSH, PKCS#1 or PKCS#8 form.
    pub private_key_file: Option<PathBuf>,
    pub private_key_passphrase: Option<SecretString>,
    /// Not needed for a key file; with an agent it chooses the key to use.
    pub public_key_file: Option<PathBuf>,
    /// User certificate; `None`: `<private key file>-cert.pub` where that exists.
    pub certificate_file: Option<PathBuf>,
    /// Socket of an ssh-agent, asked where no private key file is given.
    pub agent_socket: Option<PathBuf>,
    pub host_key_check: HostKeyCheck,
    /// Hash of bare hex fingerprints; `None`: told from their length.
    pub hash_type: Option<HashType>,
    /// Accepted fingerprints: hex with or without colons, `SHA256:base64`, `MD5:aa:bb:…`. One is enough.
    pub fingerprints: Vec<String>,
    /// More of them, whose hash is always told from their form.
    pub pins: Vec<String>,
    /// Files to look the host up in; `None`: the user's and the system's, as OpenSSH does.
    pub known_hosts: Option<Vec<PathBuf>>,
    /// Home directory of the running user (known_hosts, key directory); `None`: from the user database.
    pub home: Option<PathBuf>,
    /// Longest time without progress; also the longest time a lost connection is tried again.
    pub io_timeout: Duration,
    /// Also offers algorithms that only old servers need (CBC is never offered).
    pub legacy_algorithms: bool,
    /// Number of SSH connections; `None`: from the measured round trip and the bytes ahead.
    pub connections: Option<usize>,
    /// Most SSH connections, whatever is measured; `None`: no limit of the user's.
    pub connection_max: Option<usize>,
    /// Number of SFTP channels on each connection; `None`: likewise.
    pub channels: Option<usize>,
    /// Bytes that may wait for the server's acknowledgement, and bytes read ahead.
    pub byte_budget: usize,
    /// The account may add files, and neither change nor remove what is there: files are published by hard links.
    pub append_only: bool,
    /// Socket of a process that may keep a connection open ([`super::persist`]). It is asked before one is made.
    pub persist_socket: Option<PathBuf>,
}

impl SftpSettings {
    /// Settings with every default: strict check, port 22, 60 s, 64 MiB.
    #[must_use]
    pub fn new(host: impl Into<String>, user: impl Into<String>, root: impl Into<PathBuf>) -> Self {
        Self {
            host: host.into(),
            port: 22,
            user: user.into(),
            root: root.into(),
            private_key_file: None,
            private_key_passphrase: None,
            public_key_file: None,
            certificate_file: None,
            agent_socket: None,
            host_key_check: HostKeyCheck::Strict,
            hash_type: None,
            fingerprints: Vec::new(),
            pins: Vec::new(),
            known_hosts: None,
            home: None,
            io_timeout: Duration::from_secs(60),
            legacy_algorithms: false,
            connections: None,
            connection_max: None,
            channels: None,
            byte_budget: 64 << 20,
            append_only: false,
            persist_socket: None,
        }
    }

    /// Home directory of the running user.
    #[must_use]
    pub fn home_dir(&self) -> Option<PathBuf> {
        self.home.clone().or_else(user_home)
    }

    /// `host`, or `[host]:port` where the port is not 22: the name in known_hosts files.
    #[must_use]
    pub fn known_name(&self) -> String {
        if self.port == 22 {
            self.host.clone()
        } else {
            format!("[{}]:{}", self.host, self.port)
        }
    }

    /// The command that does by hand what is done here, for hints; `flag` is one more word of it.
    #[must_use]
    pub fn by_hand(&self, flag: &str) -> String {
        let key = self.private_key_file.as_ref();
        format!(
            "sftp {flag}{}-P {} {}{}@{}",
            if flag.is_empty() { "" } else { " " },
            self.port,
            key.map(|file| format!("-i '{}' ", file.display()))
                .unwrap_or_default(),
            self.user,
            self.host
        )
    }

    /// `host:port` for messages.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

fn user_home() -> Option<PathBuf> {
    use uzers::os::unix::UserExt;
    uzers::get_user_by_uid(uzers::get_effective_uid()).map(|user| user.home_dir().to_owned())
}

/// Expands a leading `~/` with the running user's home directory. Blanks around it are dropped.
#[must_use]
pub fn expand_home(text: &str) -> PathBuf {
    let text = text.trim();
    match text.strip_prefix('~').and_then(|rest| {
        rest.is_empty()
            .then_some("")
            .or_else(|| rest.strip_prefix('/'))
    }) {
        Some(rest) => user_home().unwrap_or_else(|| PathBuf::from("~")).join(rest),
        None => Path::new(text).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_other_than_22_is_part_of_the_known_name() {
        let mut settings = SftpSettings::new("backup.example.org", "pg", "/repo");
        assert_eq!(settings.known_name(), "backup.example.org");
        settings.port = 2222;
        assert_eq!(settings.known_name(), "[backup.example.org]:2222");
        settings.host = "::1".into();
        assert_eq!(settings.address(), "[::1]:2222");
    }

    #[test]
    fn only_a_leading_tilde_and_slash_is_expanded() {
        assert_eq!(expand_home("/a/~/b"), PathBuf::from("/a/~/b"));
        assert_eq!(expand_home("~other/x"), PathBuf::from("~other/x"));
        assert!(expand_home(" ~/x").is_absolute() || user_home().is_none());
    }
}
