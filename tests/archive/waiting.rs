//! A segment that a background process of an earlier command was told to bring: the command in front waits for that process
//! instead of going to the repository itself, unless the process has gone far beyond.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

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
    fn told(stage: &Stage<'_>, segments: &[String]) -> Result<Self> {
        let lock = stage.scratch.write("lock/main-archive-1.lock", "")?;
        let child = Command::new("flock")
            .arg(&lock)
            .args(["sh", "-c", "echo held; exec cat"])
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
        wait_for("the lock to be held", || {
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

/// Where the background process writes a segment before it is whole.
fn on_its_way(number: u32) -> String {
    format!("spool/archive/main/in/{}.pgbackrest.tmp", name(number))
}

fn waits(program: &Program) -> TestResult {
    let options = [("archive-timeout", "1"), ("archive-get-queue-max", "32MiB")];
    let stage = Stage::new(program, &[Kind::Posix], &options)?;
    let mut archiver = Archiver::new(&stage, 1);
    for _ in 0..3 {
        archiver.switch()?;
    }
    archiver.push_all()?;
    stage.settle()?;
    stage.scratch.make_dir("spool/archive/main/in")?;
    let told: Vec<String> = (1..20).map(name).collect();
    let busy = Busy::told(&stage, &told)?;
    // Told to bring it, and it does not come: the time is up, and nothing was fetched twice.
    stage.get("", 1, &[])?.expect_code(82)?;
    // Seven that come after it are on their way: workers may end in any order.
    for number in 2..9 {
        stage.scratch.write(on_its_way(number), "")?;
    }
    stage.get("", 1, &[])?.expect_code(82)?;
    // One more, and it must have been brought and taken before.
    stage.scratch.write(on_its_way(9), "")?;
    stage.get("", 1, &[])?.success()?;
    drop(busy);
    for number in 2..10 {
        fs::remove_file(stage.scratch.join(on_its_way(number)))?;
    }
    // Told of other segments only.
    let busy = Busy::told(&stage, &told[3..])?;
    stage.get("", 2, &[])?.success()?;
    drop(busy);
    // Nobody holds the lock: as ever.
    stage.get("", 3, &[])?.success()?;
    stage.settle()
}
