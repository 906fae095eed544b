//! The label of the new backup: later than every other in the repository.

use std::time::Duration;

use pgkeep_config::Program;
use pgkeep_repo::BackupType;
use pgkeep_repo::backup_label::{self, BackupLabel};
use pgkeep_repo::sets::TakenLabels;
use pgkeep_repo::{Stanza, claims, layout};

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
    (stanza, taken): (&Stanza, TakenLabels),
) -> Result<BackupLabel> {
    // Under the name pgbackrest the words are pgBackRest's.
    let ahead = match context.config.program() {
        Program::PgKeep => ahead(stanza, &taken, context.clock.seconds()),
        Program::PgBackRest => None,
    };
    let taken = [taken.sets, taken.history].concat();
    let unique = backup_label::unique(backup_type, prior, start, context.clock.zone(), &taken)
        .map_err(|error| match ahead {
            Some(remove) => error.with_hint(format!(
                "it lies in the future. If it is wrong, remove it, with an account that may: {remove}"
            )),
            None => error,
        })?;
    if unique.wait_for_next_second {
        // The label speaks of the next second: do not begin before it, or the next backup might get the same one.
        let into_second = context.clock.milliseconds().rem_euclid(1000).unsigned_abs();
        context
            .clock
            .sleep(Duration::from_millis(1000 - into_second));
    }
    Ok(unique.label)
}

/// How to remove the latest label, if no clock and no time zone explains it. The history keeps it although no backup has it.
fn ahead(stanza: &Stanza, taken: &TakenLabels, now: i64) -> Option<String> {
    let latest = |labels: &[BackupLabel]| {
        let latest = labels.iter().max().cloned();
        latest.filter(|label| claims::is_ahead(label, now))
    };
    match (latest(&taken.sets), latest(&taken.history)) {
        (Some(set), history) if history.as_ref().is_none_or(|history| *history <= set) => Some(
            format!("repo-rm --recurse {}", layout::set_path(stanza, &set)),
        ),
        (_, Some(history)) => Some(format!(
            "repo-rm {}",
            layout::history_manifest(stanza, &history)
        )),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::test_context::{self, NOW};

    #[test]
    fn a_label_of_the_future_is_told_with_its_file() {
        let context = test_context::new(Program::PgKeep, "backup", &["--pg1-path=/pg"]);
        let stanza = Stanza::new("demo").unwrap();
        let hints = |sets: &[&str], history: &[&str]| {
            let labels = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
            let taken = TakenLabels {
                sets: labels(sets),
                history: labels(history),
            };
            let made = create(&context, BackupType::Full, None, NOW, (&stanza, taken));
            made.unwrap_err().hints.join("\n")
        };
        let in_history = "repo-rm backup/demo/backup.history/2099/20991231-000000F.manifest.gz";
        assert!(hints(&[], &["20991231-000000F"]).ends_with(in_history));
        let on_disk = "repo-rm --recurse backup/demo/20991231-000000F";
        assert!(hints(&["20991231-000000F"], &["20991231-000000F"]).ends_with(on_disk));
        // Of an hour that comes again at the end of summer time.
        assert!(hints(&["20270115-090000F"], &[]).ends_with("is there clock skew?"));
    }
}
