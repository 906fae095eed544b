//! The same words for another command.

use std::sync::Arc;

use super::{decide, sources};
use crate::config::{Config, Loaded};
use crate::define::command::{CommandId, Role};
use crate::define::option::STANZA;
use crate::error::Result;
use crate::parse::{SaidValue, argv, environment};
use crate::value::Source;

impl Config {
    /// What words, environment and files of this run say to `command`, for stanza `name` or for that of the run, resolved and
    /// checked. Words that the command does not know are left out.
    ///
    /// # Errors
    /// Those of [`crate::load`] and [`Config::check`].
    pub fn as_command(&self, command: CommandId, name: Option<&str>) -> Result<Loaded> {
        let origin = Arc::clone(&self.origin);
        let mut line = argv::parse(&origin.args, origin.program)?;
        line.command = command;
        line.role = Role::Main;
        line.help = false;
        line.parameters.clear();
        line.said
            .retain(|option| option.is_known(origin.program, command, Role::Main));
        if let Some(name) = name {
            let said = SaidValue {
                negate: false,
                reset: false,
                values: vec![name.to_owned()],
                source: Source::CommandLine,
            };
            line.said.insert(STANZA, 0, said);
        }
        let mut warnings = Vec::new();
        environment::parse(
            &origin.environment,
            origin.program,
            (command, Role::Main),
            &mut line.said,
            &mut warnings,
        )
        .and_then(|()| sources::read_sections(&origin, &mut line, &mut warnings))
        .and_then(|()| decide::decide(origin, command, &line, &mut warnings))
        .and_then(|config| config.check())
        .map(|checked| {
            warnings.extend(checked.warnings);
            Loaded {
                config: checked.config,
                warnings,
            }
        })
    }

    /// This command for stanza `name`: for commands that treat all stanzas one by one. It is the one that was resolved, which need
    /// not be that of the command line.
    ///
    /// # Errors
    /// Those of [`Config::as_command`].
    pub fn for_stanza(&self, name: &str) -> Result<Loaded> {
        self.as_command(self.command(), Some(name))
    }
}
