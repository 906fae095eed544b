//! Every process that a run starts, and how each of them ended.
//!
//! A suite starts itself again as a guardian, which starts the program and adopts whatever the program leaves (it is a *child
//! subreaper*, in Linux's words). So no process can get away unseen, not one that changed its title or its session, and not one
//! that has ended and that nobody waited for. The guardian ends when all of them have.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, waitpid};

use crate::error::{During, Error, Result};
use crate::run::Program;
use crate::scratch::Scratch;

/// Names the file with the words of the program; only for the guardian.
const VARIABLE: &str = "PGKEEP_TEST_GUARDIAN";
/// What is still alive after this time is ended by the guardian, and told.
const PATIENCE: Duration = Duration::from_secs(240);

/// After this time a child that has ended counts as forgotten by the program that started it.
const TIME_TO_WAIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// A process that outlived the program that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its state when the program had just ended, as in `/proc/PID/stat`; `Z` for one that had ended as well.
    pub state: char,
    /// It led a session of its own, in the end.
    pub detached: bool,
    /// Its command line; empty for one that had ended.
    pub title: String,
    /// Exit code, 128 + n when signal n ended it; `None` when it had to be killed in the end.
    pub code: Option<i32>,
}

/// What became of a run and of everything it started.
#[derive(Debug)]
pub struct Family {
    /// Exit code of the program, 128 + n when signal n ended it.
    pub code: i32,
    /// What was there when it ended, and what these started later.
    pub left: Vec<Left>,
}

impl Family {
    /// An error unless the program waited for everything that it started.
    pub fn nobody_is_left(&self) -> Result<()> {
        self.left_only(|_| false)
    }

    /// An error if anything still ran when the program ended, or if the program left a child unwaited for. Servers that it
    /// started and ended may have ended in the same moment.
    pub fn nobody_runs(&self) -> Result<()> {
        self.left_only(|left| left.state == 'Z' && left.title.is_empty())
    }

    /// An error unless all that was left are background processes with this word in their title, which ended well.
    pub fn left_only_background(&self, word: &str) -> Result<()> {
        // One that ended in the same moment has no title any more.
        self.left_only(|left| {
            let known = left.title.contains(word) || left.title.is_empty() && left.state == 'Z';
            left.detached && known && left.code == Some(0)
        })
    }

    fn left_only(&self, expected: impl Fn(&Left) -> bool) -> Result<()> {
        if self.left.iter().all(expected) {
            return Ok(());
        }
        Err(Error::Failed(format!(
            "processes were left behind: {:#?}",
            self.left
        )))
    }
}

/// Starts programs below a guardian.
#[derive(Debug)]
pub struct Guardian {
    suite: Program,
    scratch: Scratch,
}

/// A program that runs below its guardian.
#[derive(Debug)]
pub struct Guarded {
    guardian: Child,
    report: PathBuf,
}

impl Guardian {
    /// Uses the suite that runs, which must call [`guard_if_asked`] first of all.
    pub fn new() -> Result<Self> {
        let suite = std::env::current_exe().during("find the suite itself")?;
        Ok(Self {
            suite: Program::new(suite)?,
            scratch: Scratch::new()?,
        })
    }

    /// Starts a command of [`Program`] as the server account.
    pub fn start(&self, command: &Command) -> Result<Guarded> {
        self.below(self.suite.command(), command)
    }

    /// Starts it as the user who runs the suite, which may be root.
    pub fn start_as_self(&self, command: &Command) -> Result<Guarded> {
        self.below(Command::new(self.suite.path()), command)
    }

    fn below(&self, mut guardian: Command, command: &Command) -> Result<Guarded> {
        let mut words = Vec::new();
        for word in std::iter::once(command.get_program()).chain(command.get_args()) {
            words.extend(word.as_bytes());
            words.push(0);
        }
        let number = fs::read_dir(self.scratch.path())
            .during("count the runs")?
            .count();
        let report = self.scratch.write(format!("run{number}"), words)?;
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guardian.env(name, value),
                None => guardian.env_remove(name),
            };
        }
        if let Some(directory) = command.get_current_dir() {
            guardian.current_dir(directory);
        }
        let guardian = guardian
            .env(VARIABLE, &report)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .during("start the guardian")?;
        Ok(Guarded { guardian, report })
    }

    /// Runs a command to its end and to the end of all that it started.
    pub fn run(&self, command: &Command) -> Result<Family> {
        self.start(command)?.wait()
    }
}

impl Guarded {
    /// The process of the program itself.
    pub fn program(&self) -> Option<u32> {
        children(self.guardian.id())
            .into_iter()
            .min_by_key(|found| found.pid)
            .map(|found| found.pid)
    }

    /// Whether the program or anything that it started still runs.
    pub fn runs(&mut self) -> Result<bool> {
        Ok(self
            .guardian
            .try_wait()
            .during("look at the guardian")?
            .is_none())
    }

    /// Waits until the program and everything that it started has ended.
    pub fn wait(mut self) -> Result<Family> {
        let status = self.guardian.wait().during("wait for the guardian")?;
        if !status.success() {
            return Err(Error::Failed(format!("the guardian ended with {status}")));
        }
        let text = fs::read_to_string(&self.report).during("read what the guardian saw")?;
        let mut lines = text.lines();
        let code = lines.next().and_then(|line| line.parse().ok());
        Ok(Family {
            code: code.ok_or_else(|| Error::failed(format!("the guardian wrote: {text}")))?,
            left: lines.filter_map(left).collect(),
        })
    }
}

/// A line of the guardian's report: state, session, code, title.
fn left(line: &str) -> Option<Left> {
    let mut words = line.splitn(4, ' ');
    Some(Left {
        state: words.next()?.chars().next()?,
        detached: words.next()? == "true",
        code: words.next()?.parse().ok(),
        title: words.next()?.to_owned(),
    })
}

/// To be called first in `main`: the exit code if this process is to be a guardian, after it has been one.
pub fn guard_if_asked() -> Option<ExitCode> {
    let report = PathBuf::from(std::env::var_os(VARIABLE)?);
    Some(match guard(&report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guardian: {error}");
            ExitCode::FAILURE
        }
    })
}

fn guard(report: &Path) -> Result<()> {
    let words = fs::read(report).during("read the words of the program")?;
    let mut words = words
        .split(|byte| *byte == 0)
        .map(|word| OsString::from_vec(word.to_vec()));
    let program = words.next().unwrap_or_default();
    let words: Vec<OsString> = words.filter(|word| !word.is_empty()).collect();
    let me = rustix::process::getpid();
    set_child_subreaper(Some(me)).during("adopt what is left")?;
    let mut command = Command::new(program);
    command.args(words).env_remove(VARIABLE);
    let mut program = command.spawn().during("start the program")?;
    let (me, mut unwaited) = (std::process::id(), BTreeMap::new());
    let status = loop {
        if let Some(status) = program.try_wait().during("wait for the program")? {
            break status;
        }
        // As init does, for servers that detach themselves.
        for adopted in children(me) {
            if adopted.pid != program.id() && adopted.state == 'Z' {
                adopted.end()?;
            }
        }
        note_unwaited(program.id(), &mut unwaited);
        std::thread::sleep(PAUSE);
    };
    // Whoever the program leaves is a child of this process by now.
    let mut text = format!("{}\n", code(status));
    for since in unwaited.into_values() {
        if since.elapsed() > TIME_TO_WAIT {
            text.push_str("Z false - a child that nobody waited for\n");
        }
    }
    for (found, code) in see_them_end(me)? {
        let code = code.map_or("-".to_owned(), |code| code.to_string());
        let (state, detached, title) = (found.state, found.detached, found.title);
        text.push_str(&format!("{state} {detached} {code} {title}\n"));
    }
    fs::write(report, text).during("write the report")
}

/// Since when children of the program have been zombies.
fn note_unwaited(program: u32, since: &mut BTreeMap<u32, Instant>) {
    let mut zombies = children(program);
    zombies.retain(|child| child.state == 'Z');
    // Those that were not waited for in time stay noted.
    since.retain(|pid, when| {
        zombies.iter().any(|child| child.pid == *pid) || when.elapsed() > TIME_TO_WAIT
    });
    for child in zombies {
        since.entry(child.pid).or_insert_with(Instant::now);
    }
}

/// All that is left, with what each ended with.
fn see_them_end(me: u32) -> Result<Vec<(Found, Option<i32>)>> {
    let mut seen: Vec<(Found, Option<i32>)> = Vec::new();
    let end = Instant::now() + PATIENCE;
    loop {
        // Children of those that are left may be left in turn.
        let now = children(me);
        if now.is_empty() {
            return Ok(seen);
        }
        let late = Instant::now() > end;
        for found in now {
            let at = seen.iter().position(|(known, _)| known.pid == found.pid);
            let at = at.unwrap_or(seen.len());
            if found.state != 'Z' && late {
                // It may have ended meanwhile.
                let _ = Pid::from_raw(found.pid.cast_signed())
                    .map(|pid| kill_process(pid, Signal::KILL));
            }
            let ended = match found.state {
                'Z' if late => found.end().map(|_| None)?,
                'Z' => Some(found.end()?),
                _ => None,
            };
            match seen.get_mut(at) {
                Some((known, code)) => {
                    known.detached = found.detached;
                    *code = ended;
                }
                None => seen.push((found, ended)),
            }
        }
        std::thread::sleep(PAUSE);
    }
}

fn code(status: ExitStatus) -> i32 {
    let by_signal = || status.signal().map(|signal| 128 + signal);
    status.code().or_else(by_signal).unwrap_or(-1)
}

struct Found {
    pid: u32,
    state: char,
    detached: bool,
    title: String,
}

impl Found {
    /// Waits for one that has ended.
    fn end(&self) -> Result<i32> {
        let pid = Pid::from_raw(self.pid.cast_signed());
        let ended = waitpid(pid, WaitOptions::empty()).during("wait for what is left")?;
        Ok(ended.map_or(-1, |(_, status)| {
            code(ExitStatus::from_raw(status.as_raw()))
        }))
    }
}

/// The children of a process, also those that have ended.
fn children(parent: u32) -> Vec<Found> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| found(&entry.file_name(), parent))
        .collect()
}

fn found(name: &OsStr, parent: u32) -> Option<Found> {
    let pid: u32 = name.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name in brackets: state, parent, group, session.
    let mut words = stat.rsplit_once(") ")?.1.split(' ');
    let state = words.next()?.chars().next()?;
    if words.next()?.parse() != Ok(parent) {
        return None;
    }
    let detached = words.nth(1)?.parse() == Ok(pid);
    let title = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    Some(Found {
        pid,
        state,
        detached,
        title: String::from_utf8_lossy(&title).replace(['\0', '\n'], " "),
    })
}
