//! What a user at a terminal sees: the last line of each command, the bar, and nothing of it elsewhere.
//!
//! Made-up clusters that do not run are enough for it. Invariant: as `pgbackrest`, and where a program reads, the output is pgBackRest's.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod demo;
mod last_line;
mod picture;
mod progress;
mod question;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("terminal: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("terminal").threads(2);
    for add in [demo::add, last_line::add, progress::add, question::add] {
        suite = add(suite, &program);
    }
    suite.run()
}
