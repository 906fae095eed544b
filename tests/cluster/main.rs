//! Real clusters, this program only: backup under load, restore, point in time, signals, locks.
//!
//! Interop has its own suite. Invariant: a test waits for a condition, never for a time, and knows which rows must be
//! there and which must not.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod damage;
mod doctor;
mod locks;
mod mixed;
mod odd_modes;
mod odd_names;
mod off_site;
mod pitr;
mod plan;
mod promotion;
mod setting;
mod signals;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("cluster: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("cluster").threads(4);
    for add in [
        // The longest first: the others go on beside it.
        off_site::add,
        setting::add,
        pitr::add,
        plan::add,
        odd_names::add,
        odd_modes::add,
        mixed::add,
        promotion::add,
        signals::add,
        locks::add,
        damage::add,
        doctor::add,
    ] {
        suite = add(suite, &program);
    }
    suite.run()
}
