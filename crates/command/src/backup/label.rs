//! The label of the new backup: later than every other in the repository.

use std::time::Duration;

use pgkeep_repo::backup_info::list_sets;
use pgkeep_repo::backup_label::{self, BackupLabel};
use pgkeep_repo::{BackupType, layout};
use pgkeep_storage::{InfoLevel, ListOptions, Storage, StoragePath};

use super::settings::Settings;
use crate::error::Result;
use crate::runtime::{Context, Repository};

/// Makes a label for a backup that started at `start`, seconds since 1970.
///
/// # Errors
/// [`crate::error::ErrorCode::Clock`] when it would not be the latest; what listing meets.
pub(super) fn create(
    context: &Context,
    settings: &Settings,
    repository: &Repository,
    backup_type: BackupType,
    prior: Option<&BackupLabel>,
    start: i64,
) -> Result<BackupLabel> {
    let existing = existing(settings, repository)?;
    let unique = backup_label::unique(backup_type, prior, start, context.clock.zone(), &existing)?;
    if unique.wait_for_next_second {
        // The label speaks of the next second: do not begin before it, or the next backup might get the same one.
        let into_second = context.clock.milliseconds().rem_euclid(1000).unsigned_abs();
        context.clock.sleep(Duration::from_millis(1000 - into_second));
    }
    Ok(unique.label)
}

/// Labels of the sets that are there, and of those the newest year of the history remembers.
fn existing(settings: &Settings, repository: &Repository) -> Result<Vec<BackupLabel>> {
    let storage = &*repository.storage;
    let mut labels = list_sets(storage, &settings.stanza)?;
    let years = names(storage, &layout::history_path(&settings.stanza))?;
    let is_year = |name: &&String| name.len() == 4 && name.starts_with('2') && name.bytes().all(|b| b.is_ascii_digit());
    if let Some(year) = years.iter().filter(is_year).max() {
        let history = names(storage, &layout::history_year_path(&settings.stanza, year))?;
        labels.extend(history.iter().filter_map(|name| name.strip_suffix(layout::HISTORY_EXTENSION)?.parse().ok()));
    }
    Ok(labels)
}

/// Names in a directory of the repository; none when it is missing.
fn names(storage: &dyn Storage, path: &StoragePath) -> Result<Vec<String>> {
    let options = ListOptions { level: InfoLevel::Exists, ..ListOptions::default() };
    let entries = storage.list(path, &options)?.unwrap_or_default();
    Ok(entries.iter().map(|entry| entry.name.to_string()).collect())
}
