//! What a verification came to, in one line, where nothing is wrong.

use super::result::Results;
use super::settings::Settings;
use crate::report::time_text::elapsed_text;
use crate::run::summary::count;

/// `main in repo1 is sound: 3 backups with 2934 files, 14 WAL segments, 7.2s`.
pub(super) fn text(settings: &Settings, results: &Results, milliseconds: i64) -> String {
    let files: u64 = results.backups.iter().map(|backup| backup.valid).sum();
    let segments: u64 = results.archives.iter().map(|archive| archive.valid).sum();
    let skipped = results.backups.iter().map(|backup| backup.skipped);
    let directories = results.archives.iter().flat_map(|archive| &archive.skipped);
    let skipped = skipped.sum::<u64>() + directories.map(|(_, _, files)| files).sum::<u64>();
    let before = match skipped {
        0 => String::new(),
        number => format!("{} verified before, ", count(number, "file")),
    };
    format!(
        "{} in repo{} is sound: {} with {}, {}, {before}{}",
        settings.stanza,
        settings.repo_key,
        count(results.backups.len() as u64, "backup"),
        count(files, "file"),
        count(segments, "WAL segment"),
        elapsed_text(milliseconds)
    )
}
