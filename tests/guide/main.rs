//! The guides are true: their commands are run in the order they stand there, and what they print is compared.
//!
//! A page's blocks of `sh` say in their first line on which of the two machines they run; a block of `text` after one must
//! be found in its output, line by line in that order, `…` standing for anything.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod hosts;
mod page;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use hosts::Hosts;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("guide: {error}");
            return ExitCode::FAILURE;
        }
    };
    Suite::new("guide")
        .test("the_guide_to_a_closed_sftp_host_is_true", move || {
            secure_sftp(&program)
        })
        .run()
}

fn secure_sftp(program: &Program) -> TestResult {
    let blocks = page::blocks("docs/guide/secure-sftp.md")?;
    if blocks.len() < 10 {
        return Err(format!("the page has {} blocks only", blocks.len()).into());
    }
    let hosts = Hosts::new(program)?;
    for block in blocks {
        let said = hosts.run(&block)?;
        block.expect(&said)?;
    }
    hosts.units_are_valid()
}
