//! The storage itself, its settings, and the way from a relative path to an absolute one.

use std::path::PathBuf;

use super::owner::OwnerNames;
use crate::path::StoragePath;

/// Where the tree is and what its file system can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosixSettings {
    /// Absolute path of the root; it need not exist yet.
    pub root: PathBuf,
    /// A mounted SMB share, for a repository: no directory fsync, no links, owners mean nothing. What only a
    /// [`crate::FileTree`] has is not for it.
    pub cifs: bool,
    /// Symbolic links may be made (`repo-symlink`); without effect when `cifs`.
    pub symlinks: bool,
}

impl PosixSettings {
    /// The usual settings for a tree at `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            ..Self::default()
        }
    }
}

impl Default for PosixSettings {
    fn default() -> Self {
        Self {
            root: PathBuf::from("/"),
            cifs: false,
            symlinks: true,
        }
    }
}

/// A directory tree of this machine.
#[derive(Debug)]
pub struct PosixStorage {
    pub(super) settings: PosixSettings,
    pub(super) owners: OwnerNames,
}

impl PosixStorage {
    #[must_use]
    pub fn new(settings: PosixSettings) -> Self {
        Self {
            settings,
            owners: OwnerNames::default(),
        }
    }

    /// The usual storage for a tree at `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self::new(PosixSettings::at(root))
    }

    /// Absolute path of `path`, for code that must hand a name to another program.
    #[must_use]
    pub fn absolute(&self, path: &StoragePath) -> PathBuf {
        if path.is_root() {
            self.settings.root.clone()
        } else {
            self.settings.root.join(path.as_os_str())
        }
    }
}
