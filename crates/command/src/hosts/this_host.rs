//! Directories of this host as storages.

use std::path::Path;
use std::sync::Arc;

use pgkeep_storage::FileTree;
use pgkeep_storage::posix::{PosixSettings, PosixStorage};

/// A directory of this host (lock path, spool path, link targets).
#[must_use]
pub fn directory(path: &Path) -> Arc<PosixStorage> {
    Arc::new(PosixStorage::new(PosixSettings::at(path)))
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
