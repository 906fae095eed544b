//! One server, a configuration for it, and the report of an audit.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::sftp_server::SftpServer;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub struct Stage<'a> {
    program: &'a Program,
    pub scratch: Scratch,
    pub server: SftpServer,
    config: PathBuf,
}

impl<'a> Stage<'a> {
    pub fn new(program: &'a Program, server: SftpServer) -> Result<Self> {
        Self::with(program, server, &[])
    }

    /// `options` replace those made here.
    pub fn with(
        program: &'a Program,
        server: SftpServer,
        options: &[(&str, &str)],
    ) -> Result<Self> {
        let scratch = Scratch::new()?;
        let keys = scratch.make_dir("keys")?;
        std::fs::set_permissions(&keys, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        let key = keys.join("key");
        std::fs::copy(server.private_key(), &key)?;
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        scratch.account().own_tree(&keys)?;
        let known = scratch.write("known_hosts", std::fs::read(server.known_hosts())?)?;
        let mut configuration = Configuration::new(&scratch)?
            .global("repo1-path", scratch.make_dir("local")?.display())
            .global("repo2-type", "sftp")
            .global("repo2-path", server.remote_dir())
            .global("repo2-sftp-host", server.address().ip())
            .global("repo2-sftp-host-port", server.address().port())
            .global("repo2-sftp-host-user", server.user())
            .global("repo2-sftp-host-key-hash-type", "sha256")
            .global("repo2-sftp-private-key-file", key.display())
            .global("repo2-sftp-known-host", known.display());
        for (option, value) in options {
            configuration = configuration.global(option, value);
        }
        let config = configuration.write(&scratch, "audit.conf")?;
        Ok(Self {
            program,
            scratch,
            server,
            config,
        })
    }

    /// Runs the audit as the account that owns the key; repo1 is local, so the SFTP repository has to be found.
    pub fn audit(&self, arguments: &[&str]) -> Result<Outcome> {
        self.command("sftp-audit", arguments)
    }

    pub fn command(&self, command: &str, arguments: &[&str]) -> Result<Outcome> {
        Ok(run(self
            .scratch
            .account()
            .command(self.program.path())
            .arg(format!("--config={}", self.config.display()))
            .args(arguments)
            .arg(command))?)
    }

    /// The report as a program reads it. Its exit status must be the one of its findings, and `code` that of those that
    /// are the server's doing: free space is that of the machine the test runs on.
    pub fn report(&self, code: i32) -> Result<Report> {
        let outcome = self.audit(&["--output=json", "--log-level-console=off"])?;
        if !(0..=2).contains(&outcome.code) {
            return Err(format!("{outcome:?}").into());
        }
        let report = Report(serde_json::from_str(&outcome.stdout)?);
        let worst = |but: &str| {
            let has = |result| report.with_result(result).iter().any(|name| name != but);
            if has("fail") {
                2
            } else {
                i32::from(has("warn"))
            }
        };
        if worst("") == outcome.code && worst("space") == code {
            Ok(report)
        } else {
            Err(format!("exit status {}, not {code}:\n{:#}", outcome.code, report.0).into())
        }
    }

    /// Fails unless the chroot holds the files that it held before. The server itself removes its sockets, a moment after
    /// the connection has ended.
    pub fn must_hold(&self, before: &BTreeSet<String>) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let now = self.tree()?;
            if now == *before {
                return Ok(());
            }
            if Instant::now() > end {
                let left: Vec<&String> = now.symmetric_difference(before).collect();
                return Err(format!("left behind or gone: {left:?}").into());
            }
            std::thread::yield_now();
        }
    }

    /// Paths of all files in the chroot.
    pub fn tree(&self) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let root = self.server.files().parent().ok_or("no chroot")?.to_owned();
        let mut directories = vec![root];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(&directory)? {
                let entry = entry?;
                found.insert(entry.path().display().to_string());
                if entry.file_type()?.is_dir() {
                    directories.push(entry.path());
                }
            }
        }
        Ok(found)
    }
}

pub struct Report(pub serde_json::Value);

impl Report {
    /// Names of the checks with this result, sorted.
    pub fn with_result(&self, result: &str) -> Vec<String> {
        let mut names: Vec<String> = self.0["check"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|check| check["result"] == result)
            .filter_map(|check| check["check"].as_str().map(str::to_owned))
            .collect();
        names.sort();
        names
    }

    /// Exactly these checks warn or fail, free space aside.
    pub fn must_be(&self, expected: &[&str]) -> Result<()> {
        let mut found = [self.with_result("warn"), self.with_result("fail")].concat();
        found.retain(|name| name != "space");
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        if found == expected {
            return Ok(());
        }
        Err(format!(
            "expected {expected:?}, found {found:?}:\n{:#}",
            self.0["check"]
        )
        .into())
    }
}
