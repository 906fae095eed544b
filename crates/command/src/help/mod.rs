//! `help`: prints what the option table says.

use crate::error::Result;
use crate::run::{Context, begin};
use crate::version;

/// Prints the general help, or that of a command or an option.
///
/// # Errors
/// An option that the command does not know; output that cannot be written.
pub fn run(context: &Context) -> Result<()> {
    let config = &context.config;
    // Help is given for a configuration that fails its checks too.
    let checked = config.check().map(|loaded| loaded.config);
    let config = checked.as_ref().unwrap_or(config);
    let text = pgkeep_config::render::help::help(config, version::shown(config.program()))
        .map_err(|error| begin::lower(&error))?;
    context.output.text(&text)
}
