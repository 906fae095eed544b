//! The SSH server of a machine: started, told to reload, waited for.

use std::fs;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::run::run;

use super::machine::ThrowAwayRoot;

/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// What sshd logs when it is told to reload, and when it takes connections.
const RELOADED: &str = "Received SIGHUP; restarting.";
const LISTENS: &str = "Server listening on";
/// Succeeds if the server waits for something to happen and no signal waits for it.
const NOTHING_PENDING: &str = "grep -q '^State:[[:space:]]*S' /proc/$(cat /run/sshd.pid)/status && \
    grep -q '^ShdPnd:[[:space:]]*0*$' /proc/$(cat /run/sshd.pid)/status";

impl ThrowAwayRoot {
    /// Starts its SSH server and waits until it answers.
    pub fn start_sshd(&self) -> Result<()> {
        self.shell("exec \"$(command -v sshd)\" -E /var/sshd.log")?
            .success()?;
        self.wait_for_sshd()
    }

    /// Makes the server read its configuration and keys again, and waits until it has.
    pub fn reload_sshd(&self) -> Result<()> {
        self.shell("kill -HUP $(cat /run/sshd.pid)")?.success()?;
        self.wait_for_sshd()
    }

    /// Waits until the server takes connections (again), with the configuration that it was last told to read.
    pub fn wait_for_sshd(&self) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.sshd_is_ready()? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(Error::Failed(format!(
            "sshd does not answer:\n{}",
            self.sshd_log()
        )))
    }

    /// Whether the server has read what it was last told to read, and takes connections.
    pub fn sshd_is_ready(&self) -> Result<bool> {
        // The old one listens until it has noticed a signal, however long ago that was sent.
        if run(self.command("sh").args(["-c", NOTHING_PENDING]))?.code != 0 {
            return Ok(false);
        }
        // One that was told to reload closes its port, and opens it again a moment later.
        let log = self.sshd_log();
        if log.rfind(RELOADED) > log.rfind(LISTENS) {
            return Ok(false);
        }
        // From inside: the network may be its own.
        let knock = format!(
            "exec 3<>/dev/tcp/{}/{}",
            self.address.ip(),
            self.address.port()
        );
        Ok(run(self.command("bash").args(["-c", &knock]))?.code == 0)
    }

    /// What the server logged.
    pub fn sshd_log(&self) -> String {
        fs::read_to_string(self.path("/var/sshd.log")).unwrap_or_default()
    }

    /// The server's own word on one of its host keys: `SHA256:…` as its owner would read it out.
    pub fn fingerprint(&self) -> Result<String> {
        let said = self
            .shell("ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub")?
            .success()?
            .stdout;
        Ok(said
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned())
    }
}
