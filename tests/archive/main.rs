//! The archive under stress: segments are pushed and fetched while the background process dies and repositories fail.
//!
//! Needs the cargo feature `faulty`. No server runs: the suite plays PostgreSQL's archiver and recovery with made-up segments.
//! Faults come at counts of operations and calls drawn with the seed, never at times. Every test runs on posix and on SFTP.
//! Invariant: success is never reported for a segment that a repository does not have with the right bytes, and what is there
//! is never called missing.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod archiver;
mod churn;
mod concurrent;
mod missing;
mod place;
mod prefetch;
mod random;
mod repository_down;
mod spool_states;
mod stage;
mod waiting;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("archive: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("archive").threads(6);
    for add in [
        concurrent::add,
        churn::add,
        prefetch::add,
        repository_down::add,
        missing::add,
        waiting::add,
        spool_states::add,
    ] {
        suite = add(suite, &program);
    }
    suite.run()
}
