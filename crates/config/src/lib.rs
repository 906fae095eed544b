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

pub use config::{Config, Loaded};
pub use define::command;
pub use define::option;
pub use error::{ConfigError, Phase};
pub use input::{Access, ConfigFiles, Input, Program};
pub use parse::name::indexed as option_name;
pub use render::shell_word;
pub use value::{Source, parse_size};

/// Reads command line, environment and files, and resolves every option of the command.
///
/// Afterwards: set up the log, [`Config::check_user`], begin line, locks, [`Config::check`].
///
/// # Errors
/// The first mistake found, with the code and message of pgBackRest.
pub fn load(input: &Input<'_>) -> Result<Loaded, ConfigError> {
    resolve::load(input)
}
