//! The Azure backend against azurite on loopback ports, over TLS with an authority of the test's own.
//!
//! A server that `scripts/setup test` did not bring is reported with the tests that need it as ignored.
#![allow(clippy::disallowed_methods)] // tests look at the clock

mod access;
mod contract;
mod server;
mod uploads;

use std::process::ExitCode;

use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let suite = contract::add(Suite::new("azure").threads(4));
    let suite = uploads::add(suite);
    access::add(suite).run()
}
