//! Writing: a small file is one request, a larger one an upload in parts that are under way at the same time.
//!
//! An object appears whole or not at all, with the last request. Bytes in flight count against the budget; a writer
//! waits for room in it before it hands a part over. An upload that does not become an object is given up, so that
//! its parts are not kept (and paid for).

#[cfg(test)]
mod tests;
mod upload;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::bucket::Bucket;
use super::store::{Content, ObjectStore};
use crate::{Error, Operation, Result, StoragePath, StorageWrite, Ticket, WriteOptions, Written};
use upload::Upload;

/// The first error of a file, seen by its writer with the next write.
type Failed = Arc<Mutex<Option<Error>>>;

/// A file being written.
pub(super) struct ObjectWrite<S: ObjectStore> {
    bucket: Bucket<S>,
    path: StoragePath,
    key: String,
    /// Only where there is none.
    new: bool,
    filling: Vec<u8>,
    part_size: usize,
    total: u64,
    /// Size as far as it was foretold.
    expect: Option<u64>,
    upload: Option<Upload<S>>,
    failed: Failed,
}

/// Begins to write; nothing is sent before the first part is full.
pub(super) fn open<S: ObjectStore>(
    bucket: &Bucket<S>,
    path: &StoragePath,
    options: &WriteOptions,
) -> Result<ObjectWrite<S>> {
    let part_size = bucket.store.part_size(1);
    let expect = options
        .expect
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(0);
    Ok(ObjectWrite {
        bucket: bucket.clone(),
        path: path.clone(),
        key: bucket.key(path, Operation::OpenWrite)?,
        new: !options.truncate,
        filling: Vec::with_capacity(expect.min(part_size)),
        part_size,
        total: 0,
        expect: options.expect,
        upload: None,
        failed: Failed::default(),
    })
}

impl<S: ObjectStore> ObjectWrite<S> {
    /// What was filled, with its hashes and its place in the budget.
    fn take(&mut self) -> (Content<S::Hashes>, crate::budget::Permit) {
        let bytes = Bytes::from(std::mem::take(&mut self.filling));
        // Hashes first: while this thread computes, older parts leave the budget.
        let hashes = self.bucket.store.hashes(&bytes);
        let permit = self.bucket.budget.acquire(bytes.len());
        (Content { bytes, hashes }, permit)
    }

    /// Sends what was filled as a part; the first one begins the upload.
    fn send_part(&mut self) -> std::io::Result<()> {
        if let Some(error) = self.error() {
            return Err(error.into_io());
        }
        let (content, permit) = self.take();
        let upload = self.upload.get_or_insert_with(|| {
            Upload::start(
                self.bucket.clone(),
                self.path.clone(),
                self.key.clone(),
                Arc::clone(&self.failed),
            )
        });
        upload.send(content, permit);
        self.part_size = self.bucket.store.part_size(upload.parts() + 1);
        // Exactly: a buffer that doubles would take up to twice the largest part.
        let left = self.expect.and_then(|size| size.checked_sub(self.total));
        let left = left.and_then(|left| usize::try_from(left).ok());
        self.filling = Vec::with_capacity(self.part_size.min(left.unwrap_or(usize::MAX)));
        Ok(())
    }

    fn error(&self) -> Option<Error> {
        self.failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl<S: ObjectStore> Write for ObjectWrite<S> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // Only now, since a file that ends with the first part is one request.
        if self.filling.len() >= self.part_size && !bytes.is_empty() {
            self.send_part()?;
        }
        let taken = bytes.len().min(self.part_size - self.filling.len());
        self.filling.extend_from_slice(&bytes[..taken]);
        self.total += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<S: ObjectStore> StorageWrite for ObjectWrite<S> {
    fn stage(&mut self) -> Result<()> {
        // A small file is published by its only request, so there is nothing to send before.
        if self.upload.is_some() && !self.filling.is_empty() {
            let object = self.bucket.display(&self.path);
            self.send_part()
                .map_err(|error| Error::from_stream(Operation::Write, object, error))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Ticket> {
        if self.upload.is_some() && !self.filling.is_empty() {
            let object = self.bucket.display(&self.path);
            self.send_part()
                .map_err(|error| Error::from_stream(Operation::Write, object, error))?;
        }
        let (resolver, ticket) = Ticket::pending();
        let written = Written { size: self.total };
        if let Some(upload) = self.upload.take() {
            let new = self.new;
            let size = self.total;
            self.bucket.runtime.clone().spawn(async move {
                resolver.resolve(upload.finish(size, new).await.map(|()| written));
            });
        } else {
            let (content, permit) = self.take();
            let (bucket, path, key, new) = (
                self.bucket.clone(),
                self.path.clone(),
                self.key.clone(),
                self.new,
            );
            self.bucket.runtime.clone().spawn(async move {
                let stored = bucket.store.put(&key, content, new).await;
                drop(permit);
                resolver.resolve(match stored {
                    Ok(()) => Ok(written),
                    Err(failure) => Err(bucket.error(failure, Operation::Write, &path)),
                });
            });
        }
        Ok(ticket)
    }
}

impl<S: ObjectStore> Drop for ObjectWrite<S> {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            upload.give_up();
        }
    }
}
