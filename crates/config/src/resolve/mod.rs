//! Decides on the value of every option of a command: groups, dependencies, defaults, checks.
//!
//! `sources` reads what was said, `decide` goes through the options in the order of `order`, `group` says which indexes exist,
//! `option` decides on one with `resolver`, `check` applies the rules that concern several. Invariant: an option is decided after
//! those it depends on.

mod as_command;
mod as_remote;
mod check;
mod checker;
mod decide;
mod depend;
mod group;
mod option;
mod order;
mod repository;
mod resolver;
mod said_to;
mod sftp;
mod sources;
#[cfg(test)]
mod tests;

use crate::config::{Config, Loaded};
use crate::define::command::Role;
use crate::error::{ConfigError, Phase, Result};
use crate::input::Input;
use crate::parse::argv;

/// Reads all sources and resolves.
pub(crate) fn load(input: &Input<'_>) -> Result<Loaded> {
    let mut line = argv::parse(&input.args, input.program)?;
    let mut warnings = Vec::new();
    let result = sources::load(input, &mut line, &mut warnings)
        .and_then(|origin| decide::decide(origin, line.command, &line, &mut warnings));
    finish(result, line.role, warnings)
}

/// Roles other than main show no warnings of this phase, and their errors like those of the command line.
fn finish(result: Result<Config>, role: Role, warnings: Vec<String>) -> Result<Loaded> {
    let main = role == Role::Main;
    let warnings = if main { warnings } else { Vec::new() };
    match result {
        Ok(config) => Ok(Loaded { config, warnings }),
        Err(error) => Err(ConfigError {
            phase: if main {
                Phase::Values
            } else {
                Phase::CommandLine
            },
            warnings,
            ..error
        }),
    }
}
