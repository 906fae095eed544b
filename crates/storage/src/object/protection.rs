//! Locks of the objects in a bucket, and what is set for the bucket.

use super::ObjectStorage;
use super::list::task_error;
use super::store::ObjectStore;
use crate::protection::{BucketProtection, KeptUntil, Lock, Protection};
use crate::{Operation, Result, StoragePath};

impl<S: ObjectStore> Protection for ObjectStorage<S> {
    fn kept_until(&self, paths: &[StoragePath]) -> Result<Vec<Option<KeptUntil>>> {
        let bucket = &self.bucket;
        if bucket.settings.lock.is_none() {
            return Ok(vec![None; paths.len()]);
        }
        let mut asked = Vec::with_capacity(paths.len());
        for path in paths {
            let key = bucket.key(path, Operation::Info)?;
            let store = std::sync::Arc::clone(&bucket.store);
            asked.push(
                bucket
                    .runtime
                    .spawn(async move { store.kept_until(&key).await }),
            );
        }
        let mut out = Vec::with_capacity(paths.len());
        for (asked, path) in asked.into_iter().zip(paths) {
            let found = bucket
                .runtime
                .block_on(asked)
                .map_err(|error| task_error(bucket, error, Operation::Info, path))?;
            out.push(found.map_err(|failure| bucket.error(failure, Operation::Info, path))?);
        }
        Ok(out)
    }

    fn lock(&self) -> Option<Lock> {
        self.bucket.settings.lock
    }

    fn of_bucket(&self) -> Result<BucketProtection> {
        let (bucket, root) = (&self.bucket, StoragePath::root());
        let found = bucket.runtime.block_on(bucket.store.protection());
        found.map_err(|failure| bucket.error(failure, Operation::Info, &root))
    }
}
