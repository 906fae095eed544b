//! A server with certificates of its own, and what it logs.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pgkeep_testkit::authority::Authority;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Longest wait for anything, so that a test that waits in vain says so.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn ensure(holds: bool, why: &str) -> Result<()> {
    match holds {
        true => Ok(()),
        false => Err(why.to_owned().into()),
    }
}

/// Asks again and again until it is so.
fn until(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !is_so()? {
        ensure(Instant::now() < end, &format!("waited in vain: {what}"))?;
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Free now, and nobody else is given it soon.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

pub struct Stage<'a> {
    program: &'a Program,
    scratch: Scratch,
    port: u16,
}

impl<'a> Stage<'a> {
    pub fn new(program: &'a Program) -> Result<Self> {
        let scratch = Scratch::new()?;
        let port = free_port()?;
        let stage = Self {
            program,
            scratch,
            port,
        };
        let authority = Authority::new(stage.scratch.path(), None)?;
        for (name, common) in [("server", "localhost"), ("client", "pg1")] {
            authority.issue(name, common, None)?;
        }
        fs::create_dir(stage.file("log"))?;
        let path = |name: &str| stage.file(name).display().to_string();
        let text = format!(
            "[global]\nallow-root=y\nlog-path={}\nlock-path={}\nrepo1-path={}\nlog-level-console=detail\n\
             tls-server-port={port}\ntls-server-ca-file={}\ntls-server-cert-file={}\ntls-server-key-file={}\n\
             tls-server-auth=pg1=demo\nio-timeout=20s\n",
            path("log"),
            path("lock"),
            path("repo"),
            path("ca.crt"),
            path("server.crt"),
            path("server.key"),
        );
        stage.configure(&text)?;
        // The program runs as the account of PostgreSQL.
        stage.scratch.account().own_tree(stage.scratch.path())?;
        Ok(stage)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn address(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.port)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    pub fn configuration(&self) -> Result<String> {
        Ok(fs::read_to_string(self.file("pgkeep.conf"))?)
    }

    pub fn configure(&self, text: &str) -> Result<()> {
        Ok(fs::write(self.file("pgkeep.conf"), text)?)
    }

    fn with_configuration(&self, mut command: Command, words: &[&str]) -> Command {
        let configuration = self.file("pgkeep.conf");
        command
            .arg(format!("--config={}", configuration.display()))
            .args(words);
        command
    }

    pub fn command(&self, name: &str) -> Command {
        self.with_configuration(self.program.command(), &[name])
    }

    pub fn ping(&self) -> Result<Outcome> {
        self.ping_for("60s")
    }

    /// As [`Stage::ping`], trying no longer than `time` where nobody listens.
    pub fn ping_for(&self, time: &str) -> Result<Outcome> {
        let io_timeout = format!("--io-timeout={time}");
        let words = [io_timeout.as_str(), "server-ping"];
        Ok(run(
            &mut self.with_configuration(self.program.command(), &words)
        )?)
    }

    pub fn ping_without_configuration(&self) -> Result<Outcome> {
        let port = format!("--tls-server-port={}", self.port);
        let words = ["--no-config", "--allow-root", &port, "server-ping"];
        Ok(run(self.program.command().args(words))?)
    }

    /// The answer of whoever has just been started.
    pub fn ping_until_it_answers(&self) -> Result<Outcome> {
        until("somebody listens", || {
            Ok(std::net::TcpStream::connect(self.address()).is_ok())
        })?;
        self.ping()
    }

    pub fn start(&self) -> Result<Server> {
        let server = self.start_as(self.program.command())?;
        server.wait_for("listening on ")?;
        Ok(server)
    }

    /// The server of another program.
    pub fn start_as(&self, command: Command) -> Result<Server> {
        // Two servers write to two files.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let output = self.file(&format!("output-{number}"));
        let log = fs::File::create(&output)?;
        let mut command = self.with_configuration(command, &["server"]);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(Server {
            child: command.spawn()?,
            output,
        })
    }
}

/// A server that ends with the test.
pub struct Server {
    child: Child,
    output: PathBuf,
}

impl Server {
    fn pid(&self) -> Result<rustix::process::Pid> {
        Ok(rustix::process::Pid::from_child(&self.child))
    }

    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.output)?)
    }

    pub fn wait_for(&self, text: &str) -> Result<()> {
        until(text, || Ok(self.log()?.contains(text)))
            .map_err(|error| format!("{error}; {}", self.log().unwrap_or_default()).into())
    }

    /// Waits until so many processes serve clients.
    pub fn wait_for_children(&self, count: usize) -> Result<()> {
        let pid = self.child.id();
        let children = format!("/proc/{pid}/task");
        until("processes for clients", || {
            let mut found = 0;
            for task in fs::read_dir(&children)? {
                let list = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
                found += list.split_whitespace().count();
            }
            Ok(found >= count)
        })
    }

    pub fn hang_up(&self) -> Result<()> {
        Ok(rustix::process::kill_process(
            self.pid()?,
            rustix::process::Signal::HUP,
        )?)
    }

    pub fn terminate(&mut self) -> Result<ExitStatus> {
        rustix::process::kill_process(self.pid()?, rustix::process::Signal::TERM)?;
        Ok(self.child.wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.terminate();
        }
    }
}
