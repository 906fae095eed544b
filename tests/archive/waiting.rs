//! A segment that a background process of an earlier command was told to bring: the command waits for that process
//! instead of going to the repository itself, unless the process is past it or takes too long.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::archiver::Archiver;
use crate::place::Kind;
use crate::stage::{Result, Stage, name, wait_for};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let program = Arc::clone(program);
    suite.test(
        "a_command_waits_for_a_process_that_was_told_to_bring_its_segment",
        move || waits(&program),
    )
}

/// Stands for a background process: holds the archive lock and does nothing.
struct Busy(Child);

impl Busy {
    fn with_segments(stage: &Stage<'_>, segments: &[String]) -> Result<Self> {
        let lock = stage.scratch.write("lock/main-archive-1.lock", "")?;
        let child = Command::new("flock")
            .arg(&lock)
            .args(["sh", "-c", "exec cat"])
            .arg("archive-get:async")
            .args(segments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let busy = Self(child);
        fs::write(
            &lock,
            format!("{{\"execId\":\"1-0a0b0c0d\",\"pid\":{}}}\n", busy.0.id()),
        )?;
        wait_for("the lock to be taken", || {
            Ok(!Command::new("flock")
                .arg("-n")
                .arg(&lock)
                .arg("true")
                .status()?
                .success())
        })?;
        Ok(busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // Ends `cat`, and with it flock.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn queued(number: u32) -> String {
    format!("spool/archive/main/in/{}", name(number))
}

/// Where the background process writes a segment before it is whole.
fn on_its_way(number: u32) -> String {
    format!("{}.pgbackrest.tmp", queued(number))
}

/// Fetches the segment while the repository is closed, and gives it to the command as the background process would when that
/// has given up waiting, if ever it does.
fn comes(stage: &Stage<'_>, number: u32) -> Result<()> {
    stage.places[0].close(true)?;
    let outcome = std::thread::scope(|scope| {
        let command = scope.spawn(|| {
            stage
                .get("", number, &[])
                .map_err(|error| error.to_string())
        });
        // It goes its own way after 0.2 s, or not at all: in a second it is seen to have failed, or waits.
        let until = Instant::now() + Duration::from_secs(1);
        while !command.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let temporary = stage
            .scratch
            .write(on_its_way(number), stage.segment(number))?;
        fs::rename(temporary, stage.scratch.join(queued(number)))?;
        Ok::<_, Box<dyn std::error::Error>>(
            command
                .join()
                .map_err(|_| "the command's thread panicked")??,
        )
    });
    stage.places[0].open(true)?;
    outcome?.success()?;
    Ok(())
}

fn waits(program: &Program) -> TestResult {
    let options = [
        ("archive-timeout", "60"),
        ("archive-get-queue-max", "32MiB"),
    ];
    let stage = Stage::new(program, &[Kind::Posix], &options)?;
    let mut archiver = Archiver::new(&stage, 1);
    for _ in 0..5 {
        archiver.switch()?;
    }
    archiver.push_all()?;
    stage.settle()?;
    stage.scratch.make_dir("spool/archive/main/in")?;
    let given: Vec<String> = (1..20).map(name).collect();
    let busy = Busy::with_segments(&stage, &given)?;
    comes(&stage, 1)?;
    // Three that come after it are on their way: workers may end in any order.
    for number in 3..6 {
        stage.scratch.write(on_its_way(number), "")?;
    }
    comes(&stage, 2)?;
    // All four workers are at later ones: it must have been brought and taken before.
    stage.scratch.write(on_its_way(6), "")?;
    stage.get("", 2, &[])?.success()?;
    for number in 3..7 {
        fs::remove_file(stage.scratch.join(on_its_way(number)))?;
    }
    // The process takes too long.
    stage.get("", 3, &["--archive-timeout=1"])?.success()?;
    drop(busy);
    // Told of other segments only.
    let busy = Busy::with_segments(&stage, &given[10..])?;
    stage.get("", 4, &[])?.success()?;
    drop(busy);
    // Nobody holds the lock: as ever.
    stage.get("", 5, &[])?.success()?;
    stage.settle()
}
