//! Whole commands on an S3 server that stumbles, refuses, or is gone from the n-th request on, and commands that die at the
//! n-th operation: a finished run or a clear error, then the next run succeeds, both programs find the repository whole, and
//! no upload stays on the server.
//!
//! Needs the cargo feature `faulty`. A run without a fault counts requests and operations; then a seeded sample of points is
//! visited (PGKEEP_TEST_FULL=1: every one). The server is moto, which lists uploads that were begun.

// Suites reach real files on purpose; the bans are for the program.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)]

mod cut;
mod doing;
mod kill;
mod point;
mod refused;
mod stage;
mod stumble;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("object_faults: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("object_faults");
    for add in [stumble::add, refused::add, cut::add, kill::add] {
        suite = add(suite, &program);
    }
    // Two backups of one second must not have one label, and refused requests are waited with: much of the time is waiting.
    suite.threads(4).run()
}
