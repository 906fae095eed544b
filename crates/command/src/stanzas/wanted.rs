//! What is to be read of the repositories.

use pgkeep_repo::BackupLabel;

/// How much is read, and of what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Only this stanza.
    pub(crate) stanza: Option<String>,
    /// The manifest of this backup too.
    pub(crate) set: Option<Requested>,
    /// Backups and archives; otherwise only whether something runs.
    pub(crate) full: bool,
    pub(crate) wal: WalRead,
}

/// Which names of WAL are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum WalRead {
    /// Only the first and the last.
    #[default]
    Ends,
    All,
    /// All, and the rest is told where that fails.
    AllIfPossible,
}

/// The backup of `--set`: a text that is no label names no backup, but is no error either.
#[derive(Debug, Clone)]
pub(crate) struct Requested {
    pub(crate) label: Option<BackupLabel>,
}
