//! What a server shall be like, and its configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::error::{During, Error, Result};
use crate::installed;
use crate::scratch::Scratch;
use crate::suite;

use super::keys::{keygen, keygen_with, known_hosts};
use super::launch::{free_port, launch};
use super::layout::{CHROOT_AT, KEEPER, Layout, chrooted_layout, plain_layout};
use super::server::{KEEPER_KEY, SftpServer};

const SSHD: &str = "/usr/sbin/sshd";

/// What the server shall be like.
#[derive(Debug, Clone, Default)]
pub struct SftpServerBuilder {
    chrooted: bool,
    newest: bool,
    lines: Vec<String>,
    account_lines: Vec<String>,
    shell: bool,
    short_host_key: bool,
    host_key_type: Option<String>,
    listen_on: Option<String>,
    without_subsystem: bool,
    keeper: bool,
}

impl SftpServerBuilder {
    /// An SFTP-only system user in a chroot (needs root).
    pub fn chrooted(mut self) -> Self {
        self.chrooted = true;
        self
    }

    /// The newest OpenSSH that the set-up could unpack, with its own defaults for sessions, start-ups and penalties.
    pub fn newest(mut self) -> Self {
        self.newest = true;
        self
    }

    /// Adds a line to the global part of `sshd_config`, before the defaults used here; the first of a keyword counts.
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Adds a line to the part of `sshd_config` that is for the chrooted account, before the lines used here, which
    /// close everything but SFTP; the first of a keyword counts.
    pub fn account_line(mut self, line: impl Into<String>) -> Self {
        self.account_lines.push(line.into());
        self
    }

    /// A second account with the number and the chroot of the first and a key of its own, which may do all that SFTP can
    /// ([`SftpServer::keeper`]). Implies [`Self::chrooted`].
    pub fn keeper(mut self) -> Self {
        self.keeper = true;
        self.chrooted()
    }

    /// Gives the chrooted account a shell that is there in the chroot.
    pub fn shell(mut self) -> Self {
        self.shell = true;
        self
    }

    /// A second host key that is too short: RSA with 1024 bits.
    pub fn short_host_key(mut self) -> Self {
        self.short_host_key = true;
        self
    }

    /// Type of the host key as `ssh-keygen -t` names it (ed25519 unless set).
    pub fn host_key_type(mut self, kind: impl Into<String>) -> Self {
        self.host_key_type = Some(kind.into());
        self
    }

    /// Listens on `::1`.
    pub fn ipv6(self) -> Self {
        self.listen_on("::1")
    }

    /// Listens on this address of the loopback device (127.0.0.1 unless set).
    pub fn listen_on(mut self, address: &str) -> Self {
        self.listen_on = Some(address.to_owned());
        self
    }

    /// Has no subsystem `sftp`: a server for logins only.
    pub fn without_subsystem(mut self) -> Self {
        self.without_subsystem = true;
        self
    }

    /// Starts it with the SFTP-only account in a chroot where that can be had, else with the server account. In CI it must
    /// be had.
    pub fn start_chrooted_if_possible(self) -> Result<SftpServer> {
        match self.clone().chrooted().start() {
            Err(Error::Missing(_)) if !suite::in_ci() => self.start(),
            started => started,
        }
    }

    /// Makes keys and configuration and starts the server.
    pub fn start(self) -> Result<SftpServer> {
        let program = if self.newest {
            installed::newest_openssh()?.join("sbin/sshd")
        } else {
            PathBuf::from(SSHD)
        };
        if !program.exists() {
            return Err(Error::missing("sshd"));
        }
        if self.chrooted && !rustix::process::geteuid().is_root() {
            return Err(Error::Missing(
                "a chrooted SFTP account can be made by root only".into(),
            ));
        }
        let scratch = Scratch::new()?;
        let account = scratch.account().clone();
        keygen(
            &account,
            &scratch.join("host_key"),
            self.host_key_type.as_deref().unwrap_or("ed25519"),
        )?;
        if self.short_host_key {
            keygen_with(
                &account,
                &scratch.join("short_host_key"),
                &["rsa", "-b", "1024"],
            )?;
        }
        keygen(&account, &scratch.join("client_key"), "ed25519")?;
        fs::copy(
            scratch.join("client_key.pub"),
            scratch.join("authorized_keys"),
        )
        .during("copy the client's key")?;
        account.own(&scratch.join("authorized_keys"))?;
        if self.keeper {
            keygen(&account, &scratch.join(KEEPER_KEY), "ed25519")?;
        }
        let layout = if self.chrooted {
            chrooted_layout(&scratch, program, self.shell, self.keeper)?
        } else {
            plain_layout(&scratch, program)?
        };
        let mut last = String::new();
        // The port is free when it is chosen; should another process take it first, another one is tried.
        for _ in 0..5 {
            let address = free_port(self.listen_on.as_deref().unwrap_or("127.0.0.1"))?;
            scratch.write(
                "sshd_config",
                self.configuration(&scratch, address, &layout)?,
            )?;
            match launch(&scratch, address, &layout) {
                Ok(child) => {
                    let known_hosts = known_hosts(&scratch, address)?;
                    return Ok(SftpServer {
                        child,
                        address,
                        layout,
                        keeper: self.keeper,
                        known_hosts,
                        scratch,
                    });
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(Error::Failed(last))
    }

    fn configuration(
        &self,
        scratch: &Scratch,
        address: SocketAddr,
        layout: &Layout,
    ) -> Result<String> {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str(&format!(
            "Port {port}\nListenAddress {address}\nHostKey {dir}/host_key\nPidFile none\nAuthorizedKeysFile {dir}/authorized_keys\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\nUsePAM no\nUseDNS no\n\
             LogLevel VERBOSE\n{subsystem}AllowUsers {user}{keeper}\n",
            port = address.port(),
            address = address.ip(),
            subsystem = if self.without_subsystem {
                ""
            } else {
                "Subsystem sftp internal-sftp\n"
            },
            dir = scratch.path().display(),
            user = layout.user,
            keeper = if self.keeper { format!(" {KEEPER}") } else { String::new() },
        ));
        if self.newest {
            let lib = installed::newest_openssh()?.join("lib");
            text.push_str(&format!(
                "SshdSessionPath {0}/sshd-session\nSshdAuthPath {0}/sshd-auth\n",
                lib.display()
            ));
        } else {
            // Many tests log in at once.
            text.push_str("MaxStartups 100\n");
        }
        if self.short_host_key {
            text.push_str(&format!(
                "HostKey {}/short_host_key\n",
                scratch.path().display()
            ));
        }
        if self.chrooted {
            let closed = format!(
                "    ChrootDirectory {CHROOT_AT}\n    ForceCommand internal-sftp\n    AllowTcpForwarding no\n    \
                 AllowStreamLocalForwarding no\n    AllowAgentForwarding no\n    X11Forwarding no\n    PermitTunnel no\n    \
                 PermitTTY no\n    PermitUserRC no\n",
            );
            text.push_str(&format!("Match User {}\n", layout.user));
            for line in &self.account_lines {
                text.push_str(&format!("    {line}\n"));
            }
            text.push_str(&closed);
            if self.keeper {
                text.push_str(&format!(
                    "Match User {KEEPER}\n    AuthorizedKeysFile {}/{KEEPER_KEY}.pub\n{closed}",
                    scratch.path().display()
                ));
            }
        }
        Ok(text)
    }
}

impl SftpServer {
    /// Describes a new server.
    pub fn builder() -> SftpServerBuilder {
        SftpServerBuilder::default()
    }
}
