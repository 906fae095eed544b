//! `sftp-setup`: key, host keys, and the script for the server, which is run on a machine that is thrown away.
//!
//! The machine has its own accounts and a real sshd, of this system and the newest there is. What the script promises is
//! seen from both sides: in the files of the machine, and by backups that arrive there.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod append_only;
mod desk;
mod howto;
mod script;
mod story;
mod trust;

use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::Suite;

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("sftp_setup: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("sftp_setup").threads(5);
    for add in [
        story::add,
        append_only::add,
        howto::add,
        script::add,
        trust::add,
    ] {
        suite = add(suite, &program);
    }
    suite.run()
}
