//! Interop with pgBackRest: each program writes, continues and restores what the other made.
//!
//! The array of `array.rs` covers every pair of settings; a row is one life of a repository (`scenario.rs`). The default
//! run takes a seeded sample, `PGKEEP_TEST_ROWS=all` the whole array. Invariant: a restored cluster is compared with its
//! source file by file in a quiet moment, and row by row after it was started.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod array;
mod log_files;
mod moving;
mod odd_clusters;
mod resume;
mod row;
mod scenario;
mod shares;
mod sides;
mod workload;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::object_server::Kind;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, seed};
use row::Place;

/// Rows of the default run on a local repository.
const SAMPLE: usize = 12;
/// Rows of the default run on a chrooted SFTP account.
const SAMPLE_SFTP: usize = 5;

/// Rows of the default run in a bucket of each kind.
const SAMPLE_BUCKET: usize = 5;
/// The same for GCS, whose protocol is another and whose content is not.
const SAMPLE_GCS: usize = 3;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("interop: {error}");
            return ExitCode::FAILURE;
        }
    };
    let all = std::env::var("PGKEEP_TEST_ROWS").is_ok_and(|rows| rows == "all");
    let mut suite = Suite::new("interop").threads(3);
    let on = |place, own: u64| array::covering_on(place, seed().wrapping_add(own));
    for (rows, sample) in [
        (array::covering(seed()), SAMPLE),
        (on(Place::Sftp, 0x5F7F), SAMPLE_SFTP),
        (on(Place::Bucket(Kind::S3s), 0x53), SAMPLE_BUCKET),
        // Built for full runs only.
        (on(Place::Bucket(Kind::Garage), 0x6A), 0),
        (on(Place::Bucket(Kind::Azurite), 0xA2), SAMPLE_BUCKET),
        (on(Place::Bucket(Kind::Gcs), 0x6C), SAMPLE_GCS),
    ] {
        let count = if all { rows.len() } else { sample };
        for row in rows.into_iter().take(count) {
            let program = Arc::clone(&program);
            suite = suite.test(row.name(), move || scenario::run(&program, &row));
        }
    }
    suite = log_files::add(odd_clusters::add(suite, &program), &program);
    suite = shares::add(moving::add(suite, &program), &program);
    resume::add(suite, &program).run()
}
