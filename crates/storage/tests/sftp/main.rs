//! The SFTP backend against a real sshd on a loopback port, straight and over a bad network.
//!
//! Without openssh-server every test is ignored with the reason.
#![allow(clippy::disallowed_methods)] // tests look at the server's files

mod contract;
mod counting;
mod errors;
mod identity;
mod interruptions;
mod other_servers;
mod persist;
mod resets;
mod server;
mod server_process;

use std::process::ExitCode;

use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    if let Some(code) = server_process::between_if_asked() {
        return code;
    }
    // The longest first: the others go on beside them.
    let suite = interruptions::add(Suite::new("sftp").threads(5));
    let suite = other_servers::add(suite);
    let suite = contract::add(suite);
    let suite = counting::add(suite);
    let suite = errors::add(suite);
    let suite = persist::add(suite);
    let suite = resets::add(suite);
    let suite = server_process::add(suite);
    identity::add(suite).run()
}
