//! What all calls on one bucket have in common: the store, the runtime, names of keys, errors.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::settings::ObjectSettings;
use super::store::{Failure, ObjectStore};
use crate::budget::Budget;
use crate::{Error, ErrorKind, Operation, Result, StoragePath};

/// A bucket in use; cloning gives another handle.
#[derive(Debug)]
pub(super) struct Bucket<S> {
    pub(super) store: Arc<S>,
    pub(super) runtime: Handle,
    pub(super) budget: Arc<Budget>,
    pub(super) settings: Arc<ObjectSettings>,
    /// Of every key: no slash at the beginning, one at the end, or empty.
    root: Arc<str>,
}

impl<S> Clone for Bucket<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            runtime: self.runtime.clone(),
            budget: Arc::clone(&self.budget),
            settings: Arc::clone(&self.settings),
            root: Arc::clone(&self.root),
        }
    }
}

impl<S: ObjectStore> Bucket<S> {
    pub(super) fn new(store: S, settings: ObjectSettings, runtime: Handle) -> Self {
        let root = settings.root.trim_matches('/');
        let root = if root.is_empty() {
            String::new()
        } else {
            format!("{root}/")
        };
        Self {
            store: Arc::new(store),
            runtime,
            budget: Budget::new(settings.byte_budget),
            settings: Arc::new(settings),
            root: root.into(),
        }
    }

    /// Key of a file.
    pub(super) fn key(&self, path: &StoragePath, operation: Operation) -> Result<String> {
        match std::str::from_utf8(path.as_bytes()) {
            Ok(text) => Ok(format!("{}{text}", self.root)),
            Err(_) => Err(Error::new(
                ErrorKind::Unsupported,
                operation,
                self.display(path),
                "names of objects must be UTF-8",
            )),
        }
    }

    /// What keys below a directory begin with.
    pub(super) fn prefix(&self, path: &StoragePath, operation: Operation) -> Result<String> {
        let key = self.key(path, operation)?;
        Ok(if path.is_root() {
            key
        } else {
            format!("{key}/")
        })
    }

    /// Name of a key without the repository's root.
    pub(super) fn path(&self, key: &str) -> StoragePath {
        StoragePath::new(key.strip_prefix(&*self.root).unwrap_or(key))
    }

    /// The name that options give it: `/var/lib/pgbackrest/archive/demo`.
    pub(super) fn display(&self, path: &StoragePath) -> String {
        let root = self.root.trim_end_matches('/');
        match (root.is_empty(), path.is_root()) {
            (true, _) => format!("/{path}"),
            (false, true) => format!("/{root}"),
            (false, false) => format!("/{root}/{path}"),
        }
    }

    pub(super) fn error(
        &self,
        failure: Failure,
        operation: Operation,
        path: &StoragePath,
    ) -> Error {
        let mut error = Error::new(failure.kind, operation, self.display(path), failure.reason);
        error.hints = failure.hints;
        error
    }
}
