//! Two hosts: one with a repository and one with a cluster, and an sshd by which each is reached from the other.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use pgkeep_testkit::cluster::{Cluster, ClusterBuilder};
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::sftp_server::SftpServer;

use crate::Result;

/// Options of one host, by name.
pub type Options<'o> = &'o [(&'o str, &'o str)];

/// Where a command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The host of the cluster.
    Pg,
    /// The host of the repository.
    Repo,
}

impl Host {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pg => "pg",
            Self::Repo => "repo",
        }
    }
}

/// What is on the host of the cluster.
enum Data {
    Cluster(Cluster),
    /// A data directory that looks like that of a stopped cluster.
    AtRest(PathBuf),
}

pub struct Stage<'a> {
    pub program: &'a Program,
    pub scratch: Scratch,
    pub server: SftpServer,
    data: Data,
    options: [(Host, Vec<(String, String)>); 2],
}

impl<'a> Stage<'a> {
    /// A running cluster that archives to the other host.
    pub fn with_cluster(
        program: &'a Program,
        builder: ClusterBuilder,
        (on_pg, on_repo): (Options<'_>, Options<'_>),
    ) -> Result<Self> {
        let cluster = builder
            .setting("archive_mode", "on")
            .setting("archive_command", "false")
            .create()?;
        let stage = Self::on(program, Data::Cluster(cluster), (on_pg, on_repo))?;
        let cluster = stage.cluster()?;
        cluster.append_setting(
            "archive_command",
            &format!(
                "{} --config={} --stanza=main archive-push \"%p\"",
                program.link().display(),
                stage.config(Host::Pg).display()
            ),
        )?;
        cluster.start()?;
        Ok(stage)
    }

    /// No server: its data directory only.
    pub fn at_rest(program: &'a Program) -> Result<Self> {
        let scratch = Scratch::new()?;
        let data = scratch.join("data");
        DataDirBuilder::new("15")?
            .relation("base/1/16384", 40)
            .build(&data)?;
        scratch.account().own_tree(&data)?;
        Self::in_scratch(program, scratch, Data::AtRest(data), (&[], &[]))
    }

    fn on(program: &'a Program, data: Data, options: (Options<'_>, Options<'_>)) -> Result<Self> {
        Self::in_scratch(program, Scratch::new()?, data, options)
    }

    fn in_scratch(
        program: &'a Program,
        scratch: Scratch,
        data: Data,
        (on_pg, on_repo): (Options<'_>, Options<'_>),
    ) -> Result<Self> {
        let server = SftpServer::builder().without_subsystem().start()?;
        let ssh = server.ssh(&scratch)?;
        let mut stage = Self {
            program,
            scratch,
            server,
            data,
            options: [(Host::Pg, Vec::new()), (Host::Repo, Vec::new())],
        };
        stage.configure(&ssh)?;
        for (host, options) in [(Host::Pg, on_pg), (Host::Repo, on_repo)] {
            for (option, value) in options {
                stage.set(host, option, value)?;
            }
        }
        Ok(stage)
    }

    fn configure(&mut self, ssh: &Path) -> Result<()> {
        let (path, socket) = match &self.data {
            Data::Cluster(cluster) => (
                cluster.data_dir().to_owned(),
                Some(cluster.socket_dir().to_owned()),
            ),
            Data::AtRest(path) => (path.clone(), None),
        };
        let mut cluster = vec![("pg1-path", path.display().to_string())];
        if let Some(socket) = socket {
            cluster.push(("pg1-socket-path", socket.display().to_string()));
            cluster.push(("pg1-port", "5432".to_owned()));
            cluster.push(("pg1-user", "postgres".to_owned()));
        }
        for host in [Host::Pg, Host::Repo] {
            let name = host.name();
            let mut options: Vec<(&str, String)> = vec![
                ("cmd-ssh", ssh.display().to_string()),
                ("log-level-file", "detail".to_owned()),
            ];
            for (option, directory) in [
                ("lock-path", "lock"),
                ("spool-path", "spool"),
                ("log-path", "log"),
            ] {
                let directory = self.scratch.make_dir(format!("{name}/{directory}"))?;
                options.push((option, directory.display().to_string()));
            }
            options.extend(cluster.clone());
            match host {
                Host::Pg => options.push(("archive-timeout", "60".to_owned())),
                Host::Repo => {
                    let path = self.scratch.make_dir("repo/repo")?;
                    options.push(("repo1-path", path.display().to_string()));
                    options.push(("repo1-retention-full", "3".to_owned()));
                    options.push(("archive-timeout", "60".to_owned()));
                    options.push(("start-fast", "y".to_owned()));
                }
            }
            for (option, value) in options {
                self.put(host, option, &value);
            }
        }
        for (host, other, prefix) in [
            (Host::Pg, Host::Repo, "repo1"),
            (Host::Repo, Host::Pg, "pg1"),
        ] {
            let address = self.server.address();
            for (option, value) in [
                ("host", address.ip().to_string()),
                ("host-port", address.port().to_string()),
                ("host-user", self.server.user().to_owned()),
                ("host-cmd", self.program.path().display().to_string()),
                ("host-config", self.config(other).display().to_string()),
            ] {
                self.put(host, &format!("{prefix}-{option}"), &value);
            }
        }
        self.write(Host::Pg)?;
        self.write(Host::Repo)
    }

    fn put(&mut self, host: Host, option: &str, value: &str) {
        for (of, options) in &mut self.options {
            if *of == host {
                options.retain(|(known, _)| known != option);
                if !value.is_empty() {
                    options.push((option.to_owned(), value.to_owned()));
                }
            }
        }
    }

    /// Changes an option of a host; an empty value takes it away.
    pub fn set(&mut self, host: Host, option: &str, value: &str) -> Result<()> {
        self.put(host, option, value);
        self.write(host)
    }

    fn write(&self, host: Host) -> Result<()> {
        let mut text = String::from("[global]\n");
        let mut stanza = String::from("\n[main]\n");
        for (_, options) in self.options.iter().filter(|(of, _)| *of == host) {
            for (option, value) in options {
                let into = match option.starts_with("pg1-") {
                    true => &mut stanza,
                    false => &mut text,
                };
                writeln!(into, "{option}={value}")?;
            }
        }
        self.scratch
            .write(format!("{}/pgbackrest.conf", host.name()), text + &stanza)?;
        Ok(())
    }

    /// The configuration file of a host.
    pub fn config(&self, host: Host) -> PathBuf {
        self.scratch
            .join(format!("{}/pgbackrest.conf", host.name()))
    }

    /// A directory of a host.
    pub fn directory(&self, host: Host, name: &str) -> PathBuf {
        self.scratch.join(format!("{}/{name}", host.name()))
    }

    pub fn cluster(&self) -> Result<&Cluster> {
        match &self.data {
            Data::Cluster(cluster) => Ok(cluster),
            Data::AtRest(_) => Err("there is no server in this test".into()),
        }
    }

    /// Runs a command of the stanza on a host.
    pub fn outcome(&self, host: Host, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.program.as_pgbackrest();
        command
            .arg(format!("--config={}", self.config(host).display()))
            .args(["--stanza=main", "--no-log-timestamp"])
            .args(arguments);
        Ok(run(&mut command)?)
    }

    /// Runs a command of no stanza on a host.
    pub fn of_no_stanza(&self, host: Host, arguments: &[&str]) -> Result<Outcome> {
        let mut command = self.program.as_pgbackrest();
        command
            .arg(format!("--config={}", self.config(host).display()))
            .args(arguments);
        Ok(run(&mut command)?.success()?)
    }

    /// What `doctor` says on a host, under the program's own name.
    pub fn doctor(&self, host: Host) -> Result<String> {
        let mut doctor = self.program.command();
        doctor
            .arg(format!("--config={}", self.config(host).display()))
            .args(["--stanza=main", "--verbose", "doctor"]);
        Ok(run(&mut doctor)?.stdout)
    }

    /// What `metrics` tells on a host; pgBackRest does not know it.
    pub fn metrics(&self, host: Host) -> Result<String> {
        let mut metrics = self.program.command();
        metrics
            .arg(format!("--config={}", self.config(host).display()))
            .args(["--stanza=main", "metrics"]);
        Ok(run(&mut metrics)?.success()?.stdout)
    }

    /// As [`Self::outcome`] for one that must succeed.
    pub fn run(&self, host: Host, arguments: &[&str]) -> Result<Outcome> {
        Ok(self.outcome(host, arguments)?.success()?)
    }

    /// The same for one that must fail with this code and say this.
    pub fn fails(&self, host: Host, arguments: &[&str], code: i32, says: &str) -> Result<Outcome> {
        let outcome = self.outcome(host, arguments)?.expect_code(code)?;
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        if said.contains(says) {
            return Ok(outcome);
        }
        Err(format!("{} did not say\n{says}\nbut\n{said}", outcome.command).into())
    }

    /// The processes of the other side.
    pub fn remotes(&self) -> Result<Vec<u32>> {
        let mark = self.scratch.path().display().to_string();
        let served = |line: &str| line.contains(":remote") && !line.contains("ssh_config");
        let found = processes(&mark, served)?;
        Ok(found.into_iter().map(|(pid, _)| pid).collect())
    }

    /// Waits until no process of the other side is left.
    pub fn nothing_left(&self) -> Result<()> {
        let mark = self.scratch.path().display().to_string();
        // A connection that is kept for the next segment ends by itself, but not as soon.
        for (pid, _) in processes(&mark, |line| line.contains(":local "))? {
            run(Command::new("kill").arg(pid.to_string()))?;
        }
        let mut last = Vec::new();
        for _ in 0..1000 {
            last = processes(&mark, is_remote)?;
            if last.is_empty() {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Err(format!("left behind: {last:?}").into())
    }
}

/// Whether it is in a role of another host, or an SSH client.
fn is_remote(line: &str) -> bool {
    line.contains(":remote") || line.contains("ssh_config")
}

/// Processes that have `mark` and more in their words.
fn processes(mark: &str, is: impl Fn(&str) -> bool) -> Result<Vec<(u32, String)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Ok(words) = std::fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let line = String::from_utf8_lossy(&words).replace('\0', " ");
        if line.contains(mark)
            && is(&line)
            && let Ok(pid) = entry.file_name().to_string_lossy().parse()
        {
            found.push((pid, line));
        }
    }
    Ok(found)
}
