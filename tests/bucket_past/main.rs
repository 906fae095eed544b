//! A repository in a bucket that keeps versions, and locks them: what was deleted is read and restored as it was, by both
//! programs, and what is locked is kept.
//!
//! The server is moto, which knows versions and Object Lock.

// Suites reach real files on purpose; the bans are for the program.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)]

mod locks;
mod past;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("bucket_past: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("bucket_past");
    for add in [past::add, locks::add] {
        suite = add(suite, &program);
    }
    suite.threads(2).run()
}
