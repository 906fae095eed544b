//! What is read in one go, and what is still to be read.

use std::collections::VecDeque;

use pgkeep_repo::BackupLabel;

use super::file::Item;

/// What is read in one go.
#[derive(Debug)]
pub(super) enum Turn {
    /// Segments of one directory of WAL.
    Wal(Vec<Item>),
    /// Backups that refer to each other.
    Backups(VecDeque<BackupLabel>),
}

/// What is still to be read.
#[derive(Debug)]
pub(super) enum Turns {
    /// All WAL has been given out; then the backups.
    InOrder(Option<VecDeque<BackupLabel>>),
    /// WAL is being looked through, each directory with the time when it was verified last.
    Gathered(Vec<(i64, Turn)>),
    /// The longest overdue first.
    ByAge(VecDeque<Turn>),
}
