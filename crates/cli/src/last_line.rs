//! The last line of a run at a terminal: what was done, or what is left and how to go on.
//!
//! Only under the name `pgkeep`, and never where a program reads: not when the output is redirected, nor when it is JSON.

use std::io::Write;

use pgkeep_command::run::Context;
use pgkeep_command::run::summary::Ended;
use pgkeep_config::command::Role;
use pgkeep_config::{Program, option};

use crate::printable::printable;
use crate::terminal;

/// Prints the line, if there is anything to say and somebody to read it.
pub(crate) fn print(context: &Context, ended: Ended) {
    let config = &context.config;
    let ours = config.program() == Program::PgKeep && config.role() == Role::Main;
    if !ours || !terminal::is_attended() || is_for_programs(context) {
        return;
    }
    let Some(line) = context.summary.line(config.command().name(), ended) else {
        return;
    };
    // What was printed need not end with a line feed (`repo-get`).
    let start = if context.output.in_line() { "\n" } else { "" };
    // A terminal that has gone away is no reason to fail.
    let _ = std::io::stderr().write_all(format!("{start}{}\n", printable(&line)).as_bytes());
}

/// Whether the output is one that programs read, even though it goes to a terminal this time.
fn is_for_programs(context: &Context) -> bool {
    let config = &context.config;
    config.is_valid(option::OUTPUT) && matches!(config.string(option::OUTPUT), Some("json" | "num"))
}
