//! Several clusters and backups from a standby: which one serves, what is copied from where, what happens when clusters change
//! their roles meanwhile, and that both programs restore what either made.
//!
//! Primary and standby are real servers of this machine. Invariant: a test waits for a condition, never for a time.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod change;
mod checks;
mod choice;
mod lag;
mod push;
mod row;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("standby: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("standby").threads(3);
    for add in [
        row::add,
        change::add,
        lag::add,
        choice::add,
        checks::add,
        push::add,
    ] {
        suite = add(suite, &program);
    }
    suite.run()
}
