//! How the last run over a whole repository ended, as it is written down on the host that verifies, for `metrics`.
//!
//! Beside the record of `--age` and for the same reason not in the repository. A run that cannot write it is no worse for it.

use std::path::Path;

use pgkeep_repo::Stanza;
use pgkeep_storage::copy::write_all;
use pgkeep_storage::{InfoLevel, Storage, StoragePath, WriteOptions};
use serde::{Deserialize, Serialize};

use super::{place, record};
use crate::hosts::{Repository, this_host};
use crate::run::Context;

/// The form of the file; another one is of a later release.
const FORMAT: u32 = 1;
/// Bytes of it at most.
const LIMIT: u64 = 64 << 10;
/// Bytes of a record of `--age` at most: a million directories of WAL.
pub(super) const LARGEST: u64 = 256 << 20;

/// A run that came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastRun {
    format: u32,
    /// Where the repository is: the same number may name another one later.
    repository: String,
    /// Seconds since 1970.
    pub(crate) stop: i64,
    /// The exit code of what was found.
    pub(crate) code: u8,
}

impl LastRun {
    pub(super) fn new(place: String, stop: i64, code: u8) -> Self {
        Self {
            format: FORMAT,
            repository: place,
            stop,
            code,
        }
    }
}

/// What is known of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) last: Option<LastRun>,
    /// When the longest unverified of what `--age` remembers was verified, seconds since 1970.
    pub(crate) oldest: Option<i64>,
}

/// The record of `--age`.
pub(super) fn record_path(stanza: &Stanza, key: u32) -> StoragePath {
    StoragePath::new(format!("verify/{stanza}/repo{key}.json"))
}

fn path(stanza: &Stanza, key: u32) -> StoragePath {
    StoragePath::new(format!("verify/{stanza}/repo{key}-last.json"))
}

/// Writes down how a run ended. The spool itself is not made for it: that is for archiving, which may run as somebody else.
pub(super) fn write(spool_path: &Path, stanza: &Stanza, key: u32, last: &LastRun) {
    let bytes = serde_json::to_vec(last).expect("strings and numbers always make a document");
    let directory = this_host::directory(spool_path);
    let spool = directory.info(&StoragePath::root(), InfoLevel::Exists);
    if !matches!(spool, Ok(Some(_))) {
        return;
    }
    let path = path(stanza, key);
    if let Err(error) = write_all(&*directory, &path, &WriteOptions::default(), &bytes) {
        crate::detail!("how this run ended cannot be remembered: {error}");
    }
}

/// What was written down for a repository; whatever cannot be used is not known.
pub(crate) fn of(
    context: &Context,
    spool_path: &Path,
    stanza: &Stanza,
    repository: &Repository,
) -> Known {
    read(
        spool_path,
        stanza,
        repository.key,
        &place::of(context, repository),
    )
}

fn read(spool_path: &Path, stanza: &Stanza, key: u32, place: &str) -> Known {
    let directory = this_host::directory(spool_path);
    let bytes = |path: &StoragePath, limit| {
        this_host::read_state(&directory, path, limit)
            .ok()
            .flatten()
    };
    let last = bytes(&path(stanza, key), LIMIT)
        .and_then(|bytes| serde_json::from_slice::<LastRun>(&bytes).ok())
        .filter(|last| last.format == FORMAT && last.repository == place);
    let entries = bytes(&record_path(stanza, key), LARGEST)
        .and_then(|bytes| record::parse(&bytes, place).ok())
        .unwrap_or_default();
    // 0 is something that was never read as a whole.
    let verified = entries.values().map(|verified| verified.at);
    let oldest = verified.filter(|at| *at > 0).min();
    Known { last, oldest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_of_this_repository_only() {
        let dir = tempfile::tempdir().unwrap();
        let stanza = Stanza::new("demo").unwrap();
        let known = |key, of: &str| read(dir.path(), &stanza, key, of);
        assert_eq!(known(1, "/repo"), Known::default());
        let last = LastRun::new("/repo".to_owned(), 1_800_000_000, 28);
        write(dir.path(), &stanza, 1, &last);
        assert_eq!(known(1, "/repo").last, Some(last));
        assert_eq!(known(1, "/other"), Known::default());
        assert_eq!(known(2, "/repo"), Known::default());
        // Where there is no spool, none is made.
        let missing = dir.path().join("missing");
        write(
            &missing,
            &stanza,
            1,
            &LastRun::new("/repo".to_owned(), 1, 0),
        );
        assert!(!missing.exists());
    }
}
