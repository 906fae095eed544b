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

impl ThrowAwayRoot {
    /// Starts its SSH server and waits until it answers.
    pub fn start_sshd(&self) -> Result<()> {
        self.shell("exec \"$(command -v sshd)\" -E /var/sshd.log")?
            .success()?;
        self.wait_for_sshd()
    }

    /// Makes the server read its configuration and keys again, and waits until it has.
    pub fn reload_sshd(&self) -> Result<()> {
        let reloaded = self.reloads();
        self.shell("kill -HUP $(cat /run/sshd.pid)")?.success()?;
        let started = Instant::now();
        // Until it has noticed the signal, the old one answers.
        while self.reloads() == reloaded && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.wait_for_sshd()
    }

    fn reloads(&self) -> usize {
        self.sshd_log().matches(RELOADED).count()
    }

    /// Waits until the server takes connections (again).
    pub fn wait_for_sshd(&self) -> Result<()> {
        let started = Instant::now();
        let knock = format!(
            "exec 3<>/dev/tcp/{}/{}",
            self.address.ip(),
            self.address.port()
        );
        while started.elapsed() < PATIENCE {
            // One that was told to reload closes its port, and opens it again a moment later.
            let log = self.sshd_log();
            if log.rfind(RELOADED) > log.rfind(LISTENS) {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            }
            // From inside: the network may be its own.
            if run(self.command("bash").args(["-c", &knock]))?.code == 0 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(Error::Failed(format!(
            "sshd does not answer:\n{}",
            self.sshd_log()
        )))
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
