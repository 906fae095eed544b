//! Labels of the backups there are, for somebody who is typing one.

use pgkeep_repo::{BackupInfo, Stanza};

use crate::error::Result;
use crate::hosts::repository;
use crate::run::Context;

/// Labels of the stanza of this run, or of all of the configuration; newest first. What cannot be read has none.
///
/// # Errors
/// Only that a name is not one of a stanza.
pub fn labels(context: &Context) -> Result<Vec<String>> {
    let config = &context.config;
    let stanzas = match config.stanza() {
        Some(stanza) => vec![stanza.to_owned()],
        None => config.stanzas(),
    };
    let mut labels = Vec::new();
    for key in repository::keys(config) {
        let Ok(repository) = repository::open(context, key) else {
            continue;
        };
        for stanza in &stanzas {
            let stanza = Stanza::new(stanza.as_str())?;
            let info = BackupInfo::load(&*repository.storage, &stanza, repository.pass.as_ref());
            let entries = info.as_ref().map(BackupInfo::entries).unwrap_or_default();
            labels.extend(entries.iter().map(|entry| entry.label.to_string()));
        }
    }
    labels.sort_unstable_by(|one, other| other.cmp(one));
    labels.dedup();
    Ok(labels)
}
