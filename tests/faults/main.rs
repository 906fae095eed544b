//! The process dies, or a storage call fails, at the n-th operation of a backup, an expire or a restore: the repository stays
//! valid to both programs, no half cluster can be started, and the next run succeeds.
//!
//! Needs the cargo feature `faulty`. A run without a fault counts the operations; then a seeded sample of points is visited
//! (PGKEEP_TEST_FULL=1: every one), each from the same state. The points are operations on repository and targets, never times.
//! Invariant: after every point nothing that a finished backup refers to is missing, by the word of pgBackRest.

// Suites reach real files on purpose; the bans are for the program.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)]

mod append_only;
mod backup;
mod expire;
mod online;
mod order;
mod point;
mod restore;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("faults: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("faults");
    for add in [
        append_only::add,
        backup::add,
        online::add,
        expire::add,
        restore::add,
        order::add,
    ] {
        suite = add(suite, &program);
    }
    suite
        // Two backups of one second must not have one label, so most of the time is spent waiting for the next second.
        .threads(4)
        .run()
}
