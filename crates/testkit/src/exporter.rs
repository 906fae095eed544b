//! Exporters of metrics. pgbackrest_exporter makes them of what `info` of a pgBackRest says: run once, over one configuration.
//! node_exporter reads those in the files of a directory.
//!
//! pgbackrest_exporter looks again and again, and tells nobody when a round is over. So the program that it is given as `pgbackrest` stops it at
//! the beginning of the second round; what it tells then is the whole first one, but for the version, which it has just forgotten.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::error::{During, Error, Result};
use crate::installed;
use crate::scratch::Scratch;

/// How often it is looked at, for at most a minute.
const LOOKS: usize = 3000;
const PAUSE: Duration = Duration::from_millis(20);

/// What it tells after one round: `program` is asked with `config`, and `environment` is set for both.
///
/// # Errors
/// [`Error::Missing`] where the set-up could not bring it; it does not come to the end of a round in a minute.
pub fn scrape(program: &Path, config: &Path, environment: &[(&str, &str)]) -> Result<String> {
    let exporter = program_path("pgbackrest-exporter", "exporter")?;
    let scratch = Scratch::new()?;
    let directory = scratch.make_dir("bin")?;
    let calls = scratch.write("calls", "")?;
    let script = format!(
        "#!/bin/sh\n\
         if [ \"$1\" = version ]; then\n\
         \x20   echo >>'{calls}'\n\
         \x20   [ \"$(wc -l <'{calls}')\" -lt 2 ] || exec tail -f /dev/null\n\
         fi\n\
         exec '{program}' \"$@\"\n",
        calls = calls.display(),
        program = program.display()
    );
    let link = scratch.write("bin/pgbackrest", script)?;
    fs::set_permissions(&link, fs::Permissions::from_mode(0o755)).during("set a mode")?;
    let log = scratch.join("exporter.log");
    let mut command = scratch.account().command(&exporter);
    command
        .env("PATH", format!("{}:/usr/bin:/bin", directory.display()))
        .envs(environment.iter().copied())
        .args([
            "--web.listen-address=127.0.0.1:0",
            "--collect.interval=1",
            &format!("--backrest.config={}", config.display()),
        ]);
    let mut round = Round::start(&mut command, log)?;
    round.wait(|_| fs::read_to_string(&calls).is_ok_and(|calls| calls.lines().count() >= 2))?;
    let address = round.wait_for_address()?;
    get(&address)
}

/// What node_exporter tells of the files of metrics in a directory.
///
/// # Errors
/// [`Error::Missing`] where the set-up could not bring it; it does not listen in a minute.
pub fn textfiles(directory: &Path) -> Result<String> {
    let scratch = Scratch::new()?;
    let log = scratch.join("exporter.log");
    let exporter = program_path("node-exporter", "node-exporter")?;
    let mut command = scratch.account().command(&exporter);
    command.args([
        "--web.listen-address=127.0.0.1:0",
        "--collector.disable-defaults",
        "--collector.textfile",
        &format!("--collector.textfile.directory={}", directory.display()),
    ]);
    let mut running = Round::start(&mut command, log)?;
    let address = running.wait_for_address()?;
    get(&address)
}

/// Which of them, and where in the cache it is.
fn program_path(name: &str, directory: &str) -> Result<PathBuf> {
    let path = installed::cache().join(format!("{directory}/bin/prometheus-{name}"));
    if path.exists() {
        return Ok(path);
    }
    Err(installed::absent(name, &name.replace('-', "_")))
}

/// The exporter with all that it started.
struct Round {
    child: Child,
    log: PathBuf,
}

impl Round {
    fn start(command: &mut Command, log: PathBuf) -> Result<Self> {
        let file = fs::File::create(&log).during("make a log")?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .during("start an exporter")?;
        Ok(Self { child, log })
    }

    fn told(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn wait(&mut self, ready: impl Fn(&str) -> bool) -> Result<()> {
        for _ in 0..LOOKS {
            let ended = self.child.try_wait().during("watch an exporter")?;
            if ready(&self.told()) {
                return Ok(());
            }
            if ended.is_some() {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        Err(Error::failed(format!(
            "an exporter did not come so far:\n{}",
            self.told()
        )))
    }

    /// Where it listens, as its log says.
    fn wait_for_address(&mut self) -> Result<String> {
        self.wait(|told| address(told).is_some())?;
        Ok(address(&self.told()).unwrap_or_default())
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            // It is gone unless the test failed before.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn address(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains("Listening on"))?;
    let rest = line.split_once("address=")?.1;
    Some(rest.split_whitespace().next()?.to_owned())
}

fn get(address: &str) -> Result<String> {
    let doing = "ask an exporter";
    let mut stream = TcpStream::connect(address).during(doing)?;
    // By 1.0 the end of the answer is the end of the connection.
    let request = format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).during(doing)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).during(doing)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(body.to_owned()),
        _ => Err(Error::failed(format!("an exporter answers:\n{answer}"))),
    }
}
