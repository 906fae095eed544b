//! Directories of backups that `backup.info` does not list (`docs/format/expiry.md`).

use std::collections::BTreeSet;

use crate::backup_label::BackupLabel;

/// What is known of the newest directory: only the newest can be in progress or resumable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewestSet {
    /// It has a `backup.manifest.copy` but no `backup.manifest`, or has neither and may just have begun.
    pub in_progress: bool,
    /// Prior backup of the manifest copy, `None` for a full backup; needed only for an adhoc expire of the same full set.
    pub prior: Option<BackupLabel>,
}

/// Which expire is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection<'a> {
    /// By retention: a backup in progress stays, it may be running on another host.
    Retention,
    /// The user named a backup: one in progress that depends on it, or is it, goes with it.
    Adhoc(&'a BackupLabel),
}

/// Directories to remove, newest first. `on_disk` and `listed` in any order.
#[must_use]
pub fn unlisted(
    on_disk: &[BackupLabel],
    listed: &BTreeSet<BackupLabel>,
    newest: &NewestSet,
    protection: Protection<'_>,
) -> Vec<BackupLabel> {
    let mut labels: Vec<&BackupLabel> = on_disk.iter().collect();
    labels.sort_by(|a, b| b.cmp(a));
    let follows_removed = |label: &BackupLabel| match protection {
        Protection::Retention => false,
        Protection::Adhoc(removed) => {
            label.full_part() == removed.full_part()
                && newest
                    .prior
                    .as_ref()
                    .is_none_or(|prior| !listed.contains(prior))
        }
    };
    let protected = match labels.first() {
        Some(label) if newest.in_progress && !follows_removed(label) => 1,
        _ => 0,
    };
    labels[protected..]
        .iter()
        .filter(|label| !listed.contains(**label))
        .map(|label| (*label).clone())
        .collect()
}
