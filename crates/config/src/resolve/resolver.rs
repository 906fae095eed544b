//! What is known while the options of a command are decided.

use crate::config::Entries;
use crate::define::command::CommandId;
use crate::origin::Origin;
use crate::parse::Said;

/// What is needed to decide on one option.
pub(super) struct Resolver<'a> {
    pub(super) origin: &'a Origin,
    pub(super) said: &'a Said,
    pub(super) command: CommandId,
    pub(super) help: bool,
    /// Decided so far.
    pub(super) entries: Entries,
}
