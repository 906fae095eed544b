//! A machine that runs: commands in it, files of it, programs and accounts added to it.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::compare::{Ignore, Snapshot};
use crate::error::{During, Result};
use crate::run::{Outcome, run};
use crate::scratch::Scratch;

use super::files::write;

/// A running machine; ended with all its processes when dropped.
#[derive(Debug)]
pub struct ThrowAwayRoot {
    pub(super) inside: Child,
    pub(super) process: u32,
    pub(super) address: SocketAddr,
    pub(super) scratch: Scratch,
}

impl ThrowAwayRoot {
    /// Where its SSH server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes it a database host: the account `postgres` with the number it has out here, and `sudo` for its commands.
    pub fn add_postgres(&self) -> Result<()> {
        let account = self.scratch.account();
        let (user, uid, gid) = (account.name(), account.uid(), account.gid());
        self.shell(&format!(
            "groupadd --gid {gid} {user}; useradd --uid {uid} --gid {gid} --home-dir /var/lib/postgresql --shell /bin/bash {user}
             mkdir -p /var/lib /var/log; install -d -o {user} -g {user} /var/lib/postgresql /run/postgresql"
        ))?
        .success()?;
        self.add_sudo()
    }

    /// `sudo`, as far as tests need it: root may become anybody.
    pub fn add_sudo(&self) -> Result<()> {
        let sudo = "#!/bin/sh\n# What the tests need of sudo: [-u USER] COMMAND.\nset -eu\n\
            if [ \"$1\" != -u ]; then exec \"$@\"; fi\nuser=$2; shift 2\n\
            export HOME=$(getent passwd \"$user\" | cut -d: -f6) USER=$user LOGNAME=$user\n\
            exec setpriv --reuid \"$user\" --regid \"$(id -g \"$user\")\" --init-groups \"$@\"\n";
        write(&self.path("/usr-local-bin/sudo"), sudo, 0o755)
    }

    /// Installs a program under the names given, as `install` and `ln` into /usr/local/bin would.
    pub fn install(&self, program: &Path, names: &[&str]) -> Result<()> {
        let first = self.path("/usr-local-bin").join(names[0]);
        fs::copy(program, &first).during("copy the program")?;
        fs::set_permissions(&first, fs::Permissions::from_mode(0o755)).during("set its mode")?;
        for name in &names[1..] {
            std::os::unix::fs::symlink(names[0], self.path("/usr-local-bin").join(name))
                .during("make a link")?;
        }
        Ok(())
    }

    /// Runs a line of shell there as the account `postgres`.
    pub fn as_postgres(&self, line: &str) -> Result<Outcome> {
        run(self
            .command("sudo")
            .args(["-u", self.scratch.account().name(), "sh", "-ec", line]))
    }

    /// A path of the machine as this process sees it (programs and /run are not there).
    pub fn path(&self, inside: &str) -> PathBuf {
        self.scratch
            .join("root")
            .join(inside.trim_start_matches('/'))
    }

    /// A directory for other files of the test.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// A command that runs as root on that machine, with a clean environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.process))
            .args(["--mount", "--net", "--pid", "--root", "--wd", "--", program])
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("HOME", "/root")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a line of shell there.
    pub fn shell(&self, line: &str) -> Result<Outcome> {
        run(self.command("sh").args(["-ec", line]))
    }

    /// Every file of the machine, but for logs and for the copies and locks that `useradd` and its like leave.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut ignore = Ignore::nothing();
        for path in [
            "var/sshd.log",
            "etc/passwd-",
            "etc/group-",
            "etc/shadow-",
            "etc/gshadow-",
            "etc/.pwd.lock",
        ] {
            ignore = ignore.path(path);
        }
        Snapshot::of(&self.scratch.join("root"), &ignore)
    }
}

impl Drop for ThrowAwayRoot {
    fn drop(&mut self) {
        // Process 1 takes all others of its namespace with it, and the mounts go with the last of them.
        let first = i32::try_from(self.process)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(first) = first {
            let _ = rustix::process::kill_process(first, rustix::process::Signal::KILL);
        }
        let _ = self.inside.wait();
    }
}
