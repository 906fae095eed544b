//! What keeps the files of a repository on another host from being removed.

use pgkeep_storage::protection::{BucketProtection, KeptUntil, Lock};
use pgkeep_storage::{Operation, Protection, Result, StoragePath};

use super::storage::RemoteStorage;
use crate::remote::wire::protection::{KeptFiles, WireBucket};
use crate::remote::wire::storage::StorageRequest;

impl Protection for RemoteStorage {
    fn kept_until(&self, paths: &[StoragePath]) -> Result<Vec<Option<KeptUntil>>> {
        let request = |paths| StorageRequest::KeptUntil { paths };
        let answers = self
            .reach
            .ask_many::<KeptFiles>(paths, Operation::Info, request)?;
        let mut all = Vec::with_capacity(paths.len());
        for (count, answer) in answers {
            let doing = (Operation::Info, &paths[all.len()]);
            self.expect(count, answer.until.len(), doing)?;
            all.extend(
                answer
                    .until
                    .into_iter()
                    .map(|kept| kept.map(KeptUntil::from)),
            );
        }
        Ok(all)
    }

    fn lock(&self) -> Option<Lock> {
        let protection = self.answer().ok()?.protection.as_ref()?;
        protection.lock.as_ref().map(|lock| lock.lock())
    }

    fn of_bucket(&self) -> Result<BucketProtection> {
        let root = StoragePath::root();
        let request = StorageRequest::BucketProtection {};
        let bucket: WireBucket = self.reach.ask(&request, (Operation::Info, &root))?;
        Ok(bucket.into())
    }
}
