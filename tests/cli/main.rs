//! What bad input gets: the exit code and message of pgBackRest, a hint, and nothing lost.
//!
//! Every case is given to both programs in the same state (`case.rs`), so no expected code stands here: pgBackRest is
//! the measure. Only where this program deliberately does better does a case say so.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod bad_input;
mod case;
mod completion;
mod hints;
mod hooks;
mod json_log;
mod json_results;
mod refusals;
mod surroundings;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("cli: {error}");
            return ExitCode::FAILURE;
        }
    };
    let suite = bad_input::add(Suite::new("cli").threads(3), &program);
    let suite = hints::add(suite, &program);
    let suite = hooks::add(suite, &program);
    let suite = json_log::add(suite, &program);
    let suite = json_results::add(suite, &program);
    let suite = completion::add(suite, &program);
    let suite = surroundings::add(suite, &program);
    refusals::add(suite, &program).run()
}
