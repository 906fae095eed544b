//! The program: command line in, exit code out.
//!
//! Only this crate reads argv and environment, writes to the terminal, installs signal handlers and exits.
#![allow(clippy::disallowed_methods)] // the one crate that reads argv, environment and configuration files

mod complete;
mod dispatch;
mod ending;
#[cfg(feature = "faulty")]
mod fault;
mod files;
mod last_line;
mod listen_fds;
mod log;
mod log_settings;
mod printable;
mod process;
mod progress;
mod remote;
mod server;
mod signal;
mod start;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    process::keep_descriptors();
    let code = start::run(listen_fds::handed_over());
    #[cfg(feature = "faulty")]
    fault::tell_operations();
    ExitCode::from(code)
}
