//! A repository on a real sshd: an account that may do SFTP and nothing else.
//!
//! Everything goes through the program; pgBackRest looks at the same files through the server's disk, so what one
//! wrote over SFTP the other reads as it is.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod append_only;
mod append_only_archive;
mod append_only_judged;
mod append_only_thief;
mod counting;
mod durability;
mod identity;
mod interruptions;
mod keeper;
mod life;
mod login;
mod memory;
mod persist;
mod persist_ends;
mod refused;
mod stage;

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
            println!("sftp: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("sftp").threads(6);
    for (name, options) in [
        ("plain_gz", vec![]),
        (
            "bundled_blocks_zst",
            vec![
                ("repo1-bundle", "y"),
                ("repo1-block", "y"),
                ("compress-type", "zst"),
            ],
        ),
        (
            "encrypted_lz4",
            vec![
                ("repo1-cipher-type", "aes-256-cbc"),
                ("repo1-cipher-pass", "x"),
                ("compress-type", "lz4"),
            ],
        ),
    ] {
        let (again, only_adds) = (Arc::clone(&program), options.clone());
        suite = suite.test(
            format!("an_account_that_only_adds_serves_{name}"),
            move || append_only::life(&again, &only_adds),
        );
        let program = Arc::clone(&program);
        suite = suite.test(format!("a_repository_over_sftp_lives_{name}"), move || {
            life::life(&program, &options)
        });
    }
    // The longest first: the others go on beside them.
    let tests = [
        keeper::TESTS,
        append_only::TESTS,
        append_only_archive::TESTS,
        append_only_judged::TESTS,
        append_only_thief::TESTS,
        interruptions::TESTS,
        memory::TESTS,
        counting::TESTS,
        durability::TESTS,
        persist::TESTS,
        persist_ends::TESTS,
        identity::TESTS,
        login::TESTS,
        refused::TESTS,
    ]
    .concat();
    for (name, test) in tests {
        let program = Arc::clone(&program);
        suite = suite.test(name, move || test(&program));
    }
    suite.run()
}
