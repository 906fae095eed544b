//! What was removed, counted for the last line of a run and its result.

use std::cell::RefCell;
use std::collections::BTreeSet;

use pgkeep_repo::BackupLabel;
use serde_json::{Value, json};

use crate::run::summary::{count, list};

/// Counts of a run over all repositories; with `dry-run` of what would be removed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Backups that are not listed any more.
    pub backups: u64,
    /// Directories of backups that were not listed before, left behind by runs that died.
    pub left_over: u64,
    /// Files of WAL.
    pub segments: u64,
    /// Whole directories of WAL, up to 256 segments each.
    pub directories: u64,
    /// Whole archives, of clusters that no backup is of.
    pub archives: u64,
    pub histories: u64,
    /// Backups that are kept because they are locked.
    pub locked: u64,
}

/// Counts shared by the steps.
#[derive(Debug, Default)]
pub(super) struct Removed {
    counts: RefCell<Counts>,
    expired: RefCell<BTreeSet<BackupLabel>>,
}

impl Removed {
    pub(super) fn add(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.borrow_mut());
    }

    /// The backup was taken off the list.
    pub(super) fn backup(&self, label: &BackupLabel) {
        self.expired.borrow_mut().insert(label.clone());
        self.add(|counts| counts.backups += 1);
    }

    /// Whether this run has taken it off the list.
    pub(super) fn has(&self, label: &BackupLabel) -> bool {
        self.expired.borrow().contains(label)
    }

    /// So many backups would have been expired.
    pub(super) fn locked(&self, count: usize) {
        self.add(|counts| counts.locked += count as u64);
    }

    /// What is to be said of backups that are kept because they are locked.
    pub(super) fn kept(&self) -> Option<String> {
        let locked = self.counts.borrow().locked;
        (locked > 0).then(|| format!("{} kept, still locked", count(locked, "expired backup")))
    }

    /// The directory of a backup went; those of this run are counted already.
    pub(super) fn directory(&self, label: &BackupLabel) {
        if !self.expired.borrow().contains(label) {
            self.add(|counts| counts.left_over += 1);
        }
    }

    /// The facts for programs.
    pub(super) fn facts(&self) -> Value {
        let counts = *self.counts.borrow();
        let labels = self.expired.borrow();
        json!({
            "backup": labels.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "backup-left-over-total": counts.left_over,
            "backup-locked-total": counts.locked,
            "wal-total": counts.segments,
            "wal-directory-total": counts.directories,
            "archive-total": counts.archives,
            "history-total": counts.histories,
        })
    }

    /// `2 backups and 14 WAL segments`; `None`: nothing.
    pub(super) fn text(&self) -> Option<String> {
        let counts = *self.counts.borrow();
        let words: Vec<String> = [
            (counts.backups, "backup"),
            (counts.left_over, "directory of an unfinished backup"),
            (counts.segments, "WAL segment"),
            (counts.directories, "WAL directory"),
            (counts.archives, "archive"),
            (counts.histories, "history file"),
        ]
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| match what.split_once(" of ") {
            Some((what, of)) => format!("{} of {of}", count(*number, what)),
            None => count(*number, what),
        })
        .collect();
        (!words.is_empty()).then(|| list(&words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_listed_and_nothing_is_told_apart() {
        let removed = Removed::default();
        assert_eq!(removed.text(), None);
        let label = |text: &str| text.parse().unwrap();
        removed.backup(&label("20260101-120000F"));
        removed.backup(&label("20260101-120000F_20260102-120000I"));
        removed.directory(&label("20260101-120000F"));
        removed.directory(&label("20260103-120000F"));
        removed.add(|counts| counts.segments += 14);
        assert_eq!(
            removed.text().unwrap(),
            "2 backups, 1 directory of an unfinished backup and 14 WAL segments"
        );
        let facts = removed.facts();
        assert_eq!(facts["wal-total"], 14);
        assert_eq!(facts["backup-left-over-total"], 1);
        assert_eq!(facts["backup"].as_array().map(Vec::len), Some(2));
    }
}
