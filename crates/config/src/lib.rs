//! What may be said to pgkeep, and what was said: commands and options, their sources, and the resolved configuration.
//!
//! `define` declares, `parse` reads, `resolve` decides, [`Config`] answers, `render` writes options down again. Nothing here reads the
//! environment, the clock or a file: all that comes in through [`Input`]. Invariant: a configuration is a value; nothing changes it.

mod advice;
pub mod config;
pub mod define;
#[cfg(test)]
mod equivalence_tests;
pub mod error;
pub mod input;
mod origin;
mod parse;
pub mod render;
mod resolve;
#[cfg(test)]
mod testing;
pub mod value;

pub use config::Config;
pub use define::command;
pub use define::option;
pub use error::{ConfigError, Phase};
pub use input::{Access, ConfigFiles, Input, Program};
pub use parse::name::indexed as option_name;
pub use render::shell_word;
pub use value::{Source, parse_size};

/// A configuration and what the user should be warned about.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings in the order in which they are shown.
    pub warnings: Vec<String>,
}

/// Reads command line, environment and files, and resolves every option of the command.
///
/// Afterwards: set up the log, [`Config::check_user`], begin line, locks, [`Config::check`] (spec 11.6).
///
/// # Errors
/// The first mistake found, with pgBackRest's code and message (spec 10.2, 11.1 to 11.5).
pub fn load(input: &Input<'_>) -> Result<Loaded, ConfigError> {
    resolve::load(input)
}
