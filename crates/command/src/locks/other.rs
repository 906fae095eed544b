//! Lock files of other processes: read, listed and removed, never taken.
#![allow(clippy::disallowed_methods)] // flock needs the descriptor of a real file (architecture: the lock file)

use std::path::Path;

use rustix::fs::FlockOperation;

use super::data::LockData;
use super::lock::EXTENSION;
use super::lock_file::{numbered, open_to_read, text};
use crate::error::{Error, ErrorCode, Result};

/// What `info` and `stop --force` learn of a lock file of another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockState {
    /// No such file.
    Missing,
    /// The file is there but nobody holds it (its owner crashed).
    Unheld,
    /// Held, but its content is not (yet) readable.
    Unreadable,
    /// Pushes from other hosts have it in common. Each has a file of its own besides.
    SharedByPushes,
    /// Held by a living process.
    Held(LockData),
}

/// Reads a lock file without taking it.
///
/// # Errors
/// [`ErrorCode::FileOpen`] when the file is there but cannot be opened.
pub fn state(lock_path: &Path, name: &str) -> Result<LockState> {
    let path = lock_path.join(name);
    let mut file = match open_to_read(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(LockState::Missing);
        }
        Err(error) => {
            return Err(Error::new(
                ErrorCode::FileOpen,
                format!(
                    "unable to open file '{}' for read: {}",
                    path.display(),
                    numbered(&error)
                ),
            ));
        }
    };
    // Shared: two that read at once must not take each other for the holder.
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        // Only what is empty is looked at more closely, as that keeps others out for a moment.
        let empty = file.metadata().is_ok_and(|found| found.len() == 0);
        let shared =
            empty && rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err();
        return Ok(match shared {
            true => LockState::SharedByPushes,
            false => LockState::Unheld,
        });
    }
    let Ok(text) = text(&mut file) else {
        return Ok(LockState::Unreadable);
    };
    Ok(LockData::parse(&text).map_or(LockState::Unreadable, LockState::Held))
}

/// Names of all lock files below the lock path, sorted.
///
/// # Errors
/// [`ErrorCode::PathOpen`].
pub fn list(lock_path: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(lock_path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::new(
                ErrorCode::PathOpen,
                format!(
                    "unable to list file info for path '{}': {}",
                    lock_path.display(),
                    numbered(&error)
                ),
            ));
        }
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(EXTENSION))
        .collect();
    names.sort();
    Ok(names)
}

/// Removes a lock file (only `stop --force` does that).
///
/// # Errors
/// [`ErrorCode::FileRemove`].
pub fn remove(lock_path: &Path, name: &str) -> Result<()> {
    let path = lock_path.join(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::new(
            ErrorCode::FileRemove,
            format!(
                "unable to remove file '{}': {}",
                path.display(),
                numbered(&error)
            ),
        )),
        _ => Ok(()),
    }
}
