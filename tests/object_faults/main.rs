//! Whole commands on object stores that stumble, refuse, answer without sense, or are gone from the n-th request on, and
//! commands that die at the n-th operation: a finished run or a clear error, then the next run succeeds, both programs find
//! the repository whole, and nothing stays on the server that no backup knows.
//!
//! Needs the cargo feature `faulty`. A run without a fault counts requests and operations; then a seeded sample of points is
//! visited (PGKEEP_TEST_FULL=1: every one). One stage serves all commands of a test: it costs as much as several points.

// Suites reach real files on purpose; the bans are for the program.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)]

mod cut;
mod doing;
mod kill;
mod point;
mod refused;
mod senseless;
mod stage;
mod store;
mod stumble;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use store::{STORES, Store};

type Test = fn(&Program, &'static Store) -> TestResult;

const TESTS: &[(&str, Test)] = &[
    ("a_fault_of_one_request_ends_no_command", stumble::visit),
    ("what_is_refused_is_told", refused::visit),
    ("an_answer_without_sense_loses_nothing", senseless::visit),
    ("when_the_server_is_gone_the_next_run_succeeds", cut::visit),
    (
        "when_a_command_is_killed_the_next_run_succeeds",
        kill::visit,
    ),
];

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("object_faults: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Two backups of one second must not have one label, and refused requests are waited with: much of the time is waiting.
    let mut suite = Suite::new("object_faults").threads(4);
    for (name, test) in TESTS {
        for store in STORES {
            let program = Arc::clone(&program);
            let name = format!("{}_{name}", store.name);
            suite = suite.test(name, move || test(&program, store));
        }
    }
    suite.run()
}
