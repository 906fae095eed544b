//! The last backup of each type over all repositories. A full backup counts as a differential one too, and each as an incremental
//! one: what is asked is how old the newest backup is that such a restore begins with.

use pgkeep_repo::BackupType;
use pgkeep_repo::backup_info::BackupEntry;

use super::super::family::{Families, Metric, labels};
use super::backups::{add_recorded, block_incr, duration};
use crate::run::Context;
use crate::stanzas::StanzaReport;

const SINCE: Metric = Metric::seconds(
    "pgbackrest_backup_since_last_completion",
    "Seconds since the last completed full, differential or incremental backup",
);
const DURATION: Metric = Metric::seconds(
    "pgbackrest_backup_last_duration",
    "Backup duration for the last full, differential or incremental backup",
);
const SIZE: Metric = Metric::bytes(
    "pgbackrest_backup_last_size",
    "Full uncompressed size of the database in the last full, differential or incremental backup",
);
const DELTA: Metric = Metric::bytes(
    "pgbackrest_backup_last_delta",
    "Amount of data in the database to actually backup in the last full, differential or incremental backup",
);
const REPO_SIZE: Metric = Metric::bytes(
    "pgbackrest_backup_last_repo_size",
    "Full compressed files size to restore the database from the last full, differential or incremental backup",
);
const REPO_DELTA: Metric = Metric::bytes(
    "pgbackrest_backup_last_repo_delta",
    "Compressed files size in the last full, differential or incremental backup",
);
const REPO_SIZE_MAP: Metric = Metric::bytes(
    "pgbackrest_backup_last_repo_size_map",
    "Size of block incremental map in the last full, differential or incremental backup",
);
const REPO_DELTA_MAP: Metric = Metric::bytes(
    "pgbackrest_backup_last_repo_delta_map",
    "Size of block incremental delta map in the last full, differential or incremental backup",
);
const ERROR: Metric = Metric::plain(
    "pgbackrest_backup_last_error_status",
    "Error status in the last full, differential or incremental backup",
);
const ANNOTATIONS: Metric = Metric::plain(
    "pgbackrest_backup_last_annotations",
    "Number of annotations in the last full, differential or incremental backup",
);
const REFERENCES: Metric = Metric::plain(
    "pgbackrest_backup_last_references",
    "Number of references to other backups (backup reference list) in the last full, differential or incremental backup",
);

pub(super) fn add(context: &Context, stanza: &StanzaReport, families: &mut Families) {
    let mut full_first = [BackupType::Full, BackupType::Diff, BackupType::Incr]
        .into_iter()
        .map(|kind| (kind, last(stanza, kind)))
        .peekable();
    // Without a full backup there is none to begin with.
    if full_first.peek().is_none_or(|(_, last)| last.is_none()) {
        return;
    }
    for (kind, entry) in full_first {
        if let Some(entry) = entry {
            one(context, &stanza.name, kind, entry, families);
        }
    }
}

/// The newest backup that serves as one of `kind`.
fn last(stanza: &StanzaReport, kind: BackupType) -> Option<&BackupEntry> {
    let serves = |entry: &&BackupEntry| match kind {
        BackupType::Full => entry.backup_type == BackupType::Full,
        BackupType::Diff => entry.backup_type != BackupType::Incr,
        BackupType::Incr => true,
    };
    stanza
        .repositories
        .iter()
        .filter_map(|report| report.backup_info.as_ref())
        .flat_map(|info| info.entries())
        .filter(serves)
        // Of several that ended in the same second the first counts.
        .rev()
        .max_by_key(|entry| entry.timestamp_stop)
}

fn one(
    context: &Context,
    stanza: &str,
    kind: BackupType,
    entry: &BackupEntry,
    families: &mut Families,
) {
    let of_last = labels([
        ("backup_type", kind.name()),
        ("block_incr", block_incr(entry)),
        ("stanza", stanza),
    ]);
    let stop = i64::try_from(entry.timestamp_stop).unwrap_or(i64::MAX);
    families.add(&SINCE, &of_last, context.clock.seconds() - stop);
    families.add(&DURATION, &of_last, duration(entry));
    let metrics = [
        &SIZE,
        &DELTA,
        &REPO_SIZE,
        &REPO_DELTA,
        &REPO_SIZE_MAP,
        &REPO_DELTA_MAP,
        &ERROR,
        &ANNOTATIONS,
    ];
    add_recorded(metrics, &of_last, entry, families);
    for kind in [BackupType::Full, BackupType::Diff, BackupType::Incr] {
        let references = entry.references.iter().flatten();
        let count = references
            .filter(|label| label.backup_type() == kind)
            .count();
        let mut labels = of_last.clone();
        labels.insert("ref_backup", kind.name().to_owned());
        families.add(&REFERENCES, &labels, count);
    }
}
