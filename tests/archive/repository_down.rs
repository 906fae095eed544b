//! A repository that is down or hangs: the other goes on, nothing is acknowledged, and the limit of the queue is kept.

use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};
use pgkeep_testkit::wrapper::{Wrapper, holder};

use crate::archiver::Archiver;
use crate::place::Kind;
use crate::stage::{Result, Stage, name, wait_for};

pub fn add(suite: Suite, program: &Arc<Program>) -> Suite {
    let (closed, stopped, hangs, queue, wrapped) = (
        Arc::clone(program),
        Arc::clone(program),
        Arc::clone(program),
        Arc::clone(program),
        Arc::clone(program),
    );
    suite
        .test(
            "a_directory_that_is_closed_delays_no_other_repository",
            move || down(&closed, Kind::Posix),
        )
        .test(
            "a_server_that_is_down_delays_no_other_repository",
            move || down(&stopped, Kind::Sftp),
        )
        .test(
            "a_server_that_hangs_delays_no_other_repository",
            move || hanging(&hangs),
        )
        .test(
            "a_background_process_has_nothing_open_that_its_caller_had",
            move || inherits_nothing(&wrapped),
        )
        .test(
            "the_limit_of_the_queue_is_kept_while_a_server_hangs",
            move || full_queue(&queue),
        )
}

/// Waits until the first repository has all of these.
fn first_has(stage: &Stage<'_>, numbers: std::ops::Range<u32>) -> Result<()> {
    wait_for("the first repository to get all segments", || {
        for number in numbers.clone() {
            if stage.places[0].stored(&name(number))?.len() != 1 {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

fn nothing_is_acknowledged(stage: &Stage<'_>) -> Result<()> {
    let acknowledged = stage.acknowledged()?;
    if acknowledged.is_empty() {
        return Ok(());
    }
    Err(format!("{acknowledged:?} are acknowledged and in one repository only").into())
}

fn down(program: &Program, kind: Kind) -> TestResult {
    let options = [("archive-timeout", "5"), ("io-timeout", "3")];
    let mut stage = Stage::new(program, &[Kind::Posix, kind], &options)?;
    match &mut stage.places[1].server {
        Some(server) => server.stop(),
        None => stage.places[1].close(true)?,
    }
    {
        let mut archiver = Archiver::new(&stage, 1);
        for _ in 0..20 {
            archiver.switch()?;
        }
        // Requests to a server that may come back are retried for a while, so this may be a timeout.
        let outcome = archiver.push("")?;
        if outcome.code == 0 {
            return Err(format!("exit code {}\n{}", outcome.code, outcome.stdout).into());
        }
        first_has(&stage, 1..21)?;
        nothing_is_acknowledged(&stage)?;
    }
    stage.settle()?;
    match &mut stage.places[1].server {
        Some(server) => server.restart()?,
        None => stage.places[1].open(true)?,
    }
    // What one has already is a warning, and all of it gets into the other.
    let mut archiver = Archiver::new(&stage, 1);
    for _ in 0..20 {
        archiver.switch()?;
    }
    archiver.push_all()?;
    stage.settle()
}

fn hanging(program: &Program) -> TestResult {
    let options = [("archive-timeout", "1")];
    let stage = Stage::new(program, &[Kind::Posix, Kind::Sftp], &options)?;
    let server = stage.places[1].server.as_ref().ok_or("a server")?;
    server.freeze()?;
    let mut archiver = Archiver::new(&stage, 1);
    for _ in 0..5 {
        archiver.switch()?;
    }
    archiver.push("")?.expect_code(82)?;
    first_has(&stage, 1..6)?;
    // The same run takes on what becomes ready while it waits.
    for _ in 0..5 {
        archiver.switch()?;
    }
    first_has(&stage, 1..11)?;
    nothing_is_acknowledged(&stage)?;
    server.thaw()?;
    wait_for("the second repository to get all segments", || {
        let outcome = archiver.push("")?;
        if outcome.code == 0 {
            let number = archiver.done()?;
            stage.is_stored(number)?;
        }
        Ok(archiver.ready.is_empty())
    })?;
    stage.settle()
}

fn full_queue(program: &Program) -> TestResult {
    let options = [("archive-timeout", "1"), ("archive-push-queue-max", "8MiB")];
    let stage = Stage::new(program, &[Kind::Posix, Kind::Sftp], &options)?;
    let server = stage.places[1].server.as_ref().ok_or("a server")?;
    server.freeze()?;
    let mut archiver = Archiver::new(&stage, 1);
    for _ in 0..4 {
        archiver.switch()?;
    }
    // Below the limit nothing is dropped.
    archiver.push("")?.expect_code(82)?;
    nothing_is_acknowledged(&stage)?;
    // The run is under way, and the server still hangs.
    for _ in 0..8 {
        archiver.switch()?;
    }
    let mut warned = 0;
    wait_for("the queue to be dropped", || {
        let outcome = archiver.push("")?;
        if outcome.code == 0 {
            let dropped = format!(
                "dropped WAL file '{}' because archive queue exceeded 8MB",
                name(archiver.done()?)
            );
            if !outcome.stdout.contains(&dropped) {
                return Err(format!("no word of it in:\n{}", outcome.stdout).into());
            }
            warned += 1;
        }
        // The run looks all along, so it may see the limit passed before the last segments are there: those wait below it.
        Ok(archiver.ready.is_empty() || (warned > 8 && outcome.code != 0))
    })?;
    server.thaw()?;
    stage.settle()?;
    println!("archive, queue: {warned} segments dropped");
    for _ in 0..3 {
        archiver.switch()?;
    }
    archiver.push_all()?;
    stage.settle()
}

fn inherits_nothing(program: &Program) -> TestResult {
    let options = [("archive-timeout", "1")];
    let stage = Stage::new(program, &[Kind::Posix, Kind::Sftp], &options)?;
    let server = stage.places[1].server.as_ref().ok_or("a server")?;
    // The process waits for it, and so outlives the command.
    server.freeze()?;
    let mut archiver = Archiver::new(&stage, 1);
    archiver.switch()?;
    let segment = stage.wal().join(name(1)).display().to_string();
    let command = stage.command(&["archive-push", &segment]);
    let wrapper = Wrapper::run(&stage.scratch, &command)?;
    if wrapper.code != Some(82) {
        return Err(format!("{:?}\n{}", wrapper.code, wrapper.output).into());
    }
    wrapper.must_be_free_of(holder(&stage.scratch.join("lock/main-archive-1.lock"))?)?;
    server.thaw()?;
    stage.settle()?;
    archiver.push_all()?;
    stage.settle()
}
