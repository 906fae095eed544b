//! Retention: the same repository and the same options given to this program and to pgBackRest leave the same files, with
//! the same lines in the log.
//!
//! Repositories are made up (`repository.rs`) from `PGKEEP_TEST_SEED`; `PGKEEP_TEST_CASES` says how many (the long run takes a
//! thousand). Invariant: pgBackRest alone says what is right. Nothing here knows a rule of retention.
#![allow(clippy::print_stdout, unreachable_pub)] // a suite drives the outside world
#![allow(clippy::disallowed_methods)] // repositories are made beside the storage layer, the number of cases by environment

mod case;
mod kept;
mod random;
mod repository;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult, seed};

/// Cases of the default run.
const CASES: u64 = 24;
/// Cases in one test.
const BATCH: u64 = 8;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("expire: {error}");
            return ExitCode::FAILURE;
        }
    };
    let cases = std::env::var("PGKEEP_TEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(CASES);
    let mut suite = Suite::new("expire").threads(3);
    for first in (0..cases).step_by(usize::try_from(BATCH).expect("a small number")) {
        let program = Arc::clone(&program);
        let last = (first + BATCH).min(cases);
        suite = suite.test(
            format!("cases_{first}_to_{}_end_as_with_pgbackrest", last - 1),
            move || batch(&program, first..last),
        );
    }
    suite = suite.test("what_is_pinned_or_of_a_generation_stays_whole", move || {
        kept::what_is_kept_is_whole(&program)
    });
    suite.run()
}

fn batch(program: &Program, cases: std::ops::Range<u64>) -> TestResult {
    let pgbackrest = PgBackRest::rolling()?;
    let now = jiff::Timestamp::now().as_second();
    for case in cases {
        case::check(
            program,
            &pgbackrest,
            seed().wrapping_mul(1_000_003).wrapping_add(case),
            now,
        )?;
    }
    Ok(())
}
