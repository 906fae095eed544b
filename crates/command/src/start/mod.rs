//! `start`: removes the stop file of a stanza, or that of all stanzas.

use pgkeep_storage::{Removed, Storage};

use crate::error::Result;
use crate::hosts::this_host;
use crate::locks::{self, stop_file};
use crate::run::Context;

/// Removes the stop file on this host. If there is none, only a warning is logged.
///
/// # Errors
/// When the file cannot be removed.
pub fn run(context: &Context) -> Result<()> {
    let lock_path = this_host::directory(&locks::path(context));
    let stanza = context.config.stanza();
    let removed = lock_path.remove(&stop_file::path(stanza))? == Removed::Removed;
    context.summary.fact("started", removed);
    if removed {
        context.summary.done(format!(
            "{} started: commands run again on this host",
            stanza.map_or_else(
                || "all stanzas".to_owned(),
                |stanza| format!("stanza {stanza}")
            )
        ));
    } else {
        let of = stanza
            .map(|stanza| format!(" for stanza {stanza}"))
            .unwrap_or_default();
        log::warn!("stop file does not exist{of}");
    }
    Ok(())
}
