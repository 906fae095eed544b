//! The calls on a bucket as S3's requests.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

use super::client::{About, Hashes, S3Client, with_body};
use super::failure::{error_of, failure};
use super::{list, lock, remove, upload, versions};
use crate::http::{Answer, HttpError, Request, seconds_of_header};
use crate::object::failure::broken;
use crate::object::part_size::{Growth, part_size};
use crate::object::piece::{piece, size_behind};
use crate::object::store::{
    Content, Facts, Failure, ListQuery, ObjectStore, Outcome, Page, Part, Piece, VersionPage,
};
use crate::protection::{BucketProtection, KeptUntil};
use crate::{ErrorKind, StorageKind};

/// A bucket of an S3 server.
#[derive(Debug)]
pub(super) struct S3Store {
    pub(super) client: Arc<S3Client>,
}

/// What a server does with more than was asked for is bounded too.
const GET_SLACK: usize = 64 << 10;

impl ObjectStore for S3Store {
    type Hashes = Hashes;

    fn kind(&self) -> StorageKind {
        StorageKind::S3
    }

    fn connections(&self) -> usize {
        self.client.connections()
    }

    fn hashes(&self, bytes: &[u8]) -> Hashes {
        Hashes::of(bytes)
    }

    fn part_size(&self, number: u32) -> usize {
        part_size(Growth::S3, self.client.settings().chunk_size, number)
    }

    async fn list(&self, query: &ListQuery, next: Option<&str>) -> Outcome<Page> {
        list::page(&self.client, query, next).await
    }

    async fn head(&self, key: &str) -> Outcome<Option<Facts>> {
        self.facts(&self.client.request("HEAD", key, About::Content))
            .await
    }

    async fn get(
        &self,
        key: &str,
        offset: u64,
        length: u64,
        version: Option<&str>,
    ) -> Outcome<Option<Piece>> {
        let mut request = self.client.request("GET", key, About::Content);
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        self.read(request, key, offset, length).await
    }

    async fn put(&self, key: &str, content: Content<Hashes>, new: bool) -> Outcome<()> {
        let mut request = self.client.request("PUT", key, About::New);
        if new {
            if self.head(key).await?.is_some() {
                return Err(Failure {
                    kind: ErrorKind::Exists,
                    reason: "the file exists".to_owned(),
                    hints: Vec::new(),
                });
            }
            request = request.header("if-none-match", "*");
        }
        let bytes = content.bytes.clone();
        let request = with_body(request, content.bytes, &content.hashes);
        match self.client.try_to(&request).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let failure = failure(&error);
                // The answer to an earlier try may be what was lost: then the object in the way is ours.
                let repeated = failure.kind == ErrorKind::Exists && !error.repetitions.is_empty();
                if repeated && self.holds(key, &bytes).await? {
                    return Ok(());
                }
                Err(failure)
            }
        }
    }

    async fn start_upload(&self, key: &str) -> Outcome<String> {
        upload::start(&self.client, key).await
    }

    async fn put_part(
        &self,
        key: &str,
        upload: &str,
        number: u32,
        content: Content<Hashes>,
    ) -> Outcome<Part> {
        upload::put_part(&self.client, key, upload, number, content).await
    }

    async fn complete_upload(
        &self,
        key: &str,
        upload: &str,
        parts: &[Part],
        size: u64,
    ) -> Outcome<()> {
        upload::complete(&self.client, key, upload, parts, size).await
    }

    async fn abort_upload(&self, key: &str, upload: &str) -> Outcome<()> {
        upload::abort(&self.client, key, upload).await
    }

    async fn abort_old_uploads(&self, prefix: &str, one_level: bool) -> Outcome<usize> {
        upload::abort_old(&self.client, prefix, one_level).await
    }

    fn remove_limit(&self) -> usize {
        remove::LIMIT
    }

    async fn remove(&self, keys: &[String]) -> Result<(), (String, Failure)> {
        remove::remove(&self.client, keys).await
    }

    async fn is_public(&self, key: &str) -> Outcome<bool> {
        self.client.is_public(key).await
    }

    async fn kept_until(&self, key: &str) -> Outcome<Option<KeptUntil>> {
        lock::kept_until(&self.client, key).await
    }

    async fn protection(&self) -> Outcome<BucketProtection> {
        lock::of_bucket(&self.client).await
    }

    async fn keeps_versions(&self) -> Outcome<()> {
        versions::keeps_versions(&self.client).await
    }

    async fn list_versions(&self, query: &ListQuery, next: Option<&str>) -> Outcome<VersionPage> {
        versions::page(&self.client, query, next).await
    }

    async fn get_version(
        &self,
        key: &str,
        id: &str,
        offset: u64,
        length: u64,
    ) -> Outcome<Option<Piece>> {
        let request = self.client.request("GET", key, About::Content);
        self.read(request.query("versionId", id), key, offset, length)
            .await
    }
}

impl S3Store {
    /// What the answer to a HEAD says.
    async fn facts(&self, request: &Request) -> Outcome<Option<Facts>> {
        match self.client.try_to(request).await {
            Ok(answer) => Ok(Some(Facts {
                size: number(&answer, "content-length").unwrap_or(0),
                modified: answer
                    .header("last-modified")
                    .and_then(seconds_of_header)
                    .unwrap_or(0),
            })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failure(&error)),
        }
    }

    /// A piece of an object, or of a version of it.
    async fn read(
        &self,
        request: Request,
        key: &str,
        offset: u64,
        length: u64,
    ) -> Outcome<Option<Piece>> {
        let last = offset.saturating_add(length).saturating_sub(1);
        let mut request = request.header("range", format!("bytes={offset}-{last}"));
        request.answer_limit = usize::try_from(length)
            .unwrap_or(usize::MAX)
            .saturating_add(GET_SLACK);
        match self.client.try_to(&request).await {
            Ok(answer) => piece(&answer, offset, length).map(Some),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => match error.answer().map(|answer| answer.status) {
                Some(StatusCode::RANGE_NOT_SATISFIABLE) => self.beyond(&request, key, &error).await,
                Some(StatusCode::PRECONDITION_FAILED) => {
                    Err(broken("the file was replaced while it was read"))
                }
                _ => Err(failure(&error)),
            },
        }
    }

    /// Whether the object is of exactly these bytes. They are read: a tag is no hash of them where the server encrypts.
    async fn holds(&self, key: &str, bytes: &Bytes) -> Outcome<bool> {
        let length = bytes.len() as u64;
        let found = self.get(key, 0, length.max(1), None).await?;
        Ok(found.is_some_and(|piece| piece.size == length && piece.bytes == *bytes))
    }

    /// The empty piece at or behind the end of an object.
    async fn beyond(
        &self,
        request: &Request,
        key: &str,
        error: &HttpError,
    ) -> Outcome<Option<Piece>> {
        let size = match error.answer().and_then(size_behind) {
            Some(size) => size,
            None => {
                let mut head = self.client.request("HEAD", key, About::Content);
                // The version is named there.
                head.query.clone_from(&request.query);
                match self.facts(&head).await? {
                    Some(facts) => facts.size,
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(Piece {
            bytes: Bytes::new(),
            size,
            version: None,
        }))
    }
}

/// No such object; a missing bucket is another matter.
fn is_missing(error: &HttpError) -> bool {
    error.answer().is_some_and(|answer| {
        answer.status == StatusCode::NOT_FOUND
            && error_of(answer).is_none_or(|(code, _)| code != "NoSuchBucket")
    })
}

fn number(answer: &Answer, header: &str) -> Option<u64> {
    answer.header(header)?.parse().ok()
}
