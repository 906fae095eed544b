//! What all calls on one bucket have in common: the store, the runtime, names of keys, errors.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::past::Past;
use super::settings::ObjectSettings;
use super::store::{Facts, Failure, ObjectStore, Outcome};
use crate::budget::Budget;
use crate::{Error, ErrorKind, Operation, Result, StoragePath};

/// A bucket in use; cloning gives another handle.
#[derive(Debug)]
pub(super) struct Bucket<S> {
    pub(super) store: Arc<S>,
    pub(super) runtime: Handle,
    pub(super) budget: Arc<Budget>,
    pub(super) settings: Arc<ObjectSettings>,
    /// The bucket is seen as it was at an earlier time, and is not changed.
    pub(super) past: Option<Arc<Past>>,
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
            past: self.past.clone(),
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
            past: settings.target_time.map(|at| Arc::new(Past::new(at))),
            settings: Arc::new(settings),
            root: root.into(),
        }
    }

    /// Refuses what would change the bucket while it is seen as it was.
    pub(super) fn may_change(&self, path: &StoragePath, operation: Operation) -> Result<()> {
        if self.past.is_none() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            operation,
            self.display(path),
            "the storage is opened read-only, as it was at repo-target-time",
        ))
    }

    /// Facts of an object, now or as it was.
    pub(super) async fn facts(&self, key: &str) -> Outcome<Option<Facts>> {
        match &self.past {
            None => self.store.head(key).await,
            Some(past) => {
                let version = past.version(&*self.store, key).await?;
                Ok(version.map(|version| version.facts))
            }
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
        error.refused = !matches!(
            error.kind,
            ErrorKind::Cancelled
                | ErrorKind::Connect
                | ErrorKind::Exists
                | ErrorKind::NotFound
                | ErrorKind::Untrusted
        );
        error.hints = failure.hints;
        error
    }
}
