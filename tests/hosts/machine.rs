//! Hosts of a test: addresses of the loopback device, each with a configuration, lock, log and spool directories and a server of
//! its own, and every way from one to another leads through an sshd or a server of pgkeep's.
//!
//! What serves another host is told of messages (`PGKEEP_TEST_MESSAGE`), so that a test can end or stop it at one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use pgkeep_testkit::authority::Authority;
use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::sftp_server::SftpServer;

use crate::Result;

/// Longest wait for a server to listen, in steps of ten milliseconds.
const PATIENCE: usize = 6000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// That of the first cluster.
    Pg1,
    /// That of its standby.
    Pg2,
    Repo,
}

impl Host {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pg1 => "pg1",
            Self::Pg2 => "pg2",
            Self::Repo => "repo",
        }
    }

    fn ip(self) -> &'static str {
        match self {
            Self::Pg1 => "127.0.0.2",
            Self::Pg2 => "127.0.0.3",
            Self::Repo => "127.0.0.4",
        }
    }
}

/// How hosts reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Ssh,
    Tls,
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Tls => "tls",
        }
    }
}

enum Server {
    Sshd(Box<SftpServer>),
    Pgkeep(Child),
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Self::Pgkeep(server) = self {
            let pid = rustix::process::Pid::from_child(server);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = server.wait();
        }
    }
}

/// The hosts.
pub struct Machines<'a> {
    pub program: &'a Program,
    pub scratch: Scratch,
    pub way: Way,
    servers: BTreeMap<Host, Server>,
    addresses: BTreeMap<Host, SocketAddr>,
    options: BTreeMap<Host, Vec<(String, String)>>,
}

impl<'a> Machines<'a> {
    /// These hosts with nothing on them.
    pub fn new(program: &'a Program, way: Way, hosts: &[Host]) -> Result<Self> {
        let mut made = Self {
            program,
            scratch: Scratch::new()?,
            way,
            servers: BTreeMap::new(),
            addresses: BTreeMap::new(),
            options: BTreeMap::new(),
        };
        for host in hosts {
            let mut options = Vec::new();
            for (option, directory) in [
                ("lock-path", "lock"),
                ("spool-path", "spool"),
                ("log-path", "log"),
            ] {
                let directory = made
                    .scratch
                    .make_dir(format!("{}/{directory}", host.name()))?;
                options.push((option.to_owned(), directory.display().to_string()));
            }
            options.push(("log-level-file".to_owned(), "detail".to_owned()));
            options.push((
                "cmd-ssh".to_owned(),
                made.scratch.join("ssh").display().to_string(),
            ));
            made.options.insert(*host, options);
        }
        match way {
            Way::Ssh => made.start_sshds(hosts)?,
            Way::Tls => made.start_servers(hosts)?,
        }
        Ok(made)
    }

    fn start_sshds(&mut self, hosts: &[Host]) -> Result<()> {
        let mut keys = String::new();
        let mut known = String::new();
        for host in hosts {
            let server = SftpServer::builder()
                .without_subsystem()
                .listen_on(host.ip())
                .start()?;
            let key = std::fs::read(server.private_key())?;
            let key = self.scratch.write(format!("{}/key", host.name()), key)?;
            std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600))?;
            writeln!(keys, "IdentityFile {}", key.display())?;
            // By another name, so that a proxy may stand in between.
            for line in std::fs::read_to_string(server.known_hosts())?.lines() {
                let key = line.split_once(' ').map_or("", |(_, key)| key);
                writeln!(known, "hosts {key}")?;
            }
            let wrapper = format!(
                "#!/bin/sh\nexport PGKEEP_TEST_MESSAGE={}\nexec {} \"$@\"\n",
                self.fault_file(*host).display(),
                self.program.path().display()
            );
            self.script(&format!("{}/pgkeep", host.name()), &wrapper)?;
            self.addresses.insert(*host, server.address());
            self.servers.insert(*host, Server::Sshd(Box::new(server)));
        }
        let known = self.scratch.write("known_hosts", known)?;
        let config = self.scratch.write(
            "ssh_config",
            format!(
                "{keys}IdentitiesOnly yes\nHostKeyAlias hosts\nUserKnownHostsFile {}\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\n",
                known.display()
            ),
        )?;
        self.script(
            "ssh",
            &format!("#!/bin/sh\nexec ssh -F {} \"$@\"\n", config.display()),
        )
    }

    fn script(&self, name: &str, text: &str) -> Result<()> {
        let script = self.scratch.write(name, text)?;
        Ok(std::fs::set_permissions(
            &script,
            PermissionsExt::from_mode(0o755),
        )?)
    }

    fn start_servers(&mut self, hosts: &[Host]) -> Result<()> {
        self.make_certificates()?;
        for host in hosts {
            // Free when the server starts.
            let address = TcpListener::bind((host.ip(), 0))?.local_addr()?;
            self.addresses.insert(*host, address);
            for (option, value) in [
                ("tls-server-address", address.ip().to_string()),
                ("tls-server-port", address.port().to_string()),
                ("tls-server-cert-file", self.tls_file("server.crt")),
                ("tls-server-key-file", self.tls_file("server.key")),
                ("tls-server-ca-file", self.tls_file("ca.crt")),
                ("tls-server-auth", "pgbackrest-client=*".to_owned()),
            ] {
                self.put(*host, option, &value);
            }
        }
        Ok(())
    }

    /// Starts what hosts are reached by, if it is not there yet: a server knows the configuration of its start.
    pub fn serve(&mut self) -> Result<()> {
        let hosts: Vec<Host> = self.options.keys().copied().collect();
        for host in hosts {
            if self.way == Way::Ssh || self.servers.contains_key(&host) {
                continue;
            }
            let said = self.scratch.join(format!("{}/server.out", host.name()));
            let output = std::fs::File::create(&said)?;
            let mut command = self.program.command();
            command
                .arg(format!("--config={}", self.config(host).display()))
                // A line that stalls in the middle of a handshake is given up within this time.
                .args(["--log-level-console=detail", "--io-timeout=10", "server"])
                .env("PGKEEP_TEST_MESSAGE", self.fault_file(host))
                .stdin(Stdio::null())
                .stdout(output.try_clone()?)
                .stderr(output);
            self.servers.insert(host, Server::Pgkeep(command.spawn()?));
            let mut tries = 0;
            while !std::fs::read_to_string(&said)?.contains("listening on ") {
                tries += 1;
                if tries > PATIENCE {
                    return Err(format!(
                        "the server of {} does not listen: {}",
                        host.name(),
                        std::fs::read_to_string(&said)?
                    )
                    .into());
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        Ok(())
    }

    /// Lets servers know the configuration of now.
    pub fn serve_anew(&mut self) -> Result<()> {
        self.servers
            .retain(|_, server| matches!(server, Server::Sshd(_)));
        self.serve()
    }

    fn tls_file(&self, name: &str) -> String {
        self.scratch
            .join(format!("tls/{name}"))
            .display()
            .to_string()
    }

    fn make_certificates(&self) -> Result<()> {
        let directory = self.scratch.make_dir("tls")?;
        let authority = Authority::new(&directory, None)?;
        let names = "IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3,IP:127.0.0.4";
        authority.issue("server", "hosts", Some(names))?;
        authority.issue("client", "pgbackrest-client", None)?;
        Ok(self.scratch.account().own_tree(&directory)?)
    }

    /// Lets `host` reach the cluster or repository named by `prefix` (`pg2`, `repo1`) at another one.
    pub fn connect(&mut self, host: Host, prefix: &str, to: Host) -> Result<()> {
        let address = self.address(to)?;
        let option = |name: &str| format!("{prefix}-host{name}");
        self.put(host, &option(""), &address.ip().to_string());
        self.put(host, &option("-port"), &address.port().to_string());
        let more = match self.way {
            Way::Ssh => {
                let Some(Server::Sshd(server)) = self.servers.get(&to) else {
                    return Err("a host without sshd".into());
                };
                let wrapper = self.scratch.join(format!("{}/pgkeep", to.name()));
                [
                    ("-user", server.user().to_owned()),
                    ("-cmd", wrapper.display().to_string()),
                    ("-config", self.config(to).display().to_string()),
                ]
                .to_vec()
            }
            Way::Tls => [
                ("-type", "tls".to_owned()),
                ("-cert-file", self.tls_file("client.crt")),
                ("-key-file", self.tls_file("client.key")),
                ("-ca-file", self.tls_file("ca.crt")),
            ]
            .to_vec(),
        };
        for (name, value) in more {
            self.put(host, &option(name), &value);
        }
        if self.way == Way::Ssh && prefix.starts_with("repo") {
            // These tests count connections and processes; one that is kept has tests of its own.
            self.put(host, &option("-persist"), "0");
        }
        Ok(())
    }

    /// Changes only where that is reached: there is something in between.
    pub fn lead(&mut self, host: Host, prefix: &str, to: SocketAddr) -> Result<()> {
        self.put(host, &format!("{prefix}-host"), &to.ip().to_string());
        self.put(host, &format!("{prefix}-host-port"), &to.port().to_string());
        self.write()
    }

    /// Describes a cluster of this host, or of one that the host reaches.
    pub fn describe(&mut self, host: Host, key: u32, cluster: &Cluster) {
        for (name, value) in [
            ("path", cluster.data_dir().display().to_string()),
            ("socket-path", cluster.socket_dir().display().to_string()),
            ("port", cluster.port().to_string()),
            ("user", "postgres".to_owned()),
        ] {
            self.put(host, &format!("pg{key}-{name}"), &value);
        }
    }

    /// Where a host is reached.
    pub fn address(&self, host: Host) -> Result<SocketAddr> {
        let address = self.addresses.get(&host).copied();
        Ok(address.ok_or_else(|| format!("there is no host {}", host.name()))?)
    }

    /// Changes an option of a host; an empty value takes it away. [`Self::write`] makes it count.
    pub fn put(&mut self, host: Host, option: &str, value: &str) {
        let options = self.options.entry(host).or_default();
        options.retain(|(known, _)| known != option);
        if !value.is_empty() {
            options.push((option.to_owned(), value.to_owned()));
        }
    }

    /// Writes the configuration of every host.
    pub fn write(&self) -> Result<()> {
        for (host, options) in &self.options {
            let text = text(options.iter().map(|(option, value)| (&**option, &**value)))?;
            self.scratch
                .write(format!("{}/pgbackrest.conf", host.name()), text)?;
        }
        Ok(())
    }

    /// What a host knows of a repository of its own, without any other host: for a program that shall read it there.
    pub fn alone(&self, host: Host, name: &str, pg1_path: &str) -> Result<PathBuf> {
        let options = self.options.get(&host).into_iter().flatten();
        let own = |option: &str| {
            !option.starts_with("pg") && !option.starts_with("tls-") && option != "cmd-ssh"
        };
        let kept = options
            .filter(|(option, _)| own(option))
            .map(|(option, value)| (&**option, &**value));
        let text = text(kept.chain([("pg1-path", pg1_path)]))?;
        Ok(self.scratch.write(name, text)?)
    }

    /// The configuration file of a host.
    pub fn config(&self, host: Host) -> PathBuf {
        self.scratch
            .join(format!("{}/pgbackrest.conf", host.name()))
    }

    /// Where a fault of what serves at a host is planned.
    pub fn fault_file(&self, host: Host) -> PathBuf {
        self.scratch.join(format!("{}/fault", host.name()))
    }

    /// Processes that serve clients of these hosts, and SSH clients.
    pub fn serving(&self) -> Result<Vec<String>> {
        let mark = self.scratch.path().display().to_string();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let Ok(words) = std::fs::read(path.join("cmdline")) else {
                continue;
            };
            let line = String::from_utf8_lossy(&words).replace('\0', " ");
            if line.contains(&mark) && (line.contains(":remote") || line.contains("ssh_config")) {
                found.push(line);
            }
        }
        for server in self.servers.values() {
            let Server::Pgkeep(server) = server else {
                continue;
            };
            for task in std::fs::read_dir(format!("/proc/{}/task", server.id()))? {
                let children = task?.path().join("children");
                // A thread may have ended meanwhile.
                let children = std::fs::read_to_string(children).unwrap_or_default();
                found.extend(
                    children
                        .split_whitespace()
                        .map(|pid| format!("server:remote {pid}")),
                );
            }
        }
        Ok(found)
    }

    /// Waits until no process of the other side is left: who hears nothing takes the other for dead after fifteen seconds.
    pub fn nothing_left(&self) -> Result<()> {
        let mut last = Vec::new();
        for _ in 0..4000 {
            last = self.serving()?;
            if last.is_empty() {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Err(format!("left behind: {last:?}").into())
    }
}

/// A configuration file with these options.
fn text<'o>(options: impl Iterator<Item = (&'o str, &'o str)>) -> Result<String> {
    let mut text = String::from("[global]\n");
    let mut stanza = String::from("\n[main]\n");
    for (option, value) in options {
        let into = match option.starts_with("pg") {
            true => &mut stanza,
            false => &mut text,
        };
        writeln!(into, "{option}={value}")?;
    }
    Ok(text + &stanza)
}
