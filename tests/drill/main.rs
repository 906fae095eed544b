//! Drills of real clusters: what is in order passes, every kind of damage is found, tables come
//! back, and nothing is left, however a run ends.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod damage;
mod killed;
mod places;
mod results;
mod stage;
mod tables;
mod unfinished;
mod whole;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("drill: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("drill").threads(3);
    for add in [
        whole::add,
        places::add,
        damage::add,
        killed::add,
        tables::add,
        results::add,
        unfinished::add,
    ] {
        suite = add(suite, &program);
    }
    suite.run()
}
