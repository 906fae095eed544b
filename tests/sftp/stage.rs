//! A server, a cluster at rest and a configuration whose repository is on the server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::sftp_server::{SftpServer, SftpServerBuilder};

use crate::Result;

/// Options of one run, by name, that replace those of the stage; an empty value takes the option away.
pub(crate) type Options<'o> = &'o [(&'o str, &'o str)];

pub(crate) struct Stage<'a> {
    program: &'a Program,
    pub(crate) scratch: Scratch,
    pub(crate) server: SftpServer,
    options: Vec<(String, String)>,
    key: PathBuf,
}

impl<'a> Stage<'a> {
    /// A stage on a plain server.
    pub(crate) fn new(program: &'a Program, options: Options<'_>) -> Result<Self> {
        Self::on(program, SftpServer::builder(), options)
    }

    /// A stage on a server of one's own making.
    pub(crate) fn on(
        program: &'a Program,
        server: SftpServerBuilder,
        options: Options<'_>,
    ) -> Result<Self> {
        let scratch = Scratch::new()?;
        let server = server.start()?;
        let data = scratch.join("data");
        DataDirBuilder::new("15")?
            .relation("base/1/16384", 40)
            .relation("base/1/16385", 3)
            .build(&data)?;
        scratch.account().own_tree(&data)?;
        let key = scratch.join("key");
        std::fs::copy(server.private_key(), &key)?;
        own_key(&scratch, &key)?;
        let owned = |options: Options<'_>| {
            let pair = |(option, value): &(&str, &str)| ((*option).to_owned(), (*value).to_owned());
            options.iter().map(pair).collect()
        };
        let mut stage = Self {
            program,
            scratch,
            server,
            options: owned(options),
            key,
        };
        if !options
            .iter()
            .any(|(option, _)| *option == "repo1-retention-full")
        {
            stage.set("repo1-retention-full", "2");
        }
        let address = stage.server.address();
        stage.reached_at(address)?;
        Ok(stage)
    }

    /// From now on the server is reached at another address: that of a proxy before it.
    pub(crate) fn reached_at(&mut self, address: SocketAddr) -> Result<()> {
        let known = std::fs::read(self.server.known_hosts_for(address)?)?;
        let known = self.scratch.write("known_hosts", known)?;
        let server = &self.server;
        for (option, value) in [
            ("repo1-type", "sftp".to_owned()),
            ("repo1-path", server.remote_dir().to_owned()),
            ("repo1-sftp-host", address.ip().to_string()),
            ("repo1-sftp-host-port", address.port().to_string()),
            ("repo1-sftp-host-user", server.user().to_owned()),
            (
                "repo1-sftp-private-key-file",
                self.key.display().to_string(),
            ),
            ("repo1-sftp-known-host", known.display().to_string()),
        ] {
            self.set(option, &value);
        }
        Ok(())
    }

    /// Sets an option for all runs to come; an empty value takes it away.
    pub(crate) fn set(&mut self, option: &str, value: &str) {
        self.options.retain(|(known, _)| known != option);
        self.options.push((option.to_owned(), value.to_owned()));
    }

    pub(crate) fn key(&self) -> &Path {
        &self.key
    }

    /// A configuration file; of an option that is given several times, each is kept.
    fn configuration(&self, name: &str, changes: Options<'_>) -> Result<PathBuf> {
        let base = Configuration::new(&self.scratch)?
            .stanza("main", "pg1-path", self.scratch.join("data").display())
            .text();
        let mut global = String::new();
        let changed = |option: &str| changes.iter().any(|(known, _)| *known == option);
        let kept = self
            .options
            .iter()
            .map(|(option, value)| (option.as_str(), value.as_str()))
            .filter(|(option, _)| !changed(option));
        for (option, value) in kept.chain(changes.iter().copied()) {
            if !value.is_empty() {
                global.push_str(&format!("{option}={value}\n"));
            }
        }
        let path = global.contains("repo1-path=");
        let base: String = base
            .lines()
            .filter(|line| !(path && line.starts_with("repo1-path=")))
            .map(|line| format!("{line}\n"))
            .collect();
        let text = base.replacen("[global]\n", &format!("[global]\n{global}"), 1);
        Ok(self.scratch.write(name, text)?)
    }

    /// A configuration by which pgBackRest looks at the files where the server keeps them.
    pub(crate) fn local(&self) -> Result<PathBuf> {
        let path = self.server.files().display().to_string();
        let mut changes: Vec<(&str, &str)> = self
            .options
            .iter()
            .filter(|(option, _)| option.starts_with("repo1-sftp-"))
            .map(|(option, _)| (option.as_str(), ""))
            .collect();
        changes.extend([("repo1-type", ""), ("repo1-path", path.as_str())]);
        self.configuration("local.conf", &changes)
    }

    /// Runs a command as pgbackrest.
    pub(crate) fn outcome(&self, arguments: &[&str]) -> Result<Outcome> {
        self.outcome_with(&[], arguments)
    }

    /// Runs a command as pgbackrest with other options.
    pub(crate) fn outcome_with(&self, changes: Options<'_>, arguments: &[&str]) -> Result<Outcome> {
        self.start(self.program.as_pgbackrest(), changes, arguments)
    }

    /// Runs a command as pgkeep with other options.
    pub(crate) fn ours_with(&self, changes: Options<'_>, arguments: &[&str]) -> Result<Outcome> {
        self.start(self.program.command(), changes, arguments)
    }

    fn start(
        &self,
        mut command: std::process::Command,
        changes: Options<'_>,
        arguments: &[&str],
    ) -> Result<Outcome> {
        let config = self.configuration("sftp.conf", changes)?;
        let config = format!("--config={}", config.display());
        Ok(run(command
            .args([config.as_str(), "--stanza=main"])
            .args(arguments))?)
    }

    /// A command of this program under its own name.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<std::process::Command> {
        let config = self.configuration("sftp.conf", &[])?;
        let mut command = self.program.command();
        command
            .arg(format!("--config={}", config.display()))
            .arg("--stanza=main")
            .args(arguments);
        Ok(command)
    }

    /// Starts a command as pgbackrest and does not wait for it.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Result<std::process::Child> {
        let config = self.configuration("sftp.conf", &[])?;
        Ok(self
            .program
            .as_pgbackrest()
            .args([&format!("--config={}", config.display()), "--stanza=main"])
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()?)
    }

    /// Runs a command on the files where the server keeps them; it must succeed.
    pub(crate) fn local_run(&self, arguments: &[&str]) -> Result<Outcome> {
        Ok(self.local_outcome(arguments)?.success()?)
    }

    /// Runs a command on the files where the server keeps them.
    pub(crate) fn local_outcome(&self, arguments: &[&str]) -> Result<Outcome> {
        let config = format!("--config={}", self.local()?.display());
        Ok(run(self
            .program
            .as_pgbackrest()
            .args([config.as_str(), "--stanza=main"])
            .args(arguments))?)
    }

    /// Runs a command as pgbackrest; it must succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Outcome> {
        Ok(self.outcome(arguments)?.success()?)
    }
}

/// Gives a key file to the account that runs the program, and closes it to others.
pub(crate) fn own_key(scratch: &Scratch, key: &Path) -> Result<()> {
    scratch.account().own(key)?;
    mode(key, 0o600)
}

pub(crate) fn mode(file: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(
        file,
        std::fs::Permissions::from_mode(mode),
    )?)
}
