//! Reading: requests of one file under way ahead of the reader, put in order, all of one version of the object.

mod plan;

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use tokio::task::JoinHandle;

use super::bucket::Bucket;
use super::list::task_error;
use super::store::{ObjectStore, Outcome, Piece};
use crate::budget::{Budget, Permit};
use crate::{Error, ErrorKind, Operation, ReadOptions, Result, StoragePath};
use plan::{Fetch, Plan};

struct Asked {
    fetch: Fetch,
    answer: JoinHandle<Outcome<Option<Piece>>>,
    /// For what is asked ahead; what the reader waits for needs none.
    permit: Option<Permit>,
}

/// A file being read.
pub(super) struct ObjectRead<S> {
    bucket: Bucket<S>,
    /// What may be asked ahead, over all readers.
    ahead: Arc<Budget>,
    path: StoragePath,
    key: String,
    plan: Plan,
    asked: VecDeque<Asked>,
    current: VecDeque<Bytes>,
    permit: Option<Permit>,
    size: Option<u64>,
    version: Option<String>,
}

/// Opens a file; `lazy_open` leaves it to the first read to find out that it is missing.
pub(super) fn open<S: ObjectStore>(
    bucket: &Bucket<S>,
    ahead: &Arc<Budget>,
    path: &StoragePath,
    options: &ReadOptions,
) -> Result<ObjectRead<S>> {
    let mut read = ObjectRead {
        bucket: bucket.clone(),
        ahead: Arc::clone(ahead),
        path: path.clone(),
        key: bucket.key(path, Operation::OpenRead)?,
        plan: Plan::new(&options.ranges, bucket.settings.read_over, options.expect),
        asked: VecDeque::new(),
        current: VecDeque::new(),
        permit: None,
        size: None,
        version: None,
    };
    read.ask(true);
    if read.asked.is_empty() {
        // Nothing is wanted: only whether the file is there.
        let head = bucket.runtime.block_on(bucket.facts(&read.key));
        let failed = |failure| bucket.error(failure, Operation::OpenRead, path);
        head.map_err(failed)?.ok_or_else(|| read.missing())?;
    } else if !options.lazy_open {
        read.next_piece()?;
    }
    Ok(read)
}

impl<S: ObjectStore> ObjectRead<S> {
    /// Has as many requests under way as there may be. What lies behind the expected is asked for only when it is `needed`.
    fn ask(&mut self, needed: bool) {
        while self.asked.len() <= self.bucket.settings.prefetch {
            if self.plan.has_expected() && !(needed && self.asked.is_empty()) {
                break;
            }
            let first = self.asked.is_empty() && self.size.is_none();
            let Some(fetch) = self.plan.next(!first) else {
                break;
            };
            let permit = if self.asked.is_empty() {
                None
            } else {
                let length = usize::try_from(fetch.length).unwrap_or(usize::MAX);
                let permit = self.ahead.try_acquire(length);
                if permit.is_none() {
                    self.plan.put_back(&fetch);
                    break;
                }
                permit
            };
            let (store, key) = (Arc::clone(&self.bucket.store), self.key.clone());
            let (offset, length, version) = (fetch.offset, fetch.length, self.version.clone());
            let past = self.bucket.past.clone();
            let answer = self.bucket.runtime.spawn(async move {
                match past {
                    None => store.get(&key, offset, length, version.as_deref()).await,
                    Some(past) => past.get(&*store, &key, offset, length).await,
                }
            });
            self.asked.push_back(Asked {
                fetch,
                answer,
                permit,
            });
        }
    }

    /// Takes the next answer; false at the end.
    fn next_piece(&mut self) -> Result<bool> {
        self.permit = None;
        self.ask(true);
        let Some(asked) = self.asked.pop_front() else {
            return Ok(false);
        };
        let operation = match self.size {
            None => Operation::OpenRead,
            Some(_) => Operation::Read,
        };
        let answer = self
            .bucket
            .runtime
            .block_on(asked.answer)
            .map_err(|error| task_error(&self.bucket, error, operation, &self.path))?;
        let piece = answer
            .map_err(|failure| self.bucket.error(failure, operation, &self.path))?
            .ok_or_else(|| self.missing())?;
        self.check(&asked.fetch, &piece)?;
        self.plan.know_size(piece.size);
        self.size = Some(piece.size);
        self.version = piece.version.or(self.version.take());
        self.current.extend(asked.fetch.pick(&piece.bytes));
        self.permit = asked.permit;
        self.ask(false);
        Ok(true)
    }

    /// The piece must be as long as it can be, and of the same object as the ones before.
    fn check(&self, fetch: &Fetch, piece: &Piece) -> Result<()> {
        let expected = piece.size.saturating_sub(fetch.offset).min(fetch.length);
        let broken = |reason: String| {
            Err(Error::new(
                ErrorKind::Broken,
                Operation::Read,
                self.bucket.display(&self.path),
                reason,
            ))
        };
        if piece.bytes.len() as u64 != expected {
            return broken(format!(
                "the server sent {} bytes in place of {expected}",
                piece.bytes.len()
            ));
        }
        let changed = self.size.is_some_and(|size| size != piece.size)
            || matches!((&self.version, &piece.version), (Some(one), Some(other)) if one != other);
        if changed {
            return broken("the file was replaced while it was read".to_owned());
        }
        Ok(())
    }

    fn missing(&self) -> Error {
        Error::new(
            ErrorKind::NotFound,
            Operation::OpenRead,
            self.bucket.display(&self.path),
            "",
        )
    }
}

impl<S: ObjectStore> Read for ObjectRead<S> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(piece) = self.current.front_mut() {
                let count = piece.len().min(out.len());
                piece.copy_to_slice(&mut out[..count]);
                if piece.is_empty() {
                    self.current.pop_front();
                }
                return Ok(count);
            }
            if !self.next_piece().map_err(Error::into_io)? {
                return Ok(0);
            }
        }
    }
}

impl<S> Drop for ObjectRead<S> {
    fn drop(&mut self) {
        for asked in &self.asked {
            asked.answer.abort();
        }
    }
}
