//! Processes that a run starts: what can be read in their titles, how they end, and what a killed one leaves.
//!
//! The background process is held where it reads `archive.info`, which is a pipe for that time: no test waits for a time.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::data_dir::DataDirBuilder;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::state::{Result, State};

const SECRET: &str = "swordfish-of-the-test";
/// When a condition that must come true has not.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let (title, front, behind) = (
        Arc::clone(program),
        Arc::clone(program),
        Arc::clone(program),
    );
    suite
        .test(
            "the_background_process_is_detached_shows_no_secret_and_ends",
            move || title_and_end(&title),
        )
        .test(
            "a_push_that_is_killed_leaves_its_background_process_to_finish",
            move || front_killed(&front),
        )
        .test(
            "a_background_process_that_is_killed_hinders_nobody",
            move || behind_killed(&behind),
        )
}

/// An encrypted repository whose pass-phrase comes from the environment, and segments to push in the background.
struct Stage<'a> {
    state: State,
    program: &'a Program,
}

impl<'a> Stage<'a> {
    fn new(program: &'a Program) -> Result<Self> {
        let state = State::new(&[("archive-async", "y"), ("repo1-cipher-type", "aes-256-cbc")])?;
        let stage = Self { state, program };
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

    /// Starts a push, and holds its background process.
    fn hold(&self, segment: u8, arguments: &[&str]) -> Result<(Child, u32)> {
        let aside = self.state.scratch.join("archive.info");
        fs::rename(self.info(), &aside)?;
        let mut pipe = self.state.scratch.account().command("mkfifo");
        run(pipe.arg(self.info()))?.success()?;
        let mut front = self
            .push(segment, arguments)?
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let end = Instant::now() + PATIENCE;
        loop {
            // Its first act is to detach itself.
            if let Some(pid) = self.find(":async")?
                && session(pid) == Some(pid)
            {
                return Ok((front, pid));
            }
            if front.try_wait()?.is_some() || Instant::now() > end {
                return Err("no background process was started".into());
            }
        }
    }

    /// Lets the background process read on; it or the next finds a file again.
    fn release(&self, read: bool) -> TestResult {
        let aside = self.state.scratch.join("archive.info");
        if read {
            // Opening waits for the reader, who then reads nothing and takes the copy.
            fs::OpenOptions::new().write(true).open(self.info())?;
        }
        Ok(fs::rename(&aside, self.info())?)
    }

    /// A process of this stage whose title has this word.
    fn find(&self, word: &str) -> Result<Option<u32>> {
        let config = self.state.config.display().to_string();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let Ok(pid) = name.parse::<u32>() else {
                continue;
            };
            let title = title(pid);
            if title.contains(&config) && title.contains(word) {
                return Ok(Some(pid));
            }
        }
        Ok(None)
    }

    /// Waits until no process of this stage is left.
    fn all_end(&self) -> TestResult {
        let end = Instant::now() + PATIENCE;
        while let Some(pid) = self.find("")? {
            if Instant::now() > end {
                return Err(format!("{pid} still runs: {}", title(pid)).into());
            }
        }
        Ok(())
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
    run(Command::new("kill").args(["-KILL", &pid.to_string()]))?.success()?;
    Ok(())
}

fn title_and_end(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let (mut front, behind) = stage.hold(1, &[])?;
    for pid in [front.id(), behind] {
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
    if !front.wait()?.success() {
        return Err("the push failed".into());
    }
    stage.all_end()?;
    stage.must_hold(1)
}

fn front_killed(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let (mut front, _) = stage.hold(1, &[])?;
    kill(front.id())?;
    front.wait()?;
    stage.release(true)?;
    stage.all_end()?;
    run(&mut stage.push(1, &[])?)?.success()?;
    stage.all_end()?;
    stage.must_hold(1)
}

fn behind_killed(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let (mut front, behind) = stage.hold(1, &["--archive-timeout=1"])?;
    kill(behind)?;
    stage.release(false)?;
    // It may have started another one meanwhile; or it says that nothing came, and is asked again as by the server.
    front.wait()?;
    run(&mut stage.push(1, &[])?)?.success()?;
    run(&mut stage.push(2, &[])?)?.success()?;
    stage.all_end()?;
    stage.must_hold(2)
}
