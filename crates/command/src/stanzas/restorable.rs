//! Which moments a repository can restore, by the names of its WAL; `verify` reads it.

use pgkeep_postgres::Lsn;
use pgkeep_postgres::timeline::TimelineId;
use pgkeep_repo::backup_info::BackupEntry;

use super::report::RepositoryReport;
use crate::wal::window::{Point, Restorable, Wal, Window};

/// The moments up to the newest one that can be restored, without a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// When the first backup ended from which WAL leads there, seconds since 1970.
    pub(crate) since: i64,
    /// The stretch that reaches the newest moment.
    pub(crate) window: Window,
}

/// Where the backup lies in the WAL; `None` for one of a cluster that the repository does not know.
fn point(report: &RepositoryReport, entry: &BackupEntry) -> Option<Point> {
    let history = report.backup_info.as_ref()?.history.find(entry.pg_id)?;
    // The histories of both info files need not count alike.
    let archive = report
        .archives
        .iter()
        .find(|archive| archive.entry.id == history.id)?;
    let segment = |text: &Option<String>| text.as_deref()?.parse().ok();
    let lsn = entry.lsn_stop.as_deref().and_then(|lsn| lsn.parse().ok());
    Some(Point {
        archive: archive.id.clone(),
        wal: segment(&entry.archive_start).zip(segment(&entry.archive_stop)),
        lsn,
        time: i64::try_from(entry.timestamp_stop).unwrap_or(i64::MAX),
        holds_wal: entry.option_archive_copy,
    })
}

/// What the backup can be restored to. The report must have been read with all WAL.
pub(crate) fn restorable(report: &RepositoryReport, entry: &BackupEntry) -> Option<Restorable> {
    let point = point(report, entry)?;
    let wal = report
        .wal
        .as_ref()?
        .iter()
        .find(|(id, _)| *id == point.archive);
    Some(match wal {
        Some((_, wal)) => wal.restorable(&point),
        None => Wal::default().restorable(&point),
    })
}

/// The newest stretch of moments; `None` where no backup has WAL after it. The report must have been read with all WAL.
pub(crate) fn span(report: &RepositoryReport) -> Option<Span> {
    let entries = report.backup_info.as_ref()?.entries();
    let mut newest: Option<((u32, TimelineId, Lsn), Span)> = None;
    for entry in entries {
        let Some(Restorable::Windows(windows)) = restorable(report, entry) else {
            continue;
        };
        for window in windows {
            // A cluster that was upgraded begins again with timeline 1.
            let reach = (entry.pg_id, window.timeline, window.end);
            if newest.as_ref().is_none_or(|(most, _)| reach > *most) {
                let since = i64::try_from(entry.timestamp_stop).unwrap_or(i64::MAX);
                newest = Some((reach, Span { since, window }));
            }
        }
    }
    newest.map(|(_, span)| span)
}
