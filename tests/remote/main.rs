//! Cluster and repository on different hosts, over a real sshd and over TLS: every command from both sides, and what goes wrong.
//!
//! The two hosts are two configurations of this one, each with lock, log and spool directories of its own, and every way from
//! one to the other leads through sshd or a server of pgkeep's. pgBackRest reads what was written, as the host of the repository.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod keep_out;
mod life;
mod persist;
mod pushers;
mod refused;
mod rights;
mod stage;
mod tls;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A test of this suite.
type Test = fn(&Program) -> TestResult;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("remote: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("remote").threads(4);
    // The longest first: the others go on beside them.
    let all = [
        life::TESTS,
        persist::TESTS,
        pushers::TESTS,
        keep_out::TESTS,
        refused::TESTS,
        rights::TESTS,
    ];
    for (name, test) in all.concat() {
        let program = Arc::clone(&program);
        suite = suite.test(name, move || test(&program));
    }
    suite.run()
}
