//! A database host's side of the set-up: home directory, key, script; and the machine that the script is for.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::throw_away_root::ThrowAwayRoot;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub struct Desk<'a> {
    pub program: &'a Program,
    pub machine: ThrowAwayRoot,
    /// Where the database host reaches it: there, or at a proxy before it.
    pub address: SocketAddr,
}

impl<'a> Desk<'a> {
    /// A machine whose SSH server runs.
    pub fn new(program: &'a Program, newest: bool) -> Result<Self> {
        let machine = ThrowAwayRoot::builder().newest(newest).make()?;
        machine.start_sshd()?;
        let address = machine.address();
        Ok(Self {
            program,
            machine,
            address,
        })
    }

    pub fn key(&self) -> PathBuf {
        self.machine.scratch().join(".ssh/id_ed25519_sftp")
    }

    pub fn known_hosts(&self) -> PathBuf {
        self.machine.scratch().join(".ssh/known_hosts")
    }

    pub fn script(&self) -> PathBuf {
        self.machine.scratch().join("sftp-host.sh")
    }

    /// `sftp-setup` for this machine, with more arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program.command();
        command
            .arg("--no-config")
            .arg(format!("--repo2-sftp-host={}", self.address.ip()))
            .arg(format!("--repo2-sftp-host-port={}", self.address.port()))
            .arg("--repo2-sftp-host-user=pgbackup")
            .arg(format!(
                "--repo2-sftp-private-key-file={}",
                self.key().display()
            ))
            .arg(format!(
                "--repo2-sftp-known-host={}",
                self.known_hosts().display()
            ))
            .args(arguments)
            .arg("sftp-setup");
        command
    }

    pub fn setup(&self, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(&mut self.command(arguments))?)
    }

    /// The whole of the database host's side, with the fingerprint that the server's owner reads out.
    pub fn prepared(&self, arguments: &[&str]) -> Result<Outcome> {
        let fingerprint = format!("--fingerprint={}", self.machine.fingerprint()?);
        let script = format!("--sftp-script={}", self.script().display());
        let mut all = vec![fingerprint.as_str(), script.as_str()];
        all.extend(arguments);
        Ok(self.setup(&all)?.success()?)
    }

    /// Runs the script on the machine.
    pub fn run_script(&self, arguments: &[&str]) -> Result<Outcome> {
        let inside = "/root/sftp-host.sh";
        std::fs::copy(self.script(), self.machine.path(inside))?;
        let outcome = run(self.machine.command("sh").arg(inside).args(arguments))?;
        std::fs::remove_file(self.machine.path(inside))?;
        self.machine.wait_for_sshd()?;
        Ok(outcome)
    }

    /// A login with the key as OpenSSH's own client makes it; what it was asked to do is on its standard input.
    pub fn sftp(&self, batch: &str) -> Result<Outcome> {
        self.sftp_as("pgbackup", &self.key(), batch)
    }

    /// The same for another account and key.
    pub fn sftp_as(&self, user: &str, key: &Path, batch: &str) -> Result<Outcome> {
        let file = self.machine.scratch().write("batch", batch)?;
        Ok(run(self
            .client(key)
            .arg("-b")
            .arg(file)
            .arg(format!("{user}@{}", self.address.ip())))?)
    }

    /// A session that is logged in and stays so.
    pub fn open_session(&self) -> Result<Child> {
        let mut child = self
            .client(&self.key())
            .args(["-b", "-"])
            .arg(format!("pgbackup@{}", self.address.ip()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // It is there when it has answered. Its input stays open.
        let input = child.stdin.as_mut().ok_or("no input")?;
        writeln!(input, "pwd")?;
        input.flush()?;
        let output = child.stdout.as_mut().ok_or("no output")?;
        let mut lines = BufReader::new(output).lines();
        while !lines
            .next()
            .ok_or("the session has ended")??
            .contains("working directory:")
        {}
        Ok(child)
    }

    /// OpenSSH's own client with a key.
    fn client(&self, key: &Path) -> Command {
        let mut command = self.machine.scratch().account().command("sftp");
        command
            .args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"])
            .arg(format!(
                "-oUserKnownHostsFile={}",
                self.known_hosts().display()
            ))
            .arg("-i")
            .arg(key)
            .arg("-P")
            .arg(self.address.port().to_string());
        command
    }
}

/// Fails unless the text has the words.
pub fn says(text: &str, words: &str) -> Result<()> {
    if text.contains(words) {
        Ok(())
    } else {
        Err(format!("no {words:?} in:\n{text}").into())
    }
}
