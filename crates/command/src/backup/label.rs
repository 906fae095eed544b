//! The label of the new backup: later than every other in the repository.

use std::time::Duration;

use pgkeep_repo::BackupType;
use pgkeep_repo::backup_label::{self, BackupLabel};
use pgkeep_repo::sets::TakenLabels;

use crate::error::Result;
use crate::run::Context;

/// Makes a label for a backup that started at `start`, seconds since 1970.
///
/// # Errors
/// [`crate::error::ErrorCode::Clock`] when it would not be the latest.
pub(super) fn create(
    context: &Context,
    backup_type: BackupType,
    prior: Option<&BackupLabel>,
    start: i64,
    taken: TakenLabels,
) -> Result<BackupLabel> {
    let taken = [taken.sets, taken.history].concat();
    let unique = backup_label::unique(backup_type, prior, start, context.clock.zone(), &taken)?;
    if unique.wait_for_next_second {
        // The label speaks of the next second: do not begin before it, or the next backup might get the same one.
        let into_second = context.clock.milliseconds().rem_euclid(1000).unsigned_abs();
        context
            .clock
            .sleep(Duration::from_millis(1000 - into_second));
    }
    Ok(unique.label)
}
