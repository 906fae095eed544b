//! What a machine shall be like, and the directories it is made of.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::accounts;
use crate::error::{During, Error, Result};
use crate::installed;
use crate::run::run;
use crate::scratch::Scratch;

use super::files::{make_dir, make_dir_all, write};
use super::machine::ThrowAwayRoot;
use super::namespace::{Network, start};

/// Of this machine's /etc, what programs need and neither accounts nor rules for logins are in.
const COPIED: &[&str] = &[
    "alternatives",
    "default",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "login.defs",
    "ssh/moduli",
];

/// Directories of programs: seen, not changed. What is a link here is a link there.
const PROGRAMS: &[&str] = &["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// What the machine shall be like.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThrowAwayRootBuilder<'a> {
    newest: bool,
    address: Option<SocketAddr>,
    own_network: bool,
    network_of: Option<&'a ThrowAwayRoot>,
    programs: Option<&'a Path>,
}

impl<'a> ThrowAwayRootBuilder<'a> {
    /// The newest OpenSSH server that the set-up could unpack, in place of this system's.
    pub fn newest(mut self, newest: bool) -> Self {
        self.newest = newest;
        self
    }

    /// A network that only machines made with [`Self::network_of`] share. It has the addresses 10.0.0.1 and 10.0.0.2.
    pub fn own_network(mut self) -> Self {
        self.own_network = true;
        self
    }

    /// The network of another machine.
    pub fn network_of(mut self, other: &'a ThrowAwayRoot) -> Self {
        self.network_of = Some(other);
        self
    }

    /// One more directory of programs, seen there at the same place and not changed.
    pub fn programs(mut self, directory: &'a Path) -> Self {
        self.programs = Some(directory);
        self
    }

    /// Where its SSH server listens; otherwise a free port of 127.0.0.1.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Makes the machine. Its SSH server is configured and not started.
    pub fn make(self) -> Result<ThrowAwayRoot> {
        if !rustix::process::geteuid().is_root() {
            return Err(Error::Missing(
                "a throw-away root can be made by root only".into(),
            ));
        }
        if !Path::new("/usr/sbin/sshd").exists() {
            return Err(Error::missing("sshd"));
        }
        let scratch = Scratch::new()?;
        let root = scratch.join("root");
        let address = match self.address {
            Some(address) => address,
            None => TcpListener::bind(("127.0.0.1", 0))
                .and_then(|listener| listener.local_addr())
                .during("find a free port")?,
        };
        let mut bound: Vec<PathBuf> = Vec::new();
        make_dir(&root, 0o755)?;
        for name in [
            "dev",
            "dev/shm",
            "etc",
            "home",
            "proc",
            "root",
            "run",
            "srv",
            "usr-local-bin",
            "usr-local-sbin",
            "var",
            "etc/ssh",
            "etc/ssh/sshd_config.d",
        ] {
            make_dir(&root.join(name), 0o755)?;
        }
        make_dir(&root.join("tmp"), 0o1777)?;
        std::os::unix::fs::symlink("/run", root.join("var/run")).during("make a link")?;
        for name in ["null", "zero", "random", "urandom", "tty"] {
            write(&root.join("dev").join(name), "", 0o644)?;
        }
        for name in PROGRAMS {
            let own = Path::new("/").join(name);
            if let Ok(target) = fs::read_link(&own) {
                std::os::unix::fs::symlink(target, root.join(name)).during("make a link")?;
            } else if own.is_dir() {
                make_dir(&root.join(name), 0o755)?;
                bound.push(own);
            }
        }
        for name in COPIED {
            let own = Path::new("/etc").join(name);
            if own.exists() {
                run(Command::new("cp")
                    .arg("-a")
                    .arg(&own)
                    .arg(root.join("etc").join(name)))?
                .success()?;
            }
        }
        if let Some(own) = self.programs {
            make_dir_all(&root.join(own.strip_prefix("/").unwrap_or(own)))?;
            bound.push(own.to_owned());
        }
        accounts::write(&root.join("etc"), &[])?;
        accounts::write_pam(&root.join("etc"))?;
        run(Command::new("ssh-keygen").args(["-A", "-f"]).arg(&root))?.success()?;
        let mut more = String::new();
        if self.newest {
            let home = installed::newest_openssh()?;
            make_dir_all(&root.join(home.strip_prefix("/").unwrap_or(&home)))?;
            std::os::unix::fs::symlink(home.join("sbin/sshd"), root.join("usr-local-sbin/sshd"))
                .during("make a link")?;
            let lib = home.join("lib");
            more = format!(
                "SshdSessionPath {0}/sshd-session\nSshdAuthPath {0}/sshd-auth\nUsePAM no\n",
                lib.display()
            );
            bound.push(home);
        } else {
            more.push_str("UsePAM yes\n");
        }
        // The rest is what Debian ships.
        write(
            &root.join("etc/ssh/sshd_config"),
            &format!(
                "Include /etc/ssh/sshd_config.d/*.conf\nPort {}\nListenAddress {}\nKbdInteractiveAuthentication no\n{more}X11Forwarding yes\n\
                 PrintMotd no\nAcceptEnv LANG LC_*\nSubsystem sftp /usr/lib/openssh/sftp-server\n",
                address.port(),
                address.ip()
            ),
            0o644,
        )?;
        let network = match (self.network_of, self.own_network) {
            (Some(other), _) => Network::Of(other.process),
            (None, true) => Network::Own,
            (None, false) => Network::Shared,
        };
        let (inside, process) = start(&root, &bound, &network)?;
        Ok(ThrowAwayRoot {
            inside,
            process,
            address,
            scratch,
        })
    }
}

impl ThrowAwayRoot {
    /// Describes a new machine.
    pub fn builder<'a>() -> ThrowAwayRootBuilder<'a> {
        ThrowAwayRootBuilder::default()
    }
}
