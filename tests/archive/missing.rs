//! Exit code 1 of `archive-get` ends recovery: it means that every repository was read and none has the file.

use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::archiver::Archiver;
use crate::place::Kind;
use crate::stage::{Result, Stage};

pub fn add(mut suite: Suite, program: &Arc<Program>) -> Suite {
    for (name, kind) in [("directory", Kind::Posix), ("server", Kind::Sftp)] {
        let program = Arc::clone(program);
        suite = suite.test(
            format!("nothing_is_called_missing_while_a_{name}_cannot_be_read"),
            move || unread(&program, kind),
        );
    }
    suite
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
