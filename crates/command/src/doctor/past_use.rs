//! Signs that a repository was in use before: then an empty place is more likely one that is not mounted than a new one.

use std::io::Read;
use std::path::Path;

use pgkeep_storage::{InfoLevel, Range, ReadOptions, Storage, StoragePath};

use super::cluster::Facts;
use super::settings::Settings;
use crate::hosts::this_host;
use crate::run::Context;

/// The end of a log file that is read.
const TAIL: u64 = 1 << 18;
/// The line that a backup leaves in its log.
const DONE: &str = "backup command end: completed successfully";

/// What tells of earlier use, as part of a sentence; nothing if nothing does.
pub(super) fn sign(context: &Context, settings: &Settings, facts: &Facts) -> Option<String> {
    archived(context, facts).or_else(|| logged(context, settings))
}

/// Only if `archive_command` is ours: another one may have archived elsewhere.
fn archived(context: &Context, facts: &Facts) -> Option<String> {
    let last = facts.health.as_ref()?.last_archived.as_ref()?;
    facts.archives_to_us.then(|| {
        format!(
            "the cluster has archived WAL until {} ({})",
            context.clock.local_text(last.at),
            last.file
        )
    })
}

/// Of any stanza, as all are in one repository.
fn logged(context: &Context, settings: &Settings) -> Option<String> {
    let directory = Path::new(settings.log_path.as_ref()?);
    let storage = this_host::directory(directory);
    let mut stanzas = context.config.stanzas();
    stanzas.extend(context.config.stanza().map(str::to_owned));
    stanzas.into_iter().find_map(|stanza| {
        let name = format!("{stanza}-backup.log");
        let tail = tail(&*storage, &StoragePath::from(name.as_str()))?;
        tail.contains(DONE).then(|| {
            let shown = directory.join(&name);
            format!("'{}' tells of finished backups", shown.display())
        })
    })
}

fn tail(storage: &dyn Storage, file: &StoragePath) -> Option<String> {
    let size = storage.info(file, InfoLevel::Basic).ok()??.size;
    let length = size.min(TAIL);
    let options = ReadOptions {
        ranges: vec![Range {
            offset: size - length,
            length: Some(length),
        }],
        ..ReadOptions::default()
    };
    let mut bytes = Vec::new();
    let read = storage.open_read(file, &options).ok()?;
    read.take(length).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
