//! A server that runs: what clients need to know of it, and what can happen to it.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::error::{During, Error, Result};
use crate::run::run;
use crate::scratch::Scratch;

use super::keys::{keygen, known_hosts};
use super::launch::launch;
use super::layout::{KEEPER, Layout};

/// File with the private key of the second account.
pub(super) const KEEPER_KEY: &str = "keeper_key";

/// A running server; ended when dropped.
#[derive(Debug)]
pub struct SftpServer {
    pub(super) child: Child,
    pub(super) address: SocketAddr,
    pub(super) layout: Layout,
    pub(super) keeper: bool,
    pub(super) known_hosts: PathBuf,
    pub(super) scratch: Scratch,
}

impl SftpServer {
    /// Address and port on loopback.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Login name.
    pub fn user(&self) -> &str {
        &self.layout.user
    }

    /// Login name and private key of the second account, if it has one.
    pub fn keeper(&self) -> Option<(&str, PathBuf)> {
        self.keeper.then(|| (KEEPER, self.scratch.join(KEEPER_KEY)))
    }

    /// The client's private key, readable by the server account only.
    pub fn private_key(&self) -> PathBuf {
        self.scratch.join("client_key")
    }

    /// The client's public key.
    pub fn public_key(&self) -> PathBuf {
        self.scratch.join("client_key.pub")
    }

    /// A `known_hosts` file that names this server at its port.
    pub fn known_hosts(&self) -> &Path {
        &self.known_hosts
    }

    /// The directory that the client may write, as the client names it.
    pub fn remote_dir(&self) -> &str {
        &self.layout.remote
    }

    /// The same directory as this process sees it.
    pub fn files(&self) -> &Path {
        &self.layout.files
    }

    /// A `known_hosts` file for the same server behind another address, for instance a `NetworkProxy`.
    pub fn known_hosts_for(&self, address: SocketAddr) -> Result<PathBuf> {
        known_hosts(&self.scratch, address)
    }

    /// A program in `scratch` that stands in for `ssh`, to be run by the account of the scratch: it knows the key and this server. For a
    /// server without a subsystem, which runs commands.
    pub fn ssh(&self, scratch: &Scratch) -> Result<PathBuf> {
        let key = fs::read(self.private_key()).during("read the client's key")?;
        let key = scratch.write("key", key)?;
        fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).during("close the key")?;
        let known = fs::read(self.known_hosts()).during("read known_hosts")?;
        let known = scratch.write("known_hosts", known)?;
        let config = scratch.write(
            "ssh_config",
            format!(
                "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\n",
                key.display(),
                known.display()
            ),
        )?;
        let ssh = scratch.write(
            "ssh",
            format!("#!/bin/sh\nexec ssh -F {} \"$@\"\n", config.display()),
        )?;
        fs::set_permissions(&ssh, PermissionsExt::from_mode(0o755)).during("open the script")?;
        Ok(ssh)
    }

    /// The host key's fingerprint, `SHA256:…`.
    pub fn fingerprint(&self) -> Result<String> {
        let said = run(Command::new("ssh-keygen")
            .arg("-lf")
            .arg(self.scratch.join("host_key.pub")))?
        .success()?
        .stdout;
        Ok(said
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned())
    }

    /// Replaces the host key; the server must be restarted to use it.
    pub fn new_host_key(&self) -> Result<()> {
        for name in ["host_key", "host_key.pub"] {
            fs::remove_file(self.scratch.join(name)).during(format!("remove {name}"))?;
        }
        keygen(
            self.scratch.account(),
            &self.scratch.join("host_key"),
            "ed25519",
        )
    }

    /// Ends the server with all sessions, and starts it again at the same port. `known_hosts` stays as it is.
    pub fn restart(&mut self) -> Result<()> {
        self.end();
        self.child = launch(&self.scratch, self.address, &self.layout)?;
        Ok(())
    }

    /// Ends the server with all sessions: nobody listens at the port until [`Self::restart`].
    pub fn stop(&mut self) {
        self.end();
    }

    /// Stops the server and its sessions where they are: connections stay open, and nothing is answered.
    pub fn freeze(&self) -> Result<()> {
        self.signal_all(rustix::process::Signal::STOP)
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) -> Result<()> {
        self.signal_all(rustix::process::Signal::CONT)
    }

    fn signal_all(&self, signal: rustix::process::Signal) -> Result<()> {
        let group = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .ok_or_else(|| Error::failed("the server has no process id"))?;
        rustix::process::kill_process_group(group, signal)
            .map_err(std::io::Error::from)
            .during("signal the server")
    }

    /// What the server logged so far.
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.scratch.join("sshd.log")).unwrap_or_default()
    }

    fn end(&mut self) {
        // The group holds the listener and its sessions. An error means that it has ended already.
        let group = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
            // One that is frozen ends only when it goes on.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::CONT);
        }
        let _ = self.child.wait();
    }
}

impl Drop for SftpServer {
    fn drop(&mut self) {
        self.end();
    }
}
