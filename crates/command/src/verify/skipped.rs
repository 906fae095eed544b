//! With `--age`: what was not read because it was verified not long ago.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::result::Results;
use super::settings::Settings;
use crate::run::Context;
use crate::run::summary::count;

/// Lines for people, each with a line feed in front; with `--verbose` one for each backup and directory of WAL.
pub(super) fn text(context: &Context, settings: &Settings, results: &Results) -> String {
    let mut text = String::new();
    if settings.age.is_none() {
        return text;
    }
    let at = |time| context.clock.local_text(time);
    let (backups, directories) = (backups(results), directories(results));
    let oldest = (backups.iter().map(|(_, at, _)| *at))
        .chain(directories.iter().map(|(_, at, _)| *at))
        .min();
    let Some(oldest) = oldest else {
        text.push_str("\n  verified before and not read: nothing");
        return text;
    };
    let _ = write!(
        text,
        "\n  verified before and not read: {}, {} of WAL, since {}",
        count(backups.len() as u64, "backup"),
        match directories.len() {
            1 => "1 directory".to_owned(),
            number => format!("{number} directories"),
        },
        at(oldest)
    );
    if settings.verbose {
        for (name, time, files) in backups.into_iter().chain(directories) {
            let _ = write!(text, "\n    {name}: {}, {}", at(time), count(files, "file"));
        }
    }
    text
}

/// The same for programs.
pub(super) fn document(results: &Results) -> Value {
    let entry = |kind: &str, (name, at, files): (String, i64, u64)| json!({kind: name, "verified": at, "file-total": files});
    let backups = backups(results).into_iter().map(|one| entry("backup", one));
    let directories = directories(results)
        .into_iter()
        .map(|one| entry("wal", one));
    backups.chain(directories).collect()
}

/// Name, when, and how many files.
fn backups(results: &Results) -> Vec<(String, i64, u64)> {
    let of = |backup: &super::result::BackupResult| {
        let at = backup.verified.or(backup.part.map(|(at, _)| at))?;
        Some((backup.label.to_string(), at, backup.skipped))
    };
    results.backups.iter().filter_map(of).collect()
}

fn directories(results: &Results) -> Vec<(String, i64, u64)> {
    let archives = results.archives.iter();
    archives
        .flat_map(|archive| {
            let directories = archive.skipped.iter();
            directories.map(|(name, at, files)| (format!("{}/{name}", archive.id), *at, *files))
        })
        .collect()
}
