//! Every command on repositories in buckets, with pgBackRest on the same ones; each test on each store of `store.rs`.
//!
//! The array of settings on buckets is in the suite `interop`; faults of the network are in `storage/tests` and `faults`.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // a suite drives the outside world

mod archive;
mod credentials;
mod keys;
mod left_overs;
mod life;
mod memory;
mod refusals;
mod round_trips;
mod stage;
mod store;
mod upgrade;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use store::{Store, stores};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
type Test = fn(&Program, &Store) -> TestResult;

const TESTS: &[(&str, Test)] = &[
    (
        "backups_live_in_a_bucket_and_both_programs_say_the_same_of_it",
        life::backups,
    ),
    (
        "expire_and_stanza_delete_leave_nothing_behind",
        life::expires_and_ends,
    ),
    (
        "a_bucket_beside_a_local_repository_is_archived_into_in_the_background",
        archive::two_repositories,
    ),
    (
        "segments_go_and_come_back_by_either_program",
        archive::segments,
    ),
    (
        "objects_have_the_names_that_pgbackrest_gives_them",
        keys::same_names,
    ),
    ("the_whole_bucket_may_be_the_repository", keys::root_path),
    ("a_new_cluster_takes_over_a_stanza", upgrade::upgrade),
    (
        "what_is_refused_ends_with_the_code_of_pgbackrest",
        refusals::codes,
    ),
];

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("object_stores: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("object_stores").threads(3);
    for store in stores() {
        for (name, test) in TESTS {
            let program = Arc::clone(&program);
            suite = suite.test(format!("{}_{name}", store.name), move || {
                test(&program, store)
            });
        }
    }
    for add in [
        left_overs::add,
        credentials::add,
        memory::add,
        round_trips::add,
    ] {
        suite = add(suite, &program);
    }
    suite.run()
}
