//! `repo-copy` with real repositories: what is copied is read, restored and continued by pgBackRest.
//!
//! Invariant: whatever a run meets, the target is a valid repository, and nothing in the source changes.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod copies;
mod cut_off;
mod online;
mod refused;
mod source;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    if let Some(code) = pgkeep_testkit::family::guard_if_asked() {
        return code;
    }
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("repo_copy: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("repo_copy").threads(4);
    for add in [online::add, copies::add, cut_off::add, refused::add] {
        suite = add(suite, &program);
    }
    suite.run()
}
