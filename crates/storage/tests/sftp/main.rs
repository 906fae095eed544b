//! The SFTP backend against a real sshd on a loopback port, straight and over a bad line.
//!
//! Without openssh-server every test is ignored with the reason.
#![allow(clippy::disallowed_methods)] // tests look at the server's files

mod contract;
mod counting;
mod errors;
mod identity;
mod interruptions;
mod other_servers;
mod server;

use std::process::ExitCode;

use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let suite = Suite::new("sftp");
    let suite = contract::add(suite);
    let suite = counting::add(suite);
    let suite = errors::add(suite);
    let suite = identity::add(suite);
    let suite = interruptions::add(suite);
    other_servers::add(suite).run()
}
