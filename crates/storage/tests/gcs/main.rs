//! The GCS backend against a real server on loopback ports, over TLS with an authority of the test's own.
//!
//! A server that `scripts/setup test` did not bring is reported with the tests that need it as ignored.
#![allow(clippy::disallowed_methods)] // tests change the key file

mod contract;
mod refusals;
mod server;
mod tokens;
mod uploads;
mod versions;

use std::process::ExitCode;

use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let suite = contract::add(Suite::new("gcs").threads(4));
    let suite = tokens::add(versions::add(uploads::add(suite)));
    refusals::add(suite).run()
}
