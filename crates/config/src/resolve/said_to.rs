//! What another command is told of an option.

use crate::config::Config;
use crate::define::command::{CommandId, Role};
use crate::define::option::{Default, OptionDef};
use crate::parse::{Said, environment, section};

impl Config {
    /// What environment and files say about an option without index to another command of the same stanza; else its default.
    /// For an option that this command does not know itself.
    pub fn said_to(&self, command: CommandId, option: &'static OptionDef) -> Option<String> {
        let origin = &self.origin;
        let to = (command, Role::Main);
        let (mut said, mut warnings) = (Said::default(), Vec::new());
        let stanza = self.stanza();
        // What is wrong with the words was told when this command read them.
        let read = environment::parse(
            &origin.environment,
            origin.program,
            to,
            &mut said,
            &mut warnings,
        )
        .and_then(|()| match &origin.ini {
            Some(ini) => section::parse(ini, origin.program, stanza, to, &mut said, &mut warnings),
            None => Ok(()),
        });
        let value = said.get(option, 0).filter(|_| read.is_ok());
        match (
            value.and_then(|said| said.values.first()),
            option.default_for(command),
        ) {
            (Some(value), _) => Some(value.clone()),
            (None, Default::Is(default)) => Some(default.to_owned()),
            (None, _) => None,
        }
    }
}
