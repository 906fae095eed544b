//! Which backups are expired: by count, by time, differentials, and one that the user names (`docs/format/expiry.md`).

use crate::backup_info::{BackupEntry, dependents};
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;

/// Seconds of a day of `retention-full-type=time`.
const DAY: u64 = 86_400;

/// One backup that is expired, with all that depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// Ascending: the backup itself comes first. Removal goes the other way.
    pub set: Vec<BackupLabel>,
}

impl Expired {
    fn new(entries: &mut Vec<BackupEntry>, label: &BackupLabel) -> Self {
        let mut set = dependents(entries, label);
        // Clocks go backward: a backup may sort before the one it depends on.
        set.sort();
        entries.retain(|entry| !set.contains(&entry.label));
        Self { set }
    }

    /// What the log line says after `expire full backup `: one label, or `set` and all.
    #[must_use]
    pub fn text(&self) -> String {
        let labels: Vec<&str> = self.set.iter().map(BackupLabel::as_str).collect();
        format!(
            "{}{}",
            if labels.len() > 1 { "set " } else { "" },
            labels.join(", ")
        )
    }
}

fn labels_of(entries: &[BackupEntry], types: &[BackupType]) -> Vec<BackupLabel> {
    let of_type = |entry: &&BackupEntry| types.contains(&entry.label.backup_type());
    entries
        .iter()
        .filter(of_type)
        .map(|entry| entry.label.clone())
        .collect()
}

/// Full backups beyond the newest `keep`, oldest first. `entries` are sorted by label.
#[must_use]
pub fn expire_full(entries: &[BackupEntry], keep: u32) -> Vec<Expired> {
    let mut left = entries.to_vec();
    let full = labels_of(&left, &[BackupType::Full]);
    let excess = full.len().saturating_sub(keep as usize);
    full[..excess]
        .iter()
        .map(|label| Expired::new(&mut left, label))
        .collect()
}

/// Differential backups beyond the newest `keep`, where full backups count as differentials but are not expired.
#[must_use]
pub fn expire_diff(entries: &[BackupEntry], keep: u32) -> Vec<Expired> {
    let mut left = entries.to_vec();
    let counted = labels_of(&left, &[BackupType::Full, BackupType::Diff]);
    let excess = counted.len().saturating_sub(keep as usize);
    counted[..excess]
        .iter()
        .filter(|label| label.backup_type() == BackupType::Diff)
        .map(|label| Expired::new(&mut left, label))
        .collect()
}

/// Outcome of time-based retention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeExpired {
    /// Oldest first.
    pub expired: Vec<Expired>,
    /// Full backups that remain, to be used as `retention-archive` if that is unset and its type is full; `None`: all
    /// full backups are younger than the limit, and WAL is not expired.
    pub full_left: Option<u32>,
}

/// Full backups that a restore to any time of the last `days` days does not need. `now` in seconds since 1970.
///
/// The newest full backup that ended before the limit is kept, because it is where recovery to the limit begins.
#[must_use]
pub fn expire_full_by_time(entries: &[BackupEntry], days: u32, now: u64) -> TimeExpired {
    let limit = now.saturating_sub(u64::from(days) * DAY);
    let full = labels_of(entries, &[BackupType::Full]);
    let ended_before = |label: &BackupLabel| {
        entries
            .iter()
            .any(|entry| entry.label == *label && entry.timestamp_stop < limit)
    };
    let Some(boundary) = full.iter().rev().find(|label| ended_before(label)) else {
        return TimeExpired {
            expired: Vec::new(),
            full_left: None,
        };
    };
    let mut left = entries.to_vec();
    let mut expired = Vec::new();
    // The oldest remaining entry each time: what depends on nothing that is left goes too.
    while let Some(oldest) = left.first().map(|entry| entry.label.clone())
        && oldest < *boundary
    {
        expired.push(Expired::new(&mut left, &oldest));
    }
    let full_left = u32::try_from(full.len().saturating_sub(expired.len())).unwrap_or(u32::MAX);
    TimeExpired {
        expired,
        full_left: Some(full_left),
    }
}

/// Why the user's backup cannot be expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdhocError {
    /// It is not listed: a warning only.
    Missing,
    /// It is the newest full backup and no other of the same cluster is left: backup-set-invalid [75].
    LastFull,
}

/// The backup that the user names, with its dependents; the flag says that the newest backup of all is among them, so
/// the `latest` link has to move.
pub fn expire_adhoc(
    entries: &[BackupEntry],
    label: &BackupLabel,
) -> Result<(Expired, bool), AdhocError> {
    let entry = entries
        .iter()
        .find(|entry| entry.label == *label)
        .ok_or(AdhocError::Missing)?;
    let mut full = entries
        .iter()
        .rev()
        .filter(|entry| entry.label.backup_type() == BackupType::Full);
    if full.next().is_some_and(|newest| newest.label == *label)
        && full.next().is_none_or(|before| before.pg_id != entry.pg_id)
    {
        return Err(AdhocError::LastFull);
    }
    let mut left = entries.to_vec();
    let expired = Expired::new(&mut left, label);
    let newest_gone = entries
        .last()
        .is_some_and(|newest| expired.set.contains(&newest.label));
    Ok((expired, newest_gone))
}

/// `--oldest`: the count of full backups to retain so that the oldest goes. `None` if there are not two.
#[must_use]
pub fn oldest(entries: &[BackupEntry]) -> Option<u32> {
    let full = labels_of(entries, &[BackupType::Full]).len();
    u32::try_from(full)
        .ok()
        .filter(|full| *full > 1)
        .map(|full| full - 1)
}
