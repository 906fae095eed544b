//! Each thing that a repository needs of a bucket, done once with objects of a few bytes.

use bytes::Bytes;

use super::ObjectStorage;
use super::bucket::Bucket;
use super::store::{Content, Failure, ListQuery, ObjectStore, Outcome};
use crate::rights::{Attempt, Attempts, Right, Rights};
use crate::{ErrorKind, Operation, StoragePath};

/// What is stored.
const BYTES: &[u8] = b"doctor";

impl<S: ObjectStore> Rights for ObjectStorage<S> {
    fn try_rights(&self, path: &StoragePath) -> Attempts {
        self.bucket.runtime.block_on(attempt(&self.bucket, path))
    }
}

/// Tries one right after the other. An error that is no refusal ends it: the rest would only fail alike.
async fn attempt<S: ObjectStore>(bucket: &Bucket<S>, path: &StoragePath) -> Attempts {
    let mut trial = Trial {
        bucket,
        path,
        beside: StoragePath::new([path.as_bytes(), b".parts"].concat()),
        out: Attempts::default(),
    };
    let _ = trial.all().await;
    trial.clean().await;
    trial.out
}

struct Trial<'a, S> {
    bucket: &'a Bucket<S>,
    path: &'a StoragePath,
    /// The file that is stored in parts.
    beside: StoragePath,
    out: Attempts,
}

/// An error that is no refusal.
struct Ended;

impl<S: ObjectStore> Trial<'_, S> {
    async fn all(&mut self) -> Result<(), Ended> {
        let store = &*self.bucket.store;
        let operation = Operation::Write;
        let (Ok(key), Ok(beside), Ok(prefix)) = (
            self.bucket.key(self.path, operation),
            self.bucket.key(&self.beside, operation),
            self.bucket.prefix(&StoragePath::root(), operation),
        ) else {
            return Err(Ended);
        };
        self.list(&prefix).await?;
        let put = store.put(&key, content(store), false).await;
        let is_there = self.note(Right::Write, put)?.is_some();
        if is_there {
            let read = store.get(&key, 0, BYTES.len() as u64, None).await;
            self.note(Right::Read, read.and_then(same))?;
            self.out.public = match store.is_public(&key).await {
                Ok(public) => Some(public),
                Err(failure) => {
                    log::debug!("whether {key} is public is not known: {}", failure.reason);
                    None
                }
            };
            self.out.stored = match store.head(&key).await {
                Ok(Some(facts)) => Some(facts.modified),
                _ => None,
            };
            if self.bucket.settings.lock.is_some() {
                let kept = store.kept_until(&key).await;
                let failed = |failure| self.bucket.error(failure, Operation::Info, self.path);
                self.out.kept_until = Some(kept.map_err(failed));
            }
        }
        // Who may not store a file may not store one in parts.
        if is_there {
            let made = in_parts(store, &beside).await;
            self.note(Right::Upload, made)?;
            if let Ok(upload) = store.start_upload(&beside).await {
                let given_up = store.abort_upload(&beside, &upload).await;
                self.note(Right::GiveUp, given_up)?;
            }
        }
        // No upload has such a name, so that none is given up.
        let listed = store.abort_old_uploads(&format!("{key}.none"), false).await;
        self.note(Right::ListUploads, listed)?;
        if is_there {
            let removed = store.remove(std::slice::from_ref(&key)).await;
            self.note(Right::Remove, removed.map_err(|(_, failure)| failure))?;
            let removed = store.remove(&[key, beside]).await;
            self.note(Right::RemoveMany, removed.map_err(|(_, failure)| failure))?;
        }
        Ok(())
    }

    async fn list(&mut self, prefix: &str) -> Result<(), Ended> {
        let list = |prefix: &str, one_level| ListQuery {
            prefix: prefix.to_owned(),
            one_level,
            limit: Some(1),
            ..ListQuery::default()
        };
        let store = &*self.bucket.store;
        let listed = store.list(&list(prefix, true), None).await;
        let listed = self.note(Right::List, listed)?;
        if listed.is_some() && !prefix.is_empty() {
            // Names of the first level are often allowed to see on purpose.
            let outside = store.list(&list("", false), None).await;
            self.out.lists_outside = Some(outside.is_ok());
        }
        Ok(())
    }

    /// Keeps how an attempt went; its value where it went well.
    fn note<T>(&mut self, right: Right, outcome: Outcome<T>) -> Result<Option<T>, Ended> {
        let (value, failure) = match outcome {
            Ok(value) => (Some(value), None),
            Err(failure) => (None, Some(failure)),
        };
        // A store that does not know a call is used without it.
        let refused =
            |failure: &Failure| matches!(failure.kind, ErrorKind::Denied | ErrorKind::Unsupported);
        let goes_on = failure.as_ref().is_none_or(refused);
        let (path, operation) = self.about(right);
        let failed = failure.map(|failure| self.bucket.error(failure, operation, &path));
        self.out.made.push(Attempt { right, failed });
        if goes_on { Ok(value) } else { Err(Ended) }
    }

    fn about(&self, right: Right) -> (StoragePath, Operation) {
        match right {
            Right::List => (StoragePath::root(), Operation::List),
            Right::Write => (self.path.clone(), Operation::Write),
            Right::Read => (self.path.clone(), Operation::Read),
            Right::Upload | Right::GiveUp => (self.beside.clone(), Operation::Write),
            Right::ListUploads => (StoragePath::root(), Operation::List),
            Right::Remove => (self.path.clone(), Operation::Remove),
            Right::RemoveMany => (self.beside.clone(), Operation::Remove),
        }
    }

    /// Removes what is there if the attempt to remove all was not made or failed.
    async fn clean(&mut self) {
        let worked = |right| {
            let mut made = self.out.made.iter();
            made.any(|attempt| attempt.right == right && attempt.failed.is_none())
        };
        if worked(Right::RemoveMany) {
            return;
        }
        let files = [
            (worked(Right::Write), self.path.clone()),
            (worked(Right::Upload), self.beside.clone()),
        ];
        for (_, path) in files.into_iter().filter(|(there, _)| *there) {
            let Ok(key) = self.bucket.key(&path, Operation::Remove) else {
                continue;
            };
            if self.bucket.store.remove(&[key]).await.is_err() {
                self.out.left.get_or_insert(path);
            }
        }
    }
}

fn content<S: ObjectStore>(store: &S) -> Content<S::Hashes> {
    Content {
        bytes: Bytes::from_static(BYTES),
        hashes: store.hashes(BYTES),
    }
}

/// Stores an object in one part; what fails is given up.
async fn in_parts<S: ObjectStore>(store: &S, key: &str) -> Outcome<()> {
    let upload = store.start_upload(key).await?;
    let made = async {
        let part = store.put_part(key, &upload, 1, content(store)).await?;
        let size = BYTES.len() as u64;
        store.complete_upload(key, &upload, &[part], size).await
    };
    let made = made.await;
    if made.is_err() {
        // The same is tried next, and told.
        let _ = store.abort_upload(key, &upload).await;
    }
    made
}

/// Fails where the bytes are not those that were stored.
fn same(piece: Option<super::store::Piece>) -> Outcome<()> {
    match piece {
        Some(piece) if piece.bytes == BYTES => Ok(()),
        _ => Err(Failure {
            kind: ErrorKind::Broken,
            reason: "the file that was stored just now is not there, or has other content"
                .to_owned(),
            hints: Vec::new(),
        }),
    }
}
