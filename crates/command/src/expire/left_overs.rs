//! What writers that died have left behind: temporary files in directories, unfinished uploads in a bucket.
//!
//! pgBackRest leaves uploads to the rules of the bucket. So the rights to list and to abort them may be missing where it
//! works, and some servers know no lists of them: then they stay, which is told and no error.

use pgkeep_repo::{Stanza, layout};
use pgkeep_storage::{ErrorKind, FileType, InfoLevel, ListOptions, Storage, StoragePath};

use crate::error::Result;

const DAY: i64 = 86_400;

/// Where to look; whether also in all that is below.
/// `closed`: each file has left its temporary name, within sets, too.
pub(super) fn places(
    storage: &dyn Storage,
    stanza: &Stanza,
    closed: bool,
) -> Vec<(StoragePath, bool)> {
    if is_bucket(storage) || closed {
        // An upload within a set is no part of it, so removing the set leaves it.
        return vec![
            (layout::backup_path(stanza), true),
            (layout::archive_path(stanza), true),
        ];
    }
    vec![
        // Those within a set are removed with it.
        (layout::backup_path(stanza), false),
        (layout::history_path(stanza), true),
        (layout::archive_path(stanza), true),
    ]
}

/// Removes what is older than a day; hands back how many there were.
pub(super) fn remove(
    storage: &dyn Storage,
    (path, deep): &(StoragePath, bool),
    repository: &str,
) -> Result<usize> {
    match storage.remove_left_overs(path, *deep) {
        Err(error)
            if is_bucket(storage)
                && matches!(error.kind, ErrorKind::Denied | ErrorKind::Unsupported) =>
        {
            crate::detail!(
                "{repository}: unfinished uploads below '{}' are left to the rules of the bucket: {}",
                storage.display(path),
                error
                    .reason
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .trim_end_matches(':')
            );
            Ok(0)
        }
        other => Ok(other?),
    }
}

/// Removes what `doctor`, `sftp-audit` and `sftp-probe` have tried out beside the stanzas with an account that may only add,
/// when it is a day old; hands back how many there were. None of it belongs to a backup, so our clock will do.
pub(super) fn remove_trials(storage: &dyn Storage, now: i64) -> Result<usize> {
    let options = ListOptions {
        level: InfoLevel::Basic,
        ..ListOptions::default()
    };
    let root = StoragePath::root();
    let listed = storage.list(&root, &options)?.unwrap_or_default();
    let mut removed = 0;
    for entry in listed {
        if !layout::is_trial(entry.name.as_bytes()) || entry.modified >= now - DAY {
            continue;
        }
        match entry.kind {
            FileType::Path => drop(storage.remove_tree(&entry.name)?),
            FileType::File => drop(storage.remove(&entry.name)?),
            _ => continue,
        }
        removed += 1;
    }
    Ok(removed)
}

/// Says how many were removed.
pub(super) fn tell(storage: &dyn Storage, repository: &str, removed: usize) {
    let what = match is_bucket(storage) {
        true => "unfinished upload(s)",
        false => "temporary file(s)",
    };
    if removed > 0 {
        crate::detail!("{repository}: removed {removed} {what} older than a day");
    }
}

fn is_bucket(storage: &dyn Storage) -> bool {
    storage.as_paths().is_none()
}
