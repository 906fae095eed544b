//! The same command line for another stanza.

use std::sync::Arc;

use super::{decide, sources};
use crate::config::{Config, Loaded};
use crate::error::Result;
use crate::parse::{argv, environment};

impl Config {
    /// The same command line for stanza `name`, resolved and checked: for commands that treat all stanzas one by one.
    ///
    /// # Errors
    /// Those of [`crate::load`] and [`Config::check`].
    pub fn for_stanza(&self, name: &str) -> Result<Loaded> {
        let origin = Arc::clone(&self.origin);
        let mut args = origin.args.clone();
        args.push(format!("--stanza={name}"));
        let mut line = argv::parse(&args, origin.program)?;
        let mut warnings = Vec::new();
        environment::parse(
            &origin.environment,
            origin.program,
            (line.command, line.role),
            &mut line.said,
            &mut warnings,
        )
        .and_then(|()| sources::read_sections(&origin, &mut line, &mut warnings))
        .and_then(|()| decide::decide(origin, line.command, &line, &mut warnings))
        .and_then(|config| config.check())
        .map(|checked| {
            warnings.extend(checked.warnings);
            Loaded {
                config: checked.config,
                warnings,
            }
        })
    }
}
