//! A repository with a backup, the program that serves it, and clients that say exactly what the test wants.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use pgkeep_testkit::authority::Authority;
use pgkeep_testkit::configuration::Configuration;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::scratch::Scratch;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Longest wait for anything, so that a test that waits in vain says so.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn ensure(holds: bool, why: &str) -> Result<()> {
    match holds {
        true => Ok(()),
        false => Err(why.to_owned().into()),
    }
}

/// Asks again and again until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
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

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn parse(text: &str) -> Result<Self> {
        let (head, body) = text
            .split_once("\r\n\r\n")
            .ok_or(format!("no answer: {text}"))?;
        let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
        Ok(Self {
            status,
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        })
    }

    pub fn expect(self, status: u16) -> Result<Self> {
        match self.status == status {
            true => Ok(self),
            false => Err(format!("{} in place of {status}: {self:?}", self.status).into()),
        }
    }

    /// The text of the metrics as the command prints it: without what only the server tells, and without what grows by the second.
    pub fn of_the_command(&self) -> String {
        lasting(&self.body)
    }
}

/// Without samples that another second changes.
pub fn lasting(text: &str) -> String {
    let changes =
        |line: &&str| !line.contains("since_last_completion") && !line.contains("pgkeep_served");
    text.lines().filter(changes).collect::<Vec<_>>().join("\n")
}

pub struct Stage<'a> {
    program: &'a Program,
    pub scratch: Scratch,
    config: PathBuf,
    pub port: u16,
}

impl<'a> Stage<'a> {
    /// A stanza with a backup; these options are added.
    pub fn new(program: &'a Program, options: &[(&str, &str)]) -> Result<Self> {
        let scratch = Scratch::new()?;
        let port = free_port()?;
        let mut configuration = Configuration::new(&scratch)?
            .global("repo1-retention-full", 9)
            .global("log-level-file", "off")
            .global("log-level-console", "detail")
            .global("serve-port", port)
            .stanza("main", "pg1-path", scratch.join("data").display());
        for (option, value) in options {
            let value = value.replace("SCRATCH", &scratch.path().display().to_string());
            configuration = configuration.global(option, value);
        }
        let config = configuration.write(&scratch, "test.conf")?;
        let data = scratch.join("data");
        DataDirBuilder::new("15")?
            .relation("base/1/16384", 4)
            .relation("global/1262", 1)
            .build(&data)?;
        fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        scratch.account().own_tree(scratch.path())?;
        let stage = Self {
            program,
            scratch,
            config,
            port,
        };
        for words in [
            &["--stanza=main", "--no-online", "stanza-create"][..],
            &["--stanza=main", "--no-online", "backup"],
        ] {
            run(&mut stage.command(words))?.success()?;
        }
        Ok(stage)
    }

    /// Certificates for `localhost`, and a token, as the options of [`secured`] name them.
    pub fn secure(&self, token: &str) -> Result<()> {
        let authority = Authority::new(self.scratch.path(), None)?;
        authority.issue(
            "serve",
            "serve",
            Some("DNS:backups.example.com,DNS:localhost"),
        )?;
        self.set_token(token)?;
        Ok(self.scratch.account().own_tree(self.scratch.path())?)
    }

    pub fn set_token(&self, token: &str) -> Result<()> {
        let file = self.scratch.write("token", format!("{token}\n"))?;
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(self.scratch.account().own_tree(self.scratch.path())?)
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.program.command();
        command
            .arg(format!("--config={}", self.config.display()))
            .args(words);
        command
    }

    /// What the command `metrics` prints.
    pub fn metrics(&self) -> Result<String> {
        Ok(run(&mut self.command(&["metrics"]))?.success()?.stdout)
    }

    pub fn refused(&self, words: &[&str], code: i32) -> Result<Outcome> {
        Ok(run(&mut self.command(&[words, &["serve"]].concat()))?.expect_code(code)?)
    }

    pub fn start(&self) -> Result<Server> {
        let server = self.start_by(self.command(&["serve"]))?;
        server.wait_for("listening on ")?;
        Ok(server)
    }

    /// A command that ends in the server.
    pub fn start_by(&self, mut command: Command) -> Result<Server> {
        let output = self.scratch.join("output");
        let log = fs::File::create(&output)?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(Server {
            child: command.spawn()?,
            output,
        })
    }

    pub fn connect(&self) -> Result<TcpStream> {
        let socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket)
    }

    /// Sends these bytes and reads all that comes until the other side closes.
    pub fn send(&self, request: &[u8]) -> Result<Answer> {
        let mut socket = self.connect()?;
        // Whoever is refused early does not read the rest.
        let _ = socket.write_all(request);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        Answer::parse(&String::from_utf8_lossy(&answer))
    }

    pub fn get(&self, path: &str) -> Result<Answer> {
        self.send(request("GET", path, "localhost", "").as_bytes())
    }

    /// Over TLS, with the certificate verified for `localhost`.
    pub fn get_by_tls(&self, path: &str, headers: &str) -> Result<Answer> {
        let authority = self.scratch.join("ca.crt");
        let mut client = Command::new("openssl")
            .args([
                "s_client",
                "-quiet",
                "-verify_return_error",
                "-verify_hostname",
                "localhost",
            ])
            .arg("-CAfile")
            .arg(authority)
            .args(["-connect", &format!("127.0.0.1:{}", self.port)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let request = request("GET", path, "localhost", headers);
        let mut input = client.stdin.take().ok_or("no input")?;
        input.write_all(request.as_bytes())?;
        let output = client.wait_with_output()?;
        drop(input);
        Answer::parse(&String::from_utf8_lossy(&output.stdout))
    }
}

/// A request after which the connection ends.
pub fn request(method: &str, path: &str, host: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")
}

/// A server that ends with the test.
pub struct Server {
    child: Child,
    output: PathBuf,
}

impl Server {
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.output)?)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn wait_for(&self, text: &str) -> Result<()> {
        until(text, || Ok(self.log()?.contains(text)))
            .map_err(|error| format!("{error}; {}", self.log().unwrap_or_default()).into())
    }

    /// Asks for a reload and waits until it has ended, as the log says for this time.
    pub fn reload(&self, told: &str) -> Result<()> {
        let count = |log: &str| log.matches(told).count();
        let before = count(&self.log()?);
        rustix::process::kill_process(self.pid(), rustix::process::Signal::HUP)?;
        until(told, || Ok(count(&self.log()?) > before))
            .map_err(|error| format!("{error}; {}", self.log().unwrap_or_default()).into())
    }

    fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Waits for the end of one that ends by itself.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let mut status = None;
        until("its end", || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })?;
        status.ok_or_else(|| "no status".into())
    }

    pub fn terminate(&mut self) -> Result<ExitStatus> {
        rustix::process::kill_process(self.pid(), rustix::process::Signal::TERM)?;
        Ok(self.child.wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
