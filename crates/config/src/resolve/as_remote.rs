//! The configuration that a client on another host asks for, on this one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{decide, sources};
use crate::config::{Config, Loaded};
use crate::define::command::{CommandId, Role};
use crate::define::option::Kind;
use crate::error::{COMMAND_INVALID, ConfigError, Result};
use crate::parse::name::{self, Found, Lookup};
use crate::parse::{SaidValue, argv, environment};
use crate::value::Source;

impl Config {
    /// The words, environment and files of this run for `command` in the role of a remote process, where `told` (options by
    /// full name) counts before all of them. Booleans are `y` or `n`, and an option without values is reset to its default.
    ///
    /// What is told and means nothing to the command in that role is left out, as a client of a later release may say it.
    /// Secrets cannot be told.
    ///
    /// # Errors
    /// Those of [`crate::load`] and [`Config::check`].
    pub fn as_remote(
        &self,
        command: CommandId,
        told: &BTreeMap<String, Vec<String>>,
    ) -> Result<Loaded> {
        let role = Role::Remote;
        if !command.definition().roles.has(role) {
            return Err(ConfigError::new(
                COMMAND_INVALID,
                format!(
                    "invalid command/role combination '{}:{}'",
                    command.name(),
                    role.name()
                ),
            ));
        }
        let origin = Arc::clone(&self.origin);
        let program = origin.program;
        let mut line = argv::parse(&origin.args, program)?;
        line.command = command;
        line.role = role;
        line.help = false;
        line.parameters.clear();
        // The words may be those of a server, which has options of its own.
        line.said
            .retain(|option| option.is_known(program, command, role));
        for (full_name, values) in told {
            let Ok(Some(found)) = name::find(full_name, Lookup::exact(program)) else {
                continue;
            };
            if !found.option.secure && found.option.is_known(program, command, role) {
                line.said
                    .insert(found.option, found.key, said(found, values));
            }
        }
        let mut warnings = Vec::new();
        environment::parse(
            &origin.environment,
            program,
            (command, role),
            &mut line.said,
            &mut warnings,
        )
        .and_then(|()| sources::read_sections(&origin, &mut line, &mut warnings))
        .and_then(|()| decide::decide(origin, command, &line, &mut warnings))
        .and_then(|config| config.check())
    }
}

fn said(found: Found, values: &[String]) -> SaidValue {
    let is_boolean = found.option.kind == Kind::Boolean;
    SaidValue {
        negate: is_boolean && values.first().is_some_and(|value| value == "n"),
        reset: values.is_empty(),
        values: match is_boolean {
            true => Vec::new(),
            false => values.to_vec(),
        },
        source: Source::CommandLine,
    }
}
