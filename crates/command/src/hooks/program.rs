//! Runs a program for so long and no longer, with a text on its standard input.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process_group, umask};
use serde_json::Value;

use super::settings::Settings;
use crate::error::without_numbers;
use crate::run::Context;

/// How often it is looked whether it has ended.
const TICK: Duration = Duration::from_millis(10);
/// What is kept of its errors, for the warning.
const KEPT: usize = 1000;
/// How many lines of it are shown.
const SHOWN: usize = 10;
/// What is read of them after its end, which is more than a pipe holds.
const LEFT: usize = 2 << 20;
/// Where programs are looked for if the caller has not said it.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variable with the event. It tells a command that a hook has run it.
pub(super) const EVENT: &str = "HOOK_EVENT";

/// Runs the hook; the error says what became of it.
pub(super) fn run(context: &Context, settings: &Settings, document: &Value) -> Result<(), String> {
    let mut command = Command::new(&settings.program);
    // Only what is known to hold no secret: variables of ours, of libpq and of clouds may have them.
    command.env_clear().current_dir("/");
    for name in ["HOME", "PATH", "TMPDIR"] {
        if let Some(value) = context.environment.get(name) {
            command.env(name, value);
        }
    }
    if !context.environment.contains_key("PATH") {
        command.env("PATH", SEARCH_PATH);
    }
    for name in ["USER", "LOGNAME"] {
        command.env(name, &context.user.name);
    }
    for (name, field) in [
        (EVENT, "event"),
        ("HOOK_OUTCOME", "outcome"),
        ("HOOK_STANZA", "stanza"),
    ] {
        command.env(name, document[field].as_str().unwrap_or_default());
    }
    let before = settings.umask.then(|| umask(Mode::from_raw_mode(0o022)));
    let started = Running::start(&mut command);
    if let Some(before) = before {
        umask(before);
    }
    let running =
        started.map_err(|error| without_numbers(format!("cannot be started: {error}")))?;
    let text = format!("{document}\n");
    // A run that was stopped tells it; one that is stopped now ends.
    let stopped_before = context.cancel.signal().is_some();
    let stopped = || !stopped_before && context.cancel.signal().is_some();
    running.follow(text.as_bytes(), settings.timeout, &stopped)
}

/// A program, and our ends of its pipes.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    errors: ChildStderr,
    /// The beginning of its errors.
    said: Vec<u8>,
}

impl Running {
    fn start(command: &mut Command) -> std::io::Result<Self> {
        command
            .stdin(Stdio::piped())
            // Standard output of a command belongs to its own result.
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // What it starts is of its group, and can be killed with it.
            .process_group(0);
        let mut child = command.spawn()?;
        let input = child.stdin.take();
        let errors = child.stderr.take();
        let (Some(input), Some(errors)) = (input, errors) else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        // It may read nothing, and write without end.
        let set = |flags: OFlags| flags | OFlags::NONBLOCK;
        fcntl_setfl(&input, set(fcntl_getfl(&input)?))?;
        fcntl_setfl(&errors, set(fcntl_getfl(&errors)?))?;
        Ok(Self {
            child,
            input: Some(input),
            errors,
            said: Vec::new(),
        })
    }

    /// Waits for its end. What is not read by then of its errors, because a child of it goes on, is nobody's.
    fn follow(
        mut self,
        text: &[u8],
        timeout: Duration,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), String> {
        let began = Instant::now();
        let mut rest = text;
        loop {
            rest = self.write(rest);
            let open = self.read(KEPT);
            match self.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => {
                    self.read(LEFT);
                    return match status.success() {
                        true => Ok(()),
                        false => Err(self.with_errors(&format!("ended with {status}"))),
                    };
                }
                Err(error) => return Err(format!("cannot be waited for: {error}")),
            }
            if began.elapsed() >= timeout {
                self.kill();
                let seconds = timeout.as_secs_f64();
                return Err(self.with_errors(&format!("was killed after {seconds}s")));
            }
            if stopped() {
                self.kill();
                return Err("was killed because the command is being stopped".to_owned());
            }
            self.pause(!rest.is_empty(), open);
        }
    }

    /// Writes what it takes, and returns the rest. Nothing is left for one that reads no more.
    fn write<'a>(&mut self, mut rest: &'a [u8]) -> &'a [u8] {
        while let Some(input) = &mut self.input {
            if rest.is_empty() {
                self.input = None;
                break;
            }
            match input.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.input = None;
                    rest = &[];
                }
            }
        }
        rest
    }

    /// Reads about so many bytes of its errors, and keeps the beginning; `false` at their end.
    fn read(&mut self, most: usize) -> bool {
        let mut bytes = [0; 16 << 10];
        let mut count = 0;
        while count < most {
            match self.errors.read(&mut bytes) {
                Ok(0) => return false,
                Ok(read) => {
                    let room = KEPT.saturating_sub(self.said.len());
                    self.said.extend_from_slice(&bytes[..read.min(room)]);
                    count += read;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        true
    }

    /// Until something is to be done, or for a moment.
    fn pause(&self, write: bool, read: bool) {
        let mut wanted = Vec::new();
        if let (true, Some(input)) = (write, &self.input) {
            wanted.push(PollFd::new(input, PollFlags::OUT));
        }
        if read {
            wanted.push(PollFd::new(&self.errors, PollFlags::IN));
        }
        let tick = Timespec {
            tv_sec: 0,
            tv_nsec: TICK.as_nanos().try_into().unwrap_or(0),
        };
        // A signal only ends it early.
        let _ = poll(&mut wanted, Some(&tick));
    }

    /// Ends it with all that it has started.
    fn kill(&mut self) {
        // It has not been waited for, so nobody else can have its number.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        self.read(LEFT);
    }

    fn with_errors(&self, what: &str) -> String {
        let said = String::from_utf8_lossy(&self.said);
        let lines: Vec<&str> = said.trim().lines().collect();
        match lines.as_slice() {
            [] => what.to_owned(),
            [..] if lines.len() <= SHOWN => format!("{what}: {}", lines.join("\n")),
            [..] => format!("{what}: {}\n…", lines[..SHOWN].join("\n")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // looks at what hooks have written
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn follow(script: &str, text: &[u8], timeout: Duration) -> Result<(), String> {
        let running = Running::start(&mut shell(script)).unwrap();
        running.follow(text, timeout, &|| false)
    }

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(100);

    #[test]
    fn a_hook_gets_the_text_however_long() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("got");
        let text = vec![b'x'; 1 << 20];
        let script = format!("cat >{}", path.display());
        assert_eq!(follow(&script, &text, LONG), Ok(()));
        let got = std::fs::read(&path).unwrap();
        assert_eq!(got, text);
        // One that does not read it has not failed.
        assert_eq!(follow("exit 0", &text, LONG), Ok(()));
    }

    #[test]
    fn a_hook_that_fails_is_told_with_the_beginning_of_its_errors() {
        let failed = follow("echo out; echo no route >&2; exit 3", b"x", LONG);
        assert_eq!(
            failed,
            Err("ended with exit status: 3: no route".to_owned())
        );
        let flood = "i=0; while [ $i -lt 40000 ]; do echo 1234567890 >&2; i=$((i+1)); done; exit 1";
        let failed = follow(flood, b"x", LONG).unwrap_err();
        assert!(failed.len() < 2 * KEPT, "{}", failed.len());
        assert_eq!(failed.lines().count(), SHOWN + 1);
    }

    #[test]
    fn a_hook_that_hangs_or_floods_is_killed_with_its_children() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pid");
        let script = format!("sleep 600 & echo $! >{}; wait", path.display());
        // Long enough for the shell to have started its child: until the file is there nothing is proved.
        let mut child = String::new();
        let mut timeout = SHORT;
        while child.trim().is_empty() {
            let killed = follow(&script, b"x", timeout).unwrap_err();
            assert!(killed.starts_with("was killed after 0.1s") || timeout > SHORT);
            child = std::fs::read_to_string(&path).unwrap_or_default();
            timeout *= 4;
        }
        let stat = format!("/proc/{}/stat", child.trim());
        let runs = || {
            let stat = std::fs::read_to_string(&stat).unwrap_or_default();
            // Who takes it over may not have waited for it yet.
            !stat.is_empty() && !stat.contains(") Z ")
        };
        let began = Instant::now();
        while runs() {
            assert!(began.elapsed() < LONG, "the child of the hook goes on");
            std::thread::yield_now();
        }
        let flood = follow("while :; do echo 1234567890 >&2; done", b"x", SHORT).unwrap_err();
        assert!(flood.starts_with("was killed after 0.1s: 123"), "{flood}");
    }

    #[test]
    fn a_child_that_a_hook_leaves_behind_is_not_waited_for() {
        let began = Instant::now();
        assert_eq!(follow("sleep 60 & exit 0", b"x", LONG), Ok(()));
        assert!(began.elapsed() < LONG);
        let failed = follow("sleep 60 & echo x >&2; exit 1", b"x", LONG);
        assert_eq!(failed, Err("ended with exit status: 1: x".to_owned()));
    }

    #[test]
    fn a_hook_ends_with_the_command_that_is_stopped() {
        let running = Running::start(&mut shell("sleep 600")).unwrap();
        let asked = std::cell::Cell::new(0);
        let stopped = || asked.replace(asked.get() + 1) > 2;
        assert_eq!(
            running.follow(b"x", LONG, &stopped),
            Err("was killed because the command is being stopped".to_owned())
        );
    }
}
