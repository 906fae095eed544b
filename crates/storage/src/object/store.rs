//! What a bucket can do, whoever serves it: the few calls that the whole storage is made of.

use std::fmt::Debug;
use std::future::Future;

use bytes::Bytes;

use crate::protection::{BucketProtection, KeptUntil};
use crate::{ErrorKind, StorageKind};

/// Why a call failed; what was tried, and on which file, is added by who asked.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) reason: String,
    pub(crate) hints: Vec<String>,
}

pub(crate) type Outcome<T> = Result<T, Failure>;

/// One object of a list, or a name that others are below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Key; of a name that others are below, without the slash at its end.
    pub(crate) key: String,
    /// `None`: others are below.
    pub(crate) facts: Option<Facts>,
}

/// What is known of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    pub(crate) size: u64,
    /// Seconds since 1970.
    pub(crate) modified: i64,
}

/// What shall be listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListQuery {
    /// Every key begins with it.
    pub(crate) prefix: String,
    /// Names that others are below come as one.
    pub(crate) one_level: bool,
    /// Only keys after this one.
    pub(crate) after: Option<String>,
    /// At most so many, where one is enough.
    pub(crate) limit: Option<u32>,
    /// Also keys that have parts of an upload and no object yet, where those are in the list of objects.
    pub(crate) begun: bool,
}

/// One page of a list.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Listed>,
    /// How to ask for the next page.
    pub(crate) next: Option<String>,
}

/// One version of an object, or the mark that it was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) key: String,
    /// How to ask for it; `None`: there was no object from `facts.modified` on.
    pub(crate) id: Option<String>,
    /// Its size, and when it came.
    pub(crate) facts: Facts,
    /// When it ceased to be the object, where the service tells that.
    pub(crate) gone: Option<i64>,
}

/// One page of a list of versions. Keys ascend; all versions of a key stand together, over the end of a page too.
#[derive(Debug, Default)]
pub(crate) struct VersionPage {
    pub(crate) versions: Vec<Version>,
    /// Names that versions of others are below, without the slash at their end.
    pub(crate) below: Vec<String>,
    /// How to ask for the next page.
    pub(crate) next: Option<String>,
}

/// A piece of an object.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) bytes: Bytes,
    /// Size of the whole object.
    pub(crate) size: u64,
    /// Which version of the object it is of.
    pub(crate) version: Option<String>,
}

/// Bytes to be stored, with the hashes that the server checks, made where the CPU is to spend.
#[derive(Debug, Clone)]
pub(crate) struct Content<H> {
    pub(crate) bytes: Bytes,
    pub(crate) hashes: H,
}

/// One part of an upload that the server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: u32,
    /// What the server gave it.
    pub(crate) tag: String,
}

/// A bucket. Keys are whole names, without a slash at their beginning.
pub(crate) trait ObjectStore: Debug + Send + Sync + 'static {
    /// Hashes of a body that the server checks.
    type Hashes: Clone + Debug + Send + Sync + 'static;

    /// Whether the versions of one key are listed from the newest to the oldest; tells which of two of the same second is
    /// the newer one.
    const NEWEST_FIRST: bool = true;

    fn kind(&self) -> StorageKind;

    /// Connections made so far, lost ones included.
    fn connections(&self) -> usize;

    /// Hashes for a body; takes time of the CPU.
    fn hashes(&self, bytes: &[u8]) -> Self::Hashes;

    /// Size of part `number` (from 1 on) of an upload.
    fn part_size(&self, number: u32) -> usize;

    /// One page; `next` is what the page before said.
    fn list(
        &self,
        query: &ListQuery,
        next: Option<&str>,
    ) -> impl Future<Output = Outcome<Page>> + Send;

    /// Facts of an object; `None` where there is none.
    fn head(&self, key: &str) -> impl Future<Output = Outcome<Option<Facts>>> + Send;

    /// Bytes from `offset` on, at most `length` of them, of `version` if given; `None` where there is no such object. At or
    /// behind the end the piece is empty.
    fn get(
        &self,
        key: &str,
        offset: u64,
        length: u64,
        version: Option<&str>,
    ) -> impl Future<Output = Outcome<Option<Piece>>> + Send;

    /// Stores an object; `new`: only where there is none.
    fn put(
        &self,
        key: &str,
        content: Content<Self::Hashes>,
        new: bool,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// Begins an upload in parts and gives its name.
    fn start_upload(&self, key: &str) -> impl Future<Output = Outcome<String>> + Send;

    fn put_part(
        &self,
        key: &str,
        upload: &str,
        number: u32,
        content: Content<Self::Hashes>,
    ) -> impl Future<Output = Outcome<Part>> + Send;

    /// Makes an object of `size` bytes of the parts.
    fn complete_upload(
        &self,
        key: &str,
        upload: &str,
        parts: &[Part],
        size: u64,
    ) -> impl Future<Output = Outcome<()>> + Send;

    /// Gives an upload up; one that is gone is fine.
    fn abort_upload(&self, key: &str, upload: &str) -> impl Future<Output = Outcome<()>> + Send;

    /// Gives up uploads below `prefix` that were started more than a day ago, by the server's clock; tells how many. None where
    /// they are found by [`ListQuery::begun`].
    fn abort_old_uploads(
        &self,
        prefix: &str,
        one_level: bool,
    ) -> impl Future<Output = Outcome<usize>> + Send;

    /// Most keys of one removal.
    fn remove_limit(&self) -> usize;

    /// Removes objects; those that are not there are fine. The failure is that of the first key that stays, which is named.
    fn remove(&self, keys: &[String])
    -> impl Future<Output = Result<(), (String, Failure)>> + Send;

    /// Whether an object can be read by who sends no credentials.
    fn is_public(&self, key: &str) -> impl Future<Output = Outcome<bool>> + Send {
        let _ = key;
        async {
            Err(Failure {
                kind: ErrorKind::Unsupported,
                reason: "this storage cannot be asked without credentials".to_owned(),
                hints: Vec::new(),
            })
        }
    }

    /// Until when an object is locked; `None`: it can be removed, or is not there. Asked only with a lock in the settings.
    fn kept_until(&self, key: &str) -> impl Future<Output = Outcome<Option<KeptUntil>>> + Send {
        let _ = key;
        async { Ok(None) }
    }

    /// What is set for the bucket against removal.
    fn protection(&self) -> impl Future<Output = Outcome<BucketProtection>> + Send {
        async {
            Err(Failure {
                kind: ErrorKind::Unsupported,
                reason: "this storage does not tell what protects its files".to_owned(),
                hints: Vec::new(),
            })
        }
    }

    /// Fails with [`ErrorKind::Unsupported`] where what is replaced or removed is not kept as an older version. Asked once,
    /// before versions are listed.
    fn keeps_versions(&self) -> impl Future<Output = Outcome<()>> + Send {
        async { Err(no_versions()) }
    }

    /// One page of all versions; `next` is what the page before said.
    fn list_versions(
        &self,
        query: &ListQuery,
        next: Option<&str>,
    ) -> impl Future<Output = Outcome<VersionPage>> + Send {
        let _ = (query, next);
        async { Err(no_versions()) }
    }

    /// As [`ObjectStore::get`], of the version that a list named `id`.
    fn get_version(
        &self,
        key: &str,
        id: &str,
        offset: u64,
        length: u64,
    ) -> impl Future<Output = Outcome<Option<Piece>>> + Send {
        let _ = (key, id, offset, length);
        async { Err(no_versions()) }
    }
}

/// The failure of a store that keeps no versions, or whose versions cannot be read.
pub(crate) fn no_versions() -> Failure {
    Failure {
        kind: ErrorKind::Unsupported,
        reason: "this storage does not keep earlier versions of files".to_owned(),
        hints: vec![
            "remove repo-target-time: it reads the versions that a bucket keeps.".to_owned(),
        ],
    }
}
