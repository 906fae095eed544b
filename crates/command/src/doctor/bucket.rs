//! How rules of each object store name what an account may do, and the step that allows it.

use pgkeep_config::shell_word;
use pgkeep_storage::Right;
use pgkeep_storage::http::HttpSettings;

/// Which object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    S3,
    Azure,
    Gcs,
}

/// The bucket of a repository.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) store: Store,
    pub(super) name: String,
    /// Nothing where the settings make no storage, which is told when it is opened.
    pub(super) http: Option<HttpSettings>,
    /// New objects get tags.
    pub(super) tags: bool,
    /// New objects are encrypted with a key of the service.
    pub(super) kms: bool,
    /// New objects are locked.
    pub(super) lock: bool,
}

impl Bucket {
    /// The right in the store's own words.
    pub(super) fn right(&self, right: Right) -> &'static str {
        match (self.store, right) {
            (Store::S3, Right::List) => "s3:ListBucket",
            (Store::S3, Right::Write | Right::Upload) => "s3:PutObject",
            (Store::S3, Right::Read) => "s3:GetObject",
            (Store::S3, Right::GiveUp) => "s3:AbortMultipartUpload",
            (Store::S3, Right::ListUploads) => "s3:ListBucketMultipartUploads",
            (Store::S3, Right::Remove | Right::RemoveMany) => "s3:DeleteObject",
            (Store::Azure, Right::List | Right::ListUploads) => "l (list)",
            (Store::Azure, Right::Write | Right::Upload | Right::GiveUp) => "w (write)",
            (Store::Azure, Right::Read) => "r (read)",
            (Store::Azure, Right::Remove | Right::RemoveMany) => "d (delete)",
            (Store::Gcs, Right::List) => "storage.objects.list",
            (Store::Gcs, Right::Write | Right::Upload | Right::GiveUp | Right::ListUploads) => {
                "storage.objects.create"
            }
            (Store::Gcs, Right::Read) => "storage.objects.get",
            (Store::Gcs, Right::Remove | Right::RemoveMany) => "storage.objects.delete",
        }
    }

    /// The step that allows it.
    pub(super) fn allow(&self, right: &str, path: &str) -> String {
        let bucket = &self.name;
        let below = format!("{}/", path.trim_matches('/'));
        let below = below.trim_start_matches('/');
        match self.store {
            Store::S3 if right == "s3:ListBucket" => {
                format!("allow {right} on arn:aws:s3:::{bucket}, with the prefix {below}*")
            }
            Store::S3 if right == "s3:ListBucketMultipartUploads" => {
                format!("allow {right} on arn:aws:s3:::{bucket}")
            }
            Store::S3 => format!("allow {right} on arn:aws:s3:::{bucket}/{below}*"),
            Store::Azure => format!(
                "a SAS token with {right} for container {bucket}, or the role Storage Blob Data Contributor there"
            ),
            Store::Gcs => format!("a role with {right} on bucket {bucket}"),
        }
    }

    /// What else a refusal may be for want of, where the server does not say which right it misses.
    pub(super) fn more(&self, right: Right) -> String {
        let writing = matches!(right, Right::Write | Right::Upload);
        let mut more = Vec::new();
        match self.store {
            Store::S3 => {
                if writing && self.tags {
                    more.push("s3:PutObjectTagging there, because of the tags");
                }
                if writing && self.kms {
                    more.push("kms:GenerateDataKey and kms:Decrypt for the key");
                }
                if writing && self.lock {
                    more.push("s3:PutObjectRetention there, because of the lock");
                }
                if right == Right::Read && self.kms {
                    more.push("kms:Decrypt for the key");
                }
            }
            Store::Azure => {
                if writing && self.tags {
                    more.push("t (tags)");
                }
                if (writing || matches!(right, Right::Remove | Right::RemoveMany)) && self.lock {
                    more.push("i (immutable storage), with a role Storage Blob Data Owner, because of the lock");
                }
            }
            Store::Gcs => {
                // What is replaced is removed there.
                if writing {
                    more.push("storage.objects.delete, to replace files");
                }
                if writing && self.lock {
                    more.push("storage.objects.setRetention, because of the lock");
                }
            }
        }
        more.iter().map(|one| format!("; and {one}")).collect()
    }

    /// The command that closes it to the public.
    pub(super) fn close(&self) -> String {
        let bucket = shell_word(&self.name);
        match self.store {
            Store::S3 => format!(
                "aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration \
                 BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
            ),
            Store::Azure => {
                "az storage account update --name ACCOUNT --allow-blob-public-access false"
                    .to_owned()
            }
            Store::Gcs => {
                format!("gcloud storage buckets update gs://{bucket} --public-access-prevention")
            }
        }
    }

    /// Whether rules of this store can limit lists to a path.
    pub(super) fn is_limited_by_path(&self) -> bool {
        self.store == Store::S3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(store: Store) -> Bucket {
        Bucket {
            store,
            name: "b".to_owned(),
            http: None,
            tags: true,
            kms: true,
            lock: true,
        }
    }

    #[test]
    fn the_step_names_where_a_right_is_to_be_allowed() {
        let s3 = bucket(Store::S3);
        let allow = |right, path| s3.allow(s3.right(right), path);
        assert_eq!(
            allow(Right::Write, "/repo"),
            "allow s3:PutObject on arn:aws:s3:::b/repo/*"
        );
        assert_eq!(
            allow(Right::Read, "/"),
            "allow s3:GetObject on arn:aws:s3:::b/*"
        );
        assert_eq!(
            allow(Right::List, "/a/b"),
            "allow s3:ListBucket on arn:aws:s3:::b, with the prefix a/b/*"
        );
    }

    #[test]
    fn tags_and_keys_need_more() {
        let s3 = bucket(Store::S3);
        assert!(s3.more(Right::Upload).contains("s3:PutObjectTagging"));
        assert!(s3.more(Right::Upload).contains("kms:GenerateDataKey"));
        assert!(s3.more(Right::Upload).contains("s3:PutObjectRetention"));
        assert_eq!(s3.more(Right::Read), "; and kms:Decrypt for the key");
        assert_eq!(s3.more(Right::List), "");
        let azure = bucket(Store::Azure).more(Right::Write);
        assert!(azure.starts_with("; and t (tags); and i "), "{azure}");
        let gcs = bucket(Store::Gcs).more(Right::Write);
        assert!(gcs.contains("storage.objects.setRetention"), "{gcs}");
        assert_eq!(bucket(Store::Gcs).more(Right::Remove), "");
    }
}
