//! A damaged byte anywhere in a repository is detected or harmless: never a panic, never a wrong restore with success.
//!
//! Small repositories of every layout are made by this program (`stage.rs`); then single bytes of their files are changed,
//! files cut off and lengthened, one at a time (`damage.rs`). The sample is seeded; PGKEEP_TEST_FULL=1 takes many more
//! positions. Invariant: every damage is undone before the next, and an undamaged repository passes all checks.

// Suites reach real files on purpose; the bans are for the program.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)]

mod damage;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult, seed};

use damage::Random;
use stage::{Layout, Stage};

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("flips: {error}");
            return ExitCode::FAILURE;
        }
    };
    let full = std::env::var_os("PGKEEP_TEST_FULL").is_some();
    let mut suite = Suite::new("flips");
    for layout in Layout::ALL {
        let program = Arc::clone(&program);
        let name = format!(
            "damage_in_a_repository_with_{}_is_detected_or_harmless",
            layout.name
        );
        suite = suite.test(name, move || damage_everywhere(&program, layout, full));
    }
    suite.run()
}

/// Damages a sample of every kind of file, each in its own way.
fn damage_everywhere(program: &Program, layout: &'static Layout, full: bool) -> TestResult {
    let stage = Stage::new(program, layout)?;
    stage.check_undamaged()?;
    let mut random = Random::new(seed());
    let mut lines = Vec::new();
    let mut failures = Vec::new();
    for (kind, files) in stage.files_by_kind()? {
        let count = if full { 400 } else { kind.sample() };
        let mut detected = 0;
        let plan = damage::plan(&files, count, &mut random)?;
        for damage in &plan {
            let undo = damage.apply(&stage.repo())?;
            match stage.check_damaged(kind) {
                Ok(true) => detected += 1,
                Ok(false) => {}
                Err(error) => failures.push(format!("{damage}: {error}")),
            }
            undo.undo()?;
        }
        lines.push(format!("{} of {} in {kind:?}", detected, plan.len()));
    }
    println!(
        "flips, {}: detected {}; the rest was harmless",
        layout.name,
        lines.join(", ")
    );
    stage.check_undamaged()?;
    match failures.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{} of the damages went wrong:\n{}",
            failures.len(),
            failures.join("\n\n")
        )
        .into()),
    }
}
