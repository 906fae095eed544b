//! Every command: its roles, locks, log, parameters and texts.
//!
//! What a command does is in the command crate; which options it knows is said by the options. Invariant: [`COMMANDS`] is sorted
//! by name, in the order of [`CommandId`].

mod command_def;
mod table;

pub use command_def::{
    BeginLevel, CommandDef, CommandId, ExitStatus, Host, LockKind, RepoUnset, Role, Roles, Writes,
};
pub use table::COMMANDS;

use crate::input::Program;

/// Commands known to `program`, sorted by name.
pub(crate) fn commands(program: Program) -> impl Iterator<Item = &'static CommandDef> + Clone {
    COMMANDS
        .iter()
        .filter(move |command| program == Program::PgKeep || !command.ours)
}

impl CommandId {
    /// The command's entry in [`COMMANDS`].
    pub fn definition(self) -> &'static CommandDef {
        &COMMANDS[self as usize]
    }

    /// Name as it is typed.
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// The command of that exact name, whether pgBackRest knows it or not.
    pub fn from_name(name: &str) -> Option<CommandId> {
        COMMANDS
            .iter()
            .find(|command| command.name == name)
            .map(|command| command.id)
    }
}
