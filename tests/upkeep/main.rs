//! Keeping a repository for years: what both programs say of it, how runs end, and what they leave behind.
//!
//! Retention has a suite of its own (`expire`). Invariant: where both programs can answer, pgBackRest is the measure.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod catalogue;
mod checks;
mod clock;
mod cut_off;
mod decade;
mod exit_codes;
mod full;
mod histories;
mod hygiene;
mod metrics;
mod processes;
mod rekey;
mod state;
mod stopping;
mod unattended;
mod upgrade;
mod verify_stopped;
mod waits;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    if let Some(code) = pgkeep_testkit::family::guard_if_asked() {
        return code;
    }
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("upkeep: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("upkeep").threads(4);
    for add in [
        catalogue::add,
        checks::add,
        clock::add,
        cut_off::add,
        decade::add,
        exit_codes::add,
        full::add,
        histories::add,
        hygiene::add,
        metrics::add,
        processes::add,
        rekey::add,
        stopping::add,
        unattended::add,
        upgrade::add,
        verify_stopped::add,
        waits::add,
    ] {
        suite = add(suite, &program);
    }
    suite.run()
}
