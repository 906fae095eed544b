//! What an option definition says, and the table of all options.
//!
//! The definitions are in the files beside this one, one file per subject; each names only what differs from a base such as
//! [`OptionDef::GLOBAL`]. Values (defaults, ranges, choices) are spelled as a user would write them and read by the ordinary value
//! parser. Invariant: [`OPTIONS`] is sorted by name and each name occurs once.

mod archive;
mod backup;
mod command_line;
mod demo;
mod drill;
mod examine;
mod general;
mod hook;
mod known_to;
mod log;
mod maintainer;
mod metrics;
mod network;
mod option_def;
mod process;
mod report;
mod repository;
mod restore;
mod restore_table;
mod rule;
mod scratch;
mod selection;
mod serve;
mod server;
mod sftp_setup;
mod stanza;
mod table;

pub use option_def::OptionDef;
pub use rule::{CommandRoles, Default, Depend, Deprecated, Group, Kind, Range, Section};
pub use table::*;

impl OptionDef {
    /// The option of that exact name without index, whether pgBackRest knows it or not.
    pub fn from_name(name: &str) -> Option<&'static OptionDef> {
        let at = OPTIONS
            .binary_search_by(|option| option.name.cmp(name))
            .ok()?;
        Some(OPTIONS[at])
    }
}
