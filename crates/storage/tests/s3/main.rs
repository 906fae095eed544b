//! The S3 backend against real servers on loopback ports, over TLS with an authority of the test's own.
//!
//! A server that `scripts/setup test` did not bring is reported with the tests that need it as ignored.
#![allow(clippy::disallowed_methods)] // tests look at the server's files

mod contract;
mod faults;
mod locks;
mod refusals;
mod server;
mod uploads;
mod versions;

use std::process::ExitCode;

use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let suite = contract::add(Suite::new("s3").threads(4));
    let suite = uploads::add(suite);
    let suite = faults::add(suite);
    let suite = versions::add(suite);
    let suite = locks::add(suite);
    refusals::add(suite).run()
}
