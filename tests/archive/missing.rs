//! Exit code 1 of `archive-get` ends recovery: it means that every repository was read and none has the file.

use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::archiver::Archiver;
use crate::place::Kind;
use crate::stage::{Result, Stage, name};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (name, kind) in [("directory", Kind::Posix), ("server", Kind::Sftp)] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("nothing_is_called_missing_while_a_{name}_cannot_be_read"),
            move || unread(&program, kind),
        );
    }
    let program = Arc::clone(program);
    suite.test(
        "an_error_of_a_strict_get_is_one_at_which_the_server_stops",
        move || strict(&program),
    )
}

fn strict(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[Kind::Posix], &[])?;
    let mut archiver = Archiver::new(&stage, 1);
    archiver.switch()?;
    archiver.push_all()?;
    stage.settle()?;
    let target = stage.scratch.join("data/pg_wal/RECOVERYXLOG");
    let target = target.display().to_string();
    let get = |number: u32, more: &str| {
        let segment = name(number);
        stage.run_as_pgkeep(&[
            more,
            "--archive-get-strict",
            "archive-get",
            &segment,
            &target,
        ])
    };
    for more in ["--archive-async", "--no-archive-async"] {
        get(1, more)?.success()?;
        get(2, more)?.expect_code(1)?;
        stage.settle()?;
        stage.places[0].close(false)?;
        let failed = get(1, more)?.expect_code(126)?;
        if !failed.stdout.contains("ERROR: [") {
            return Err(format!("no error is shown:\n{}", failed.stdout).into());
        }
        stage.places[0].open(false)?;
        stage.settle()?;
    }
    // Even where the configuration cannot be read, by the word on the command line.
    get(1, "--process-max=none")?.expect_code(126)?;
    stage
        .run(
            "",
            &["--archive-get-strict", "archive-get", &name(1), &target],
        )?
        .expect_code(31)?;
    Ok(())
}

fn unread(program: &Program, kind: Kind) -> TestResult {
    let options = [("archive-timeout", "20"), ("io-timeout", "3")];
    let mut stage = Stage::new(program, &[Kind::Posix, kind], &options)?;
    {
        let mut archiver = Archiver::new(&stage, 1);
        archiver.switch()?;
        archiver.switch()?;
        archiver.push_all()?;
        stage.settle()?;
    }
    says(&stage, true)?;
    for whole in [true, false] {
        for place in &stage.places {
            place.close(whole)?;
            says(&stage, false)?;
            place.open(whole)?;
            says(&stage, true)?;
        }
    }
    if let Some(server) = &mut stage.places[1].server {
        server.stop();
        says(&stage, false)?;
        if let Some(server) = &mut stage.places[1].server {
            server.restart()?;
        }
        says(&stage, true)?;
    }
    Ok(())
}

/// The third segment is in neither repository; the first is in both.
fn says(stage: &Stage<'_>, missing: bool) -> Result<()> {
    for more in [&["--no-archive-async"][..], &[]] {
        let outcome = stage.get("", 3, more)?;
        if (outcome.code == 1) != missing || outcome.code == 0 {
            return Err(format!(
                "{}: exit code {}\n{}",
                outcome.command, outcome.code, outcome.stdout
            )
            .into());
        }
        stage.get("", 1, more)?.success()?;
    }
    stage.settle()
}
