//! The label of the new backup: later than every other in the repository.

use std::time::Duration;

use pgkeep_repo::BackupType;
use pgkeep_repo::backup_label::{self, BackupLabel};
use pgkeep_repo::sets::{list_history, list_history_years};

use super::settings::Settings;
use crate::error::Result;
use crate::runtime::{Context, Repository};

/// Makes a label for a backup that started at `start`, seconds since 1970. `sets`: labels on disk.
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
    mut sets: Vec<BackupLabel>,
) -> Result<BackupLabel> {
    let storage = &*repository.storage;
    // A set that was expired keeps its label for ever: the history remembers it.
    if let Some(newest) = list_history_years(storage, &settings.stanza)?.last() {
        sets.extend(list_history(storage, &settings.stanza, newest)?);
    }
    let unique = backup_label::unique(backup_type, prior, start, context.clock.zone(), &sets)?;
    if unique.wait_for_next_second {
        // The label speaks of the next second: do not begin before it, or the next backup might get the same one.
        let into_second = context.clock.milliseconds().rem_euclid(1000).unsigned_abs();
        context
            .clock
            .sleep(Duration::from_millis(1000 - into_second));
    }
    Ok(unique.label)
}
