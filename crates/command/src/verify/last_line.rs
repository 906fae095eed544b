//! What a verification came to: in one line, where nothing is wrong, and as facts for programs.

use serde_json::{Value, json};

use super::result::{ArchiveResult, BackupResult, Outcome, Results};
use super::settings::Settings;
use crate::report::time_text::elapsed_text;
use crate::run::summary::count;

/// The facts of one repository.
pub(super) fn facts(repo_key: u32, code: u8, outcome: &Outcome) -> Value {
    let mut facts = json!({"repo-key": repo_key, "code": code});
    if let Outcome::Results(results) = outcome {
        let files = |of: fn(&BackupResult) -> u64| results.backups.iter().map(of).sum::<u64>();
        let wal = |of: fn(&ArchiveResult) -> u64| results.archives.iter().map(of).sum::<u64>();
        facts["backup-total"] = results.backups.len().into();
        facts["file-total"] = files(|backup| backup.checked).into();
        facts["file-invalid-total"] = files(|backup| backup.faults.total()).into();
        facts["wal-total"] = wal(|archive| archive.checked).into();
        facts["wal-invalid-total"] = wal(|archive| archive.faults.total()).into();
    }
    facts
}

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
