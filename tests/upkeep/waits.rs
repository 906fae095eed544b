//! Signals while a repository does not answer: every command ends with 63 within seconds, a second SIGINT ends it at once, and
//! what it leaves behind does not hinder the next run.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::network_proxy::{Network, NetworkProxy};
use pgkeep_testkit::run::{Outcome, Program, run};
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::{Result, State};

/// Pieces of data after which nothing passes any more: at the end of the login, before any command is done, also where a busy
/// machine passes some of them together.
const STALLED_AT: u64 = 18;

const COMMANDS: &[&[&str]] = &[
    &["info"],
    &["verify"],
    &["expire"],
    &["--no-online", "--type=full", "backup"],
    &["--delta", "restore"],
    &["repo-ls"],
    &["--no-online", "stanza-create"],
    &["--no-online", "stanza-upgrade"],
    &["--force", "stanza-delete"],
    &[
        "archive-get",
        "000000010000000000000001",
        "pg_wal/RECOVERYXLOG",
    ],
    &["annotate", "--set=20200101-000000F", "--annotation=a=b"],
];

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for words in COMMANDS {
        let program = Arc::clone(program);
        let name = words
            .iter()
            .find(|word| !word.starts_with('-'))
            .unwrap_or(&"");
        suite = suite.test(
            format!(
                "sigterm_ends_{}_while_the_repository_is_silent",
                name.replace('-', "_")
            ),
            move || silent(&program, words),
        );
    }
    let program = Arc::clone(program);
    suite.test("a_second_sigint_ends_the_run_at_once", move || {
        twice(&program)
    })
}

/// A repository on an SFTP server behind a network that falls silent.
struct Stage {
    state: State,
    _server: SftpServer,
    proxy: NetworkProxy,
}

impl Stage {
    fn new(network: Network) -> Result<Self> {
        let server = SftpServer::builder().start()?;
        let proxy = network.to(server.address())?;
        let mut state = State::new(&[])?;
        let known = server.known_hosts_for(proxy.address())?;
        let key = state
            .scratch
            .write("key", std::fs::read(server.private_key())?)?;
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        // One file for both ways to the server.
        let mut hosts = std::fs::read(known)?;
        hosts.extend(std::fs::read(server.known_hosts())?);
        let known = state.scratch.write("known", hosts)?;
        state.configuration = state
            .configuration
            .clone()
            .sftp(&server)
            .global("repo1-sftp-private-key-file", key.display())
            .global("repo1-sftp-known-host", known.display());
        state.configuration.write(&state.scratch, "direct.conf")?;
        state.config = state
            .configuration
            .clone()
            .global("repo1-sftp-host", proxy.address().ip())
            .global("repo1-sftp-host-port", proxy.address().port())
            .write(&state.scratch, "silent.conf")?;
        let stage = Self {
            state,
            _server: server,
            proxy,
        };
        stage.direct(&["--no-online", "stanza-create"], 0)?;
        stage.direct(&["--no-online", "--type=full", "backup"], 0)?;
        Ok(stage)
    }

    /// Runs a command of pgBackRest's name straight to the server.
    fn direct(&self, words: &[&str], code: i32) -> Result<Outcome> {
        let program = Program::new(env!("CARGO_BIN_EXE_pgkeep"))?;
        Ok(run(program
            .command()
            .arg(format!(
                "--config={}",
                self.state.scratch.join("direct.conf").display()
            ))
            .arg("--stanza=main")
            .args(words))?
        .expect_code(code)?)
    }

    fn start(&self, program: &Program, words: &[&str]) -> Result<Child> {
        let mut command: Command = program.command();
        Ok(command
            .arg(format!("--config={}", self.state.config.display()))
            .args(["--stanza=main", "--log-level-console=info"])
            .args(words)
            .current_dir(self.state.scratch.join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?)
    }
}

fn silent(program: &Program, words: &[&str]) -> TestResult {
    let stage = Stage::new(Network::new().stall_at_piece(STALLED_AT).every_connection())?;
    if words.contains(&"stanza-delete") {
        stage.direct(&["stop"], 0)?;
    }
    let mut child = stage.start(program, words)?;
    wait_until(|| stage.proxy.has_struck() || child.try_wait().is_ok_and(|ended| ended.is_some()))?;
    if let Some(ended) = child.try_wait()? {
        return Err(format!("it ended before the network fell silent: {ended}").into());
    }
    kill(&child, "TERM")?;
    ends(&mut child, 63)?;
    // Locks are free, and the repository is as good as before.
    if words.contains(&"stanza-delete") {
        stage.direct(&["stanza-delete"], 0)?;
    } else {
        stage.direct(&["--no-online", "--type=full", "backup"], 0)?;
        stage.direct(&["verify"], 0)?;
    }
    Ok(())
}

/// The first asks; the second does not wait for anything.
fn twice(program: &Program) -> TestResult {
    let stage = Stage::new(Network::new().stall_at_piece(STALLED_AT).every_connection())?;
    let mut child = stage.start(program, &["verify"])?;
    wait_until(|| stage.proxy.has_struck())?;
    kill(&child, "INT")?;
    kill(&child, "INT")?;
    ends(&mut child, 63)
}

fn kill(child: &Child, signal: &str) -> TestResult {
    run(Command::new("kill")
        .arg(format!("-{signal}"))
        .arg(child.id().to_string()))?;
    Ok(())
}

fn ends(child: &mut Child, code: i32) -> TestResult {
    let ended = wait_until(|| child.try_wait().is_ok_and(|ended| ended.is_some()));
    if ended.is_err() {
        child.kill()?;
        child.wait()?;
        return Err("it did not end".into());
    }
    match child.wait()?.code() {
        Some(found) if found == code => Ok(()),
        other => Err(format!("exit code {other:?}").into()),
    }
}

fn wait_until(mut condition: impl FnMut() -> bool) -> TestResult {
    let began = Instant::now();
    while !condition() {
        if began.elapsed() > Duration::from_secs(240) {
            return Err("waited for four minutes in vain".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
