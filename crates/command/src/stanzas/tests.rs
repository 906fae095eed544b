use pgkeep_repo::backup_info::{Annotations, BackupEntry};
use pgkeep_repo::pg_history::PgHistoryEntry;
use pgkeep_repo::{BackupInfo, BackupType, PgHistory};

use super::{ArchiveReport, RepositoryReport, Status, span};
use crate::wal::window::Wal;

/// A backup of one segment of WAL that ended at `stop`.
pub(crate) fn entry(label: &str, pg_id: u32, segment: &str, stop: u64) -> BackupEntry {
    BackupEntry {
        label: label.parse().unwrap(),
        format: 5,
        version: "2.60.0".to_owned(),
        annotations: Annotations::new(),
        archive_start: Some(segment.to_owned()),
        archive_stop: Some(segment.to_owned()),
        error: Some(false),
        repo_size: 7,
        repo_size_delta: 7,
        repo_size_map: None,
        size: 66,
        size_delta: 66,
        lsn_start: None,
        lsn_stop: None,
        prior: None,
        references: None,
        timestamp_start: stop - 1,
        timestamp_stop: stop,
        backup_type: BackupType::Full,
        pg_id,
        option_archive_check: false,
        option_archive_copy: false,
        option_backup_standby: false,
        option_checksum_page: true,
        option_compress: true,
        option_hardlink: false,
        option_online: true,
    }
}

/// A repository with these backups of clusters 1, 2, …, and their WAL: names, and when each was stored.
pub(crate) fn report(entries: Vec<BackupEntry>, wal: &[&[(&str, i64)]]) -> RepositoryReport {
    let mut report = RepositoryReport::new(1, "none", Status::Ok);
    let cluster = |id: u32| PgHistoryEntry {
        id,
        system_id: 7 + u64::from(id),
        version: "17".to_owned(),
        catalog_version: 0,
        control_version: 0,
    };
    let mut history = PgHistory::new(cluster(1));
    let mut all = Vec::new();
    for (id, segments) in (1..).zip(wal) {
        if id > 1 {
            history.upgrade(cluster(id));
        }
        let archive = cluster(id).archive_id();
        let mut found = Wal::default();
        for (name, stored) in *segments {
            found.add(name.parse().unwrap(), *stored);
        }
        report.archives.push(ArchiveReport {
            entry: cluster(id),
            id: archive.clone(),
            min: segments.first().map(|(name, _)| (*name).to_owned()),
            max: segments.last().map(|(name, _)| (*name).to_owned()),
            newest: usize::try_from(id) == Ok(wal.len()),
        });
        all.push((archive, found));
    }
    let mut info = BackupInfo::new(history, None);
    entries.into_iter().for_each(|entry| info.add(entry));
    report.backup_info = Some(info);
    report.wal = Some(all);
    report
}

/// An upgraded cluster begins again with timeline 1, and may be behind in position.
#[test]
fn the_newest_moment_is_one_of_the_newest_cluster() {
    let report = report(
        vec![
            entry("20260101-000000F", 1, "000000030000000000000009", 100),
            entry("20260201-000000F", 2, "000000010000000000000002", 200),
        ],
        &[
            &[
                ("000000030000000000000009", 101),
                ("00000003000000000000000A", 110),
            ],
            &[
                ("000000010000000000000002", 201),
                ("000000010000000000000003", 210),
            ],
        ],
    );
    let span = span(&report).unwrap();
    assert_eq!((span.since, span.window.stored), (200, Some(210)));
}
