//! Three hosts: a cluster, its standby and a repository. What pgBackRest itself tests of several hosts, over SSH and TLS; and what
//! serves another host is killed or stopped at any message, lines are cut, and hosts disagree.
//!
//! Needs the cargo feature `faulty`. The hosts are addresses of the loopback device. Points of faults are messages, never times;
//! a seeded sample of them is visited (PGKEEP_TEST_FULL=1: every one, PGKEEP_TEST_FAULTS=cut,stall: of these faults).
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod array;
mod draw;
mod machine;
mod meanwhile;
mod point;
mod recovery;
mod scene;
mod strike;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("hosts: {error}");
            return ExitCode::FAILURE;
        }
    };
    // What is stopped is waited for, so there is time for others.
    let mut suite = Suite::new("hosts").threads(3);
    // The longest first: the others go on beside them.
    for add in [array::add, meanwhile::add, strike::add] {
        suite = add(suite, &program);
    }
    suite.run()
}
