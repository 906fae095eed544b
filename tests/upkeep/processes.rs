//! Processes that a run starts: what can be read in their titles, how they end, and what a killed one leaves.
//!
//! Every run has a guardian that adopts what the run leaves, so that not even a process that has ended goes unseen.
//! The background process is stopped where it reads `archive.info`, which is a pipe for that time: no test waits for a time.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::account::Account;
use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::family::{Family, Guarded, Guardian};
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::scratch::Scratch;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::{Result, State};

const SECRET: &str = "swordfish-of-the-test";
/// When a condition that must come true has not.
const PATIENCE: Duration = Duration::from_secs(240);

type Test = fn(&Program) -> TestResult;

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    let tests: [(&str, Test); 8] = [
        ("a_guardian_sees_what_a_program_leaves", |_| guardian()),
        (
            "the_background_process_is_detached_shows_no_secret_and_ends",
            title_and_end,
        ),
        (
            "a_push_that_is_killed_leaves_its_background_process_to_finish",
            front_killed,
        ),
        (
            "a_background_process_that_is_killed_hinders_nobody",
            behind_killed,
        ),
        (
            "a_background_process_that_ends_early_is_no_zombie_while_its_push_waits",
            no_zombie,
        ),
        (
            "asynchronous_commands_leave_only_their_background_process",
            only_background,
        ),
        ("other_commands_leave_no_process", nobody),
        ("a_demo_that_is_ended_leaves_no_process", demo),
    ];
    for (name, test) in tests {
        let program = Arc::clone(program);
        suite = suite.test(name, move || test(&program));
    }
    suite
}

/// An encrypted repository whose pass-phrase comes from the environment, and segments to push in the background.
struct Stage<'a> {
    state: State,
    program: &'a Program,
    guardian: Guardian,
}

impl<'a> Stage<'a> {
    fn new(program: &'a Program) -> Result<Self> {
        let state = State::new(&[("archive-async", "y"), ("repo1-cipher-type", "aes-256-cbc")])?;
        let stage = Self {
            state,
            program,
            guardian: Guardian::new()?,
        };
        run(&mut stage.command(&["--no-online", "stanza-create"]))?.success()?;
        Ok(stage)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program.command();
        command
            .env("PGBACKREST_REPO1_CIPHER_PASS", SECRET)
            .arg(format!("--config={}", self.state.config.display()))
            .arg("--stanza=main")
            .args(arguments);
        command
    }

    /// A command that pushes this segment.
    fn push(&self, segment: u8, arguments: &[&str]) -> Result<Command> {
        let name = format!("0000000100000000000000{segment:02X}");
        let scratch = &self.state.scratch;
        // The server's mark of what is to be archived.
        scratch.write(format!("data/pg_wal/archive_status/{name}.ready"), "")?;
        let bytes = DataDirBuilder::new("15")?.wal_segment(segment);
        let path = scratch.write(format!("data/pg_wal/{name}"), bytes)?;
        let path = path.display().to_string();
        Ok(self.command(&[arguments, &["archive-push", &path]].concat()))
    }

    fn info(&self) -> PathBuf {
        self.state.in_repo("archive/main/archive.info")
    }

    /// Starts a push whose background process stops before it does anything. Both are given: the one in front and the one behind.
    fn start_stopped(&self, segment: u8, arguments: &[&str]) -> Result<(Guarded, u32, u32)> {
        let aside = self.state.scratch.join("archive.info");
        fs::rename(self.info(), &aside)?;
        let mut pipe = self.state.scratch.account().command("mkfifo");
        run(pipe.arg(self.info()))?.success()?;
        let mut run = self.guardian.start(&self.push(segment, arguments)?)?;
        let end = Instant::now() + PATIENCE;
        loop {
            // Its first act is to detach itself.
            if let Some(behind) = self.find(":async")?
                && session(behind) == Some(behind)
                && let Some(front) = run.program()
            {
                return Ok((run, front, behind));
            }
            if !run.runs()? || Instant::now() > end {
                return Err("no background process was started".into());
            }
        }
    }

    /// Lets the background process read on; it or the next finds a file again.
    fn release(&self, read: bool) -> TestResult {
        let aside = self.state.scratch.join("archive.info");
        if read {
            // There must be a reader, who then reads nothing and takes the copy; nobody waits for one that is gone.
            let mut options = fs::OpenOptions::new();
            options
                .write(true)
                .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
            while let Err(error) = options.open(self.info()) {
                if self.find(":async")?.is_none() {
                    return Err(format!("no background process reads the pipe: {error}").into());
                }
            }
        }
        Ok(fs::rename(&aside, self.info())?)
    }

    /// A process of this stage whose title has this word.
    fn find(&self, word: &str) -> Result<Option<u32>> {
        find(&[&self.state.config.display().to_string(), word])
    }

    /// Pushes a segment again, or another one, and sees all processes of it end.
    fn push_well(&self, segment: u8) -> TestResult {
        let family = self.guardian.run(&self.push(segment, &[])?)?;
        ended_well(&family)?;
        Ok(family.left_only_background("archive-push:async")?)
    }

    /// Everything that was pushed is stored, and nothing unfinished lies anywhere.
    fn must_hold(&self, segments: usize) -> TestResult {
        let mut files = Vec::new();
        for place in ["repo", "spool", "lock"] {
            walk(&self.state.scratch.join(place), &mut files)?;
        }
        let unfinished = |name: &&String| {
            [".tmp", ".error", ".lock"]
                .iter()
                .any(|end| name.ends_with(end))
        };
        let stored = files
            .iter()
            .filter(|name| name.contains("/15-1/00"))
            .count();
        if stored == segments && !files.iter().any(|name| unfinished(&name)) {
            return Ok(());
        }
        Err(format!("{segments} segments and nothing else, not {files:#?}").into())
    }
}

/// A process with all these words in its title.
fn find(words: &[&str]) -> Result<Option<u32>> {
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Ok(pid) = name.parse::<u32>() else {
            continue;
        };
        let title = title(pid);
        if words.iter().all(|word| title.contains(word)) {
            return Ok(Some(pid));
        }
    }
    Ok(None)
}

/// The words of a process's command line; empty for one that ended.
fn title(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// The session of a process.
fn session(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    status.rsplit(") ").next()?.split(' ').nth(3)?.parse().ok()
}

fn walk(path: &std::path::Path, found: &mut Vec<String>) -> TestResult {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), found)?;
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    Ok(())
}

fn kill(pid: u32) -> TestResult {
    signal(pid, "-KILL")
}

fn signal(pid: u32, signal: &str) -> TestResult {
    run(Command::new("kill").args([signal, &pid.to_string()]))?.success()?;
    Ok(())
}

fn ended_well(family: &Family) -> TestResult {
    match family.code {
        0 => Ok(()),
        code => Err(format!("exit code {code}").into()),
    }
}

/// The measure itself: it must see what is left running, and what is never waited for.
fn guardian() -> TestResult {
    let (guardian, account) = (Guardian::new()?, Account::server()?);
    let shell = |script: &str| -> Result<Family> {
        let mut command = account.command("sh");
        Ok(guardian.run(command.args(["-c", script]))?)
    };
    // A child of the shell is a shell itself at first; one that the shell becomes knows nothing of its child, which waits until
    // that has happened.
    let left = shell("sleep 3 & until grep -q sleep /proc/$!/comm; do :; done; exit 3")?;
    let none = shell("sleep 0.3 & wait; exit 4")?;
    let unwaited = shell("(until grep -q sleep /proc/$$/comm; do :; done) & exec sleep 8")?;
    if left.code == 3
        && left.left.len() == 1
        && left.left[0].title.starts_with("sleep")
        && left.left[0].code == Some(0)
        && left.nobody_runs().is_err()
        && left.left_only_background("sleep").is_err()
        && none.code == 4
        && none.nobody_is_left().is_ok()
        && unwaited.nobody_is_left().is_err()
    {
        return Ok(());
    }
    Err(format!("{left:#?}\n{none:#?}\n{unwaited:#?}").into())
}

fn title_and_end(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let (run, front, behind) = stage.start_stopped(1, &[])?;
    for pid in [front, behind] {
        let title = title(pid);
        if title.contains(SECRET) || !title.contains("archive-push") {
            return Err(format!("the title of {pid} is: {title}").into());
        }
    }
    // It leads a session of its own; nothing of the caller's is open.
    for descriptor in 0..3 {
        let file = fs::read_link(format!("/proc/{behind}/fd/{descriptor}"))?;
        if file.as_os_str() != "/dev/null" {
            return Err(format!("descriptor {descriptor} is {}", file.display()).into());
        }
    }
    stage.release(true)?;
    let family = run.wait()?;
    ended_well(&family)?;
    family.left_only_background("archive-push:async")?;
    stage.must_hold(1)
}

fn front_killed(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let (run, front, _) = stage.start_stopped(1, &[])?;
    kill(front)?;
    stage.release(true)?;
    let family = run.wait()?;
    family.left_only_background("archive-push:async")?;
    if family.left.is_empty() {
        return Err("the background process did not outlive the push".into());
    }
    stage.push_well(1)?;
    stage.must_hold(1)
}

fn behind_killed(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let (run, _, behind) = stage.start_stopped(1, &["--archive-timeout=1"])?;
    kill(behind)?;
    stage.release(false)?;
    // It may have started another one meanwhile; or it says that nothing came, and is asked again as by the server.
    run.wait()?.left_only_background("archive-push:async")?;
    stage.push_well(1)?;
    stage.push_well(2)?;
    stage.must_hold(2)
}

fn no_zombie(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let (run, front, behind) = stage.start_stopped(1, &[])?;
    // What is stopped cannot end the push, which therefore waits on for one that is no more.
    kill(behind)?;
    let end = Instant::now() + PATIENCE;
    while PathBuf::from(format!("/proc/{behind}")).exists() {
        if title(front).is_empty() || Instant::now() > end {
            return Err("the push did not wait for its background process".into());
        }
    }
    kill(front)?;
    // The next one, if it was started, reads from the pipe.
    let mut run = run;
    while run.runs()? {
        if let Some(next) = stage.find(":async")? {
            kill(next)?;
        }
    }
    run.wait()?;
    stage.release(false)?;
    stage.push_well(1)?;
    stage.must_hold(1)
}

fn only_background(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    for segment in 1..=3 {
        stage.push_well(segment)?;
    }
    let target = stage.state.scratch.join("data/pg_wal/RECOVERYXLOG");
    for segment in 1..=4 {
        let name = format!("0000000100000000000000{segment:02X}");
        let mut get = stage.command(&["archive-get", &name, &target.display().to_string()]);
        let family = stage.guardian.run(&get)?;
        family.left_only_background("archive-get:async")?;
        // The fourth is not there.
        if family.code != i32::from(segment == 4) {
            run(&mut get)?.success()?;
        }
    }
    stage.must_hold(3)
}

fn nobody(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let copy = stage.state.scratch.make_dir("copy")?;
    let restored = format!("--pg1-path={}", copy.display());
    for arguments in [
        &["--no-online", "--type=full", "--process-max=2", "backup"][..],
        &["info"],
        &["verify"],
        &["expire"],
        &[&restored, "--type=none", "restore"],
    ] {
        let family = stage.guardian.run(&stage.command(arguments))?;
        ended_well(&family).map_err(|error| format!("{arguments:?}: {error}"))?;
        family.nobody_is_left()?;
    }
    Ok(())
}

fn demo(program: &Program) -> TestResult {
    let scratch = Scratch::new()?;
    let guardian = Guardian::new()?;
    let mut command = program.command();
    command.env("TMPDIR", scratch.path()).arg("demo");
    // As the user who runs this, so that it has all of its parts where that is root.
    if std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        let family = guardian.start_as_self(&command)?.wait()?;
        ended_well(&family)?;
        family.nobody_runs()?;
    }
    // Ended in the middle: the cluster runs and is being backed up.
    let mut run = guardian.start_as_self(&command)?;
    let place = scratch.path().display().to_string();
    while find(&[&place, "--type=full backup"])?.is_none() {
        if !run.runs()? {
            return Err("the demo ended before its backup".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let front = run.program().ok_or("the demo has ended")?;
    signal(front, "-TERM")?;
    let family = run.wait()?;
    if family.code == 0 {
        return Err("the demo was not ended".into());
    }
    Ok(family.nobody_runs()?)
}
