//! State of a stanza and its locks, of its repositories, and of its WAL archives.

use super::super::family::{Families, Metric, labels};
use crate::stanzas::{Running, StanzaReport};

const STATUS: Metric = Metric::plain("pgbackrest_stanza_status", "Current stanza status");
const REPO_STATUS: Metric = Metric::plain("pgbackrest_repo_status", "Current repository status");
const WAL_STATUS: Metric = Metric::plain(
    "pgbackrest_wal_archive_status",
    "Current WAL archive status",
);

/// The metrics of one kind of lock.
struct LockMetrics {
    held: Metric,
    total: Metric,
    complete: Metric,
}

static BACKUP: LockMetrics = LockMetrics {
    held: Metric::plain(
        "pgbackrest_stanza_backup_lock_status",
        "Current stanza backup lock status",
    ),
    total: Metric::bytes(
        "pgbackrest_stanza_backup_total",
        "Total size for backup in progress",
    ),
    complete: Metric::bytes(
        "pgbackrest_stanza_backup_complete",
        "Completed size for backup in progress",
    ),
};
static RESTORE: LockMetrics = LockMetrics {
    held: Metric::plain(
        "pgbackrest_stanza_restore_lock_status",
        "Current stanza restore lock status",
    ),
    total: Metric::bytes(
        "pgbackrest_stanza_restore_total",
        "Total size for restore in progress",
    ),
    complete: Metric::bytes(
        "pgbackrest_stanza_restore_complete",
        "Completed size for restore in progress",
    ),
};

pub(super) fn add(stanza: &StanzaReport, families: &mut Families) {
    let of_stanza = labels([("stanza", &stanza.name)]);
    families.add(&STATUS, &of_stanza, stanza.status(true).code());
    for (metrics, running) in [(&BACKUP, stanza.backup()), (&RESTORE, stanza.restore)] {
        let Running {
            held,
            size,
            size_complete,
        } = running;
        families.add(&metrics.held, &of_stanza, held);
        families.add(&metrics.total, &of_stanza, size);
        // As in the JSON: while the size is not known, nothing is.
        let complete = if size > 0 { size_complete } else { 0 };
        families.add(&metrics.complete, &of_stanza, complete);
    }
    for report in &stanza.repositories {
        let key = report.key.to_string();
        let of_repo = labels([
            ("cipher", report.cipher),
            ("repo_key", &key),
            ("stanza", &stanza.name),
        ]);
        families.add(&REPO_STATUS, &of_repo, report.status.code());
        for archive in report.shown_archives() {
            let of_archive = labels([
                ("database_id", &archive.entry.id.to_string()),
                ("pg_version", &archive.entry.version.to_string()),
                ("repo_key", &key),
                ("stanza", &stanza.name),
                ("wal_max", ""),
                ("wal_min", ""),
            ]);
            families.add(&WAL_STATUS, &of_archive, archive.min.is_some());
        }
    }
}
