//! Which WAL is removed (`docs/format/wal-archive.md`): whole archives of former clusters, and what lies outside the ranges that kept
//! backups need.

use std::cmp::Ordering;

use crate::archive::{history_timeline, wal_directory};
use crate::archive_id::ArchiveId;
use crate::backup_info::BackupEntry;
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;
use crate::error::{Error, Result};
use crate::pg_history::PgHistory;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveRequest<'a> {
    /// `retention-archive`.
    pub keep: u32,
    /// `retention-archive-type`: which backups count.
    pub keep_type: BackupType,
    /// `archive-expire-before`: nothing from this segment on is removed; too few backups do not matter then.
    pub before: Option<&'a str>,
}

impl ArchiveRequest<'_> {
    /// Whether there are enough backups to expire any WAL; if not, nothing has to be read for [`plan_archive`].
    #[must_use]
    pub fn applies(&self, entries: &[BackupEntry]) -> bool {
        let candidates = entries
            .iter()
            .filter(|entry| self.counts(&entry.label))
            .count();
        self.before.is_some() || (candidates > 0 && self.keep as usize <= candidates)
    }

    fn counts(&self, label: &BackupLabel) -> bool {
        label.backup_type() <= self.keep_type
    }
}

/// WAL that a backup needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepRange {
    /// The backup; `None` for the range of `archive-expire-before`.
    pub label: Option<BackupLabel>,
    /// First segment, 24 characters.
    pub start: String,
    /// Last segment; `None`: all that follow.
    pub stop: Option<String>,
}

impl KeepRange {
    fn holds(&self, name: &str, length: usize) -> bool {
        let cut = |segment: &str| segment.get(..length).unwrap_or(segment).to_owned();
        let at_most = |stop: &str| name.cmp(cut(stop).as_str()) != Ordering::Greater;
        name >= cut(&self.start).as_str() && self.stop.as_deref().is_none_or(at_most)
    }
}

/// The ranges of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepRanges {
    pub ranges: Vec<KeepRange>,
    /// First segment of the backup from which on everything stays; `None`: there is no such backup.
    pub retention_start: Option<String>,
}

impl KeepRanges {
    /// Whether any segment of a directory (16 characters) may be needed; if not, it is removed whole.
    #[must_use]
    pub fn keeps_directory(&self, directory: &str) -> bool {
        self.ranges.iter().any(|range| range.holds(directory, 16))
    }

    /// Whether a directory that is kept has to be listed: later ones cannot hold anything to remove.
    #[must_use]
    pub fn needs_listing(&self, directory: &str) -> bool {
        self.retention_start
            .as_deref()
            .is_none_or(|start| directory <= start.get(..16).unwrap_or(start))
    }

    /// Whether a file of a directory stays; `.partial` and `.backup` go with their segment, other names stay.
    #[must_use]
    pub fn keeps_file(&self, file: &str) -> bool {
        wal_directory(file).is_none()
            || self.ranges.iter().any(|range| range.holds(&file[..24], 24))
    }

    /// Whether a file directly in the archive stays: timeline history older than the oldest kept timeline goes.
    #[must_use]
    pub fn keeps_history(&self, file: &str) -> bool {
        match (history_timeline(file), &self.retention_start) {
            (Some(timeline), Some(start)) => timeline >= start.get(..8).unwrap_or(start),
            _ => true,
        }
    }
}

/// What becomes of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveAction {
    /// No backup needs it and it is not current: it is removed whole.
    Remove,
    /// What lies outside the ranges is removed.
    Keep(KeepRanges),
}

/// One archive for which there is something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivePlan {
    pub id: ArchiveId,
    pub action: ArchiveAction,
}

/// Plans for all archives, oldest first. `entries` (sorted by label) are the backups that are left, `on_disk` the archive
/// directories that exist; those that no history entry names are left alone.
///
/// An empty plan means that there are too few backups to expire any WAL. Fails when the two histories do not match.
pub fn plan_archive(
    entries: &[BackupEntry],
    backup_history: &PgHistory,
    archive_history: &PgHistory,
    on_disk: &[ArchiveId],
    request: ArchiveRequest<'_>,
) -> Result<Vec<ArchivePlan>> {
    let counts = |label: &BackupLabel| label.backup_type() <= request.keep_type;
    let candidates: Vec<&BackupEntry> = entries
        .iter()
        .rev()
        .filter(|entry| counts(&entry.label))
        .collect();
    let enough = !candidates.is_empty() && request.keep as usize <= candidates.len();
    if !enough && request.before.is_none() {
        return Ok(Vec::new());
    }
    check_histories(backup_history, archive_history)?;
    let newest = &candidates[..candidates.len().min(request.keep as usize)];
    let mut plans = Vec::new();
    for history in archive_history.entries() {
        let id = history.archive_id();
        if !on_disk.contains(&id) {
            continue;
        }
        let of_id = |entry: &&&BackupEntry| entry.pg_id == history.id;
        // Newest first: the first of all, or the last (oldest) of those within retention.
        let action = match candidates.iter().find(of_id) {
            None => without_backup(history.id == archive_history.current().id, request),
            Some(newest_local) => {
                let retention = newest.iter().rev().find(of_id).unwrap_or(newest_local);
                keep_ranges(entries, retention, request).map(ArchiveAction::Keep)
            }
        };
        plans.extend(action.map(|action| ArchivePlan { id, action }));
    }
    Ok(plans)
}

/// Entry by entry from the newest, as far as `archive.info` goes.
fn check_histories(backup: &PgHistory, archive: &PgHistory) -> Result<()> {
    let mut backup = backup.entries().iter().rev();
    let same = archive.entries().iter().rev().all(|archive| {
        backup.next().is_some_and(|backup| {
            (backup.id, backup.system_id, &backup.version)
                == (archive.id, archive.system_id, &archive.version)
        })
    });
    if same {
        Ok(())
    } else {
        Err(Error::format(
            "archive expiration cannot continue - archive and backup history lists do not match",
        ))
    }
}

fn without_backup(current: bool, request: ArchiveRequest<'_>) -> Option<ArchiveAction> {
    match (current, request.before) {
        // WAL of the current cluster is pushed there: it must never go as a whole.
        (true, None) => None,
        (true, Some(before)) => Some(ArchiveAction::Keep(KeepRanges {
            ranges: vec![KeepRange {
                label: None,
                start: before.to_owned(),
                stop: None,
            }],
            retention_start: None,
        })),
        (false, _) => Some(ArchiveAction::Remove),
    }
}

/// Ranges of all backups up to the retention backup; `None` if that one is offline and says nothing about WAL.
fn keep_ranges(
    entries: &[BackupEntry],
    retention: &BackupEntry,
    request: ArchiveRequest<'_>,
) -> Option<KeepRanges> {
    let retention_start = retention.archive_start.clone()?;
    let mut ranges: Vec<KeepRange> = entries
        .iter()
        .filter(|entry| entry.pg_id == retention.pg_id && entry.label <= retention.label)
        .filter_map(|entry| {
            let start = entry.archive_start.clone()?;
            let stop = entry
                .archive_stop
                .clone()
                .filter(|_| entry.label != retention.label);
            Some(KeepRange {
                label: Some(entry.label.clone()),
                start,
                stop,
            })
        })
        .collect();
    if let Some(before) = request.before
        && before < retention_start.as_str()
    {
        ranges.push(KeepRange {
            label: None,
            start: before.to_owned(),
            stop: Some(retention_start.clone()),
        });
    }
    Some(KeepRanges {
        ranges,
        retention_start: Some(retention_start),
    })
}

/// Joins removals to the runs that the log shows: `start = A, stop = B`.
#[derive(Debug, Default)]
pub struct RemovedRuns {
    run: Option<(String, String)>,
    removed: bool,
}

impl RemovedRuns {
    /// A directory (16 characters) or file (its first 24) was removed.
    pub fn removed(&mut self, name: &str) {
        self.removed = true;
        match &mut self.run {
            Some((_, stop)) => name.clone_into(stop),
            None => self.run = Some((name.to_owned(), name.to_owned())),
        }
    }

    /// A file was kept: returns the run that ends here.
    pub fn kept(&mut self) -> Option<(String, String)> {
        self.run.take()
    }

    /// The last run, and whether anything was removed at all.
    #[must_use]
    pub fn finish(self) -> (Option<(String, String)>, bool) {
        (self.run, self.removed)
    }
}
