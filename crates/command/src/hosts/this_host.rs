//! Directories of this host as storages.

use std::path::Path;
use std::sync::Arc;

use pgkeep_storage::posix::{PosixSettings, PosixStorage};
use pgkeep_storage::{
    Error, ErrorKind, FileTree, InfoLevel, Operation, Result, Storage, StoragePath, copy,
};

/// A directory of this host (lock path, spool path, link targets).
#[must_use]
pub fn directory(path: &Path) -> Arc<PosixStorage> {
    Arc::new(PosixStorage::new(PosixSettings::at(path)))
}

/// Reads a file that a run before has left on this host. `None` when it is missing.
///
/// # Errors
/// One of more than `limit` bytes, which is not read, and what is no file.
pub fn read_state(
    directory: &PosixStorage,
    name: &StoragePath,
    limit: u64,
) -> Result<Option<Vec<u8>>> {
    let refuse = |reason: String| {
        let name = directory.display(name);
        Err(Error::new(ErrorKind::Broken, Operation::Read, name, reason))
    };
    // Whoever opens a pipe waits for somebody who writes into it.
    if directory.is_finite(name)? == Some(false) {
        return refuse("it is no regular file".to_owned());
    }
    let found = directory.info(name, InfoLevel::Basic)?;
    if found.is_some_and(|found| found.size > limit) {
        return refuse(format!("the file has more than {limit} bytes"));
    }
    copy::read_all(directory, name, limit)
}

/// As [`directory`], for what a run changes and must not be left half done: the targets of a restore, and the spool. The
/// suites let it fail and die at every operation.
#[must_use]
pub fn tree(path: &Path) -> Arc<dyn FileTree> {
    let tree = directory(path);
    #[cfg(feature = "faulty")]
    let tree = super::fault::around_tree(tree);
    tree
}
