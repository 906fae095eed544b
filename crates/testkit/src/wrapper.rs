//! A wrapper script, as they stand around archive and backup commands: it holds a lock and a pipe while the command runs.
//!
//! What outlives the command must not hold them on: the lock would stay taken, and who reads the pipe would wait.

use std::fs;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

use crate::error::{During, Error, Result};
use crate::run::run;
use crate::scratch::Scratch;

/// Descriptors 7 to 9: the lock, the pipe, and the lock's file once more, for reading.
const SCRIPT: &str =
    "exec 7>\"$1\" 8>&1 9<\"$1\"; flock 7 || exit 99; output=$2; shift 2; \"$@\" >\"$output\" 2>&1";

/// A wrapper that has ended.
#[derive(Debug)]
pub struct Wrapper {
    /// Exit code of the command.
    pub code: Option<i32>,
    /// What the command printed.
    pub output: String,
    lock: PathBuf,
    pipe: ChildStdout,
}

impl Wrapper {
    /// Runs program and arguments of `command` inside a wrapper, as the server account, and waits for its end.
    pub fn run(scratch: &Scratch, command: &Command) -> Result<Self> {
        let (lock, output) = (scratch.join("wrapper.lock"), scratch.join("wrapper.output"));
        let mut child = scratch
            .account()
            .command("sh")
            .args(["-c", SCRIPT, "sh"])
            .args([&lock, &output])
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .during("start the wrapper")?;
        let pipe = child
            .stdout
            .take()
            .ok_or_else(|| Error::Failed("the wrapper's output is piped".to_owned()))?;
        let code = child.wait().during("wait for the wrapper")?.code();
        let output = fs::read_to_string(&output).during("read the command's output")?;
        Ok(Self {
            code,
            output,
            lock,
            pipe,
        })
    }

    /// Fails unless the process that outlives the command holds nothing of the wrapper's: not its lock, not its pipe, not its
    /// session or directory, and has nothing but `/dev/null` as its three standard descriptors.
    pub fn must_be_free_of(mut self, pid: u32) -> Result<()> {
        let link = |path: String| fs::read_link(&path).during(format!("read the link {path}"));
        let pipe = link(format!("/proc/self/fd/{}", self.pipe.as_raw_fd()))?;
        let mut still_open = Vec::new();
        let directory = format!("/proc/{pid}/fd");
        for entry in fs::read_dir(&directory).during(format!("look at process {pid}"))? {
            let entry = entry.during("list its descriptors")?;
            // It may have been closed meanwhile.
            let Ok(target) = fs::read_link(entry.path()) else {
                continue;
            };
            let number = entry.file_name().to_string_lossy().into_owned();
            let standard = ["0", "1", "2"].contains(&number.as_str());
            let wrong = if standard {
                target != Path::new("/dev/null")
            } else {
                target == pipe || target == self.lock
            };
            if wrong {
                still_open.push(format!("{number} -> {}", target.display()));
            }
        }
        let fail = |what: String| Err(Error::Failed(format!("process {pid}: {what}")));
        if !still_open.is_empty() {
            return fail(format!("it holds {still_open:?}"));
        }
        let directory = link(format!("/proc/{pid}/cwd"))?;
        if directory != Path::new("/") {
            return fail(format!("it works in {}", directory.display()));
        }
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).during("read its state")?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let session = after_name.split_whitespace().nth(3).unwrap_or_default();
        if session != pid.to_string() {
            return fail(format!("it is in session {session}"));
        }
        run(Command::new("flock")
            .arg("--nonblock")
            .arg(&self.lock)
            .arg("true"))?
        .success()?;
        let mut rest = Vec::new();
        self.pipe
            .read_to_end(&mut rest)
            .during("read the pipe to its end")?;
        Ok(())
    }
}

/// The process that holds a lock of this program, as its file says.
pub fn holder(lock: &Path) -> Result<u32> {
    let text = fs::read_to_string(lock).during(format!("read {}", lock.display()))?;
    let pid = text.split("\"pid\":").nth(1).unwrap_or_default();
    let digits: String = pid.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse()
        .map_err(|_| Error::Failed(format!("no process in '{text}'")))
}
