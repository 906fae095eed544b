//! How each object store names what its locks need, and who may do what about them.

use super::bucket::Store;

/// Words of one store.
#[derive(Debug, Clone, Copy)]
pub(super) struct LockWords {
    /// What files can be locked in.
    pub(super) place: &'static str,
    /// What is needed to end a lock of the mode `governance`.
    pub(super) bypass: &'static str,
    /// Who may lock files with that mode may end these locks.
    pub(super) ended_by_writers: bool,
    /// What keeps the credentials from deleting older versions, where the store has a right of its own for it.
    pub(super) keep_versions: Option<&'static str>,
    /// What is needed to see whether versions are kept.
    pub(super) see_versions: &'static str,
}

impl LockWords {
    pub(super) fn of(store: Store) -> Self {
        match store {
            Store::S3 => Self {
                place: "a bucket made with Object Lock",
                bypass: "s3:BypassGovernanceRetention",
                ended_by_writers: false,
                keep_versions: Some(
                    "deny s3:DeleteObjectVersion and s3:PutLifecycleConfiguration to the credentials",
                ),
                see_versions: "s3:GetBucketVersioning",
            },
            Store::Azure => Self {
                place: "a container with support for version-level immutability",
                bypass: "the permission i (immutable storage)",
                ended_by_writers: true,
                keep_versions: Some(
                    "use a SAS token without x (delete version) in place of a key of the account",
                ),
                see_versions: "there is no file yet, or the credentials may not list them",
            },
            Store::Gcs => Self {
                place: "a bucket with object retention enabled and Object Versioning",
                bypass: "storage.objects.overrideUnlockedRetention",
                ended_by_writers: false,
                // The right that hides a file deletes an older one too.
                keep_versions: None,
                see_versions: "storage.buckets.get",
            },
        }
    }
}
