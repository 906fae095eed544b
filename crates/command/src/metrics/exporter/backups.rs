//! Each backup of each repository.

use pgkeep_repo::backup_info::BackupEntry;

use super::super::family::{Families, Labels, Metric, Value, labels};
use crate::run::Context;
use crate::stanzas::{RepositoryReport, StanzaReport};

const INFO: Metric = Metric::plain("pgbackrest_backup_info", "Backup info");
const DURATION: Metric = Metric::seconds("pgbackrest_backup_duration", "Backup duration");
const SIZE: Metric = Metric::bytes(
    "pgbackrest_backup_size",
    "Full uncompressed size of the database",
);
const DELTA: Metric = Metric::bytes(
    "pgbackrest_backup_delta",
    "Amount of data in the database to actually backup",
);
const REPO_SIZE: Metric = Metric::bytes(
    "pgbackrest_backup_repo_size",
    "Full compressed files size to restore the database from backup",
);
const REPO_DELTA: Metric = Metric::bytes(
    "pgbackrest_backup_repo_delta",
    "Compressed files size in backup",
);
const REPO_SIZE_MAP: Metric = Metric::bytes(
    "pgbackrest_backup_repo_size_map",
    "Size of block incremental map",
);
const REPO_DELTA_MAP: Metric = Metric::bytes(
    "pgbackrest_backup_repo_delta_map",
    "Size of block incremental delta map",
);
const ERROR: Metric = Metric::plain("pgbackrest_backup_error_status", "Backup error status");
const ANNOTATIONS: Metric = Metric::plain(
    "pgbackrest_backup_annotations",
    "Number of annotations in backup",
);

pub(super) fn add(context: &Context, stanza: &StanzaReport, families: &mut Families) {
    for report in &stanza.repositories {
        let entries = report.backup_info.as_ref().map(|info| info.entries());
        for entry in entries.unwrap_or_default() {
            one(context, &stanza.name, report, entry, families);
        }
    }
}

fn one(
    context: &Context,
    stanza: &str,
    report: &RepositoryReport,
    entry: &BackupEntry,
    families: &mut Families,
) {
    let of_backup = labels([
        ("backup_name", entry.label.as_str()),
        ("backup_type", entry.backup_type.name()),
        ("block_incr", block_incr(entry)),
        ("database_id", &entry.pg_id.to_string()),
        ("repo_key", &report.key.to_string()),
        ("stanza", stanza),
    ]);
    families.add(&INFO, &info(&of_backup, report, entry), true);
    let local = |seconds: u64| {
        context
            .clock
            .local_text(i64::try_from(seconds).unwrap_or(i64::MAX))
    };
    let mut timed = of_backup.clone();
    timed.insert("start_time", local(entry.timestamp_start));
    timed.insert("stop_time", local(entry.timestamp_stop));
    families.add(&DURATION, &timed, duration(entry));
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
    add_recorded(metrics, &of_backup, entry, families);
}

fn info(of_backup: &Labels, report: &RepositoryReport, entry: &BackupEntry) -> Labels {
    let pg_version = report
        .archives
        .iter()
        .find(|archive| archive.entry.id == entry.pg_id)
        .map(|archive| archive.entry.version.to_string());
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    // An offline backup has no positions.
    let (lsn_start, lsn_stop) = entry
        .lsn_start
        .clone()
        .zip(entry.lsn_stop.clone())
        .unwrap_or_else(|| ("-".to_owned(), "-".to_owned()));
    let prior = entry.prior.as_ref().map(ToString::to_string);
    let mut labels = of_backup.clone();
    labels.extend([
        ("backrest_ver", entry.version.clone()),
        ("lsn_start", lsn_start),
        ("lsn_stop", lsn_stop),
        ("pg_version", pg_version.unwrap_or_default()),
        ("prior", prior.unwrap_or_default()),
        ("wal_start", text(&entry.archive_start)),
        ("wal_stop", text(&entry.archive_stop)),
    ]);
    labels
}

/// Whether blocks of files are stored.
pub(super) fn block_incr(entry: &BackupEntry) -> &'static str {
    if entry.repo_size_map.is_some() {
        "y"
    } else {
        "n"
    }
}

/// Seconds that it took.
pub(super) fn duration(entry: &BackupEntry) -> i64 {
    let seconds = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    seconds(entry.timestamp_stop).saturating_sub(seconds(entry.timestamp_start))
}

/// What is recorded of a backup, under the metrics of this order: sizes (original, original delta, stored, stored delta, maps, maps of
/// the delta), errors and annotations.
pub(super) fn add_recorded(
    metrics: [&'static Metric; 8],
    labels: &Labels,
    entry: &BackupEntry,
    families: &mut Families,
) {
    let map = entry.repo_size_map;
    let values: [Value; 8] = [
        entry.size.into(),
        entry.size_delta.into(),
        repo_size(entry).into(),
        entry.repo_size_delta.into(),
        map.map_or(0, |map| map.all).into(),
        map.map_or(0, |map| map.delta).into(),
        entry.error.unwrap_or(false).into(),
        entry.annotations.len().into(),
    ];
    for (metric, value) in metrics.into_iter().zip(values) {
        families.add(metric, labels, value);
    }
}

/// Not known of a backup in blocks; the exporter has 0 then.
fn repo_size(entry: &BackupEntry) -> u64 {
    if entry.repo_size_map.is_some() {
        0
    } else {
        entry.repo_size
    }
}
