//! The tree in memory that all clones of a storage share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use super::node::{FIRST_TIME, Node, Tree};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::path::StoragePath;
use crate::protection::{BucketProtection, KeptUntil, Lock, Protection};
use crate::storage::Storage;

/// A tree of files in memory. Clones share the tree.
#[derive(Clone)]
pub struct MemoryStorage {
    state: Arc<Mutex<State>>,
    /// Has nothing of what only directory trees have.
    pub(super) bucket: bool,
    /// Replaces and removes nothing.
    pub(super) only_adds: bool,
}

pub(super) struct State {
    pub(super) tree: Tree,
    pub(super) now: i64,
    pub(super) locks: BTreeMap<StoragePath, KeptUntil>,
}

impl MemoryStorage {
    /// A directory tree: directories, links, owners and all.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            tree: Tree::default(),
            now: FIRST_TIME,
            locks: BTreeMap::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            bucket: false,
            only_adds: false,
        }
    }

    /// The same files as a bucket of objects: with nothing of what only directory trees have.
    #[must_use]
    pub fn as_bucket(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            bucket: true,
            only_adds: false,
        }
    }

    /// The same files as an account has them that may only add.
    #[must_use]
    pub fn as_only_adding(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            bucket: self.bucket,
            only_adds: true,
        }
    }

    pub(super) fn refuse_to_remove(&self, path: &StoragePath) -> Result<()> {
        match self.only_adds {
            true => Err(self.error(
                ErrorKind::Unsupported,
                Operation::Remove,
                path,
                "nothing can be removed",
            )),
            false => Ok(()),
        }
    }

    /// Sets the time that files written from now on get, seconds since 1970.
    pub fn set_now(&self, now: i64) {
        self.state().now = now;
    }

    /// Takes the content of every file that was not made durable.
    pub fn lose_power(&self) {
        self.state().tree.each_file(&mut |file| {
            let mut content = file.content();
            if !content.durable {
                content.bytes = Arc::default();
            }
        });
    }

    /// Says of a file that it is locked. It can be removed all the same, as in a bucket that keeps versions.
    pub fn lock(&self, path: &StoragePath, until: KeptUntil) {
        self.state().locks.insert(path.clone(), until);
    }

    /// Ends the lock of a file.
    pub fn unlock(&self, path: &StoragePath) {
        self.state().locks.remove(path);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no panic happens while the tree is held")
    }

    pub(super) fn error(
        &self,
        kind: ErrorKind,
        operation: Operation,
        path: &StoragePath,
        reason: &str,
    ) -> Error {
        // `NotFound` says it all; the others get the reason that the operating system would give.
        let reason = if kind == ErrorKind::NotFound {
            ""
        } else {
            reason
        };
        Error::new(kind, operation, self.display(path), reason)
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStorage")
    }
}

impl Protection for MemoryStorage {
    fn kept_until(&self, paths: &[StoragePath]) -> Result<Vec<Option<KeptUntil>>> {
        let state = self.state();
        let until = paths.iter().map(|path| state.locks.get(path).copied());
        Ok(until.collect())
    }

    fn lock(&self) -> Option<Lock> {
        None
    }

    fn of_bucket(&self) -> Result<BucketProtection> {
        Ok(BucketProtection {
            versions: Some(true),
            locks: Some(true),
            default_lock: None,
        })
    }
}

impl MemoryStorage {
    /// Gives `node` the name `path`; a directory is never replaced.
    pub(super) fn place(
        &self,
        tree: &mut Tree,
        operation: Operation,
        path: &StoragePath,
        node: Node,
    ) -> Result<()> {
        let Some(place) = tree.resolve(path, false) else {
            return Err(self.error(ErrorKind::NotFound, operation, path, ""));
        };
        tree.put(&place, node)
            .map_err(|refused| self.error(refused.kind, operation, path, refused.reason))
    }
}
