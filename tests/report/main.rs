//! `report` over real repositories, and its page in a real browser.
//!
//! Made-up clusters that do not run are enough for it.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod asked_once;
mod browser;
mod dead_hosts;
mod page;
mod places;
mod reader;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("report: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("report").threads(2);
    for add in [
        page::add,
        places::add,
        dead_hosts::add,
        asked_once::add,
        browser::add,
        reader::add,
    ] {
        suite = add(suite, &program);
    }
    suite.run()
}
