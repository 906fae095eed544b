//! The calls on a container as Azure's requests.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

use super::client::{AzureClient, md5, with_body};
use super::failure::failure;
use super::missing::is_missing;
use super::remove::{Batches, LIMIT};
use super::{list, lock, upload, versions};
use crate::http::{Answer, HttpError, Request, seconds_of_header};
use crate::object::failure::broken;
use crate::object::part_size::{Growth, part_size};
use crate::object::piece::{piece, size_behind};
use crate::object::store::{
    Content, Facts, Failure, ListQuery, ObjectStore, Outcome, Page, Part, Piece, VersionPage,
};
use crate::protection::{BucketProtection, KeptUntil};
use crate::{ErrorKind, StorageKind};

/// A container of an account.
#[derive(Debug)]
pub(super) struct AzureStore {
    pub(super) client: Arc<AzureClient>,
    pub(super) batches: Batches,
}

/// What a server does with more than was asked for is bounded too.
const GET_SLACK: usize = 64 << 10;

impl ObjectStore for AzureStore {
    /// MD5 in base64.
    type Hashes = String;

    const NEWEST_FIRST: bool = false;

    fn kind(&self) -> StorageKind {
        StorageKind::Azure
    }

    fn connections(&self) -> usize {
        self.client.connections()
    }

    fn hashes(&self, bytes: &[u8]) -> String {
        md5(bytes)
    }

    fn part_size(&self, number: u32) -> usize {
        let first = self.client.settings().chunk_size;
        part_size(Growth::AZURE_AND_GCS, first, number)
    }

    async fn list(&self, query: &ListQuery, next: Option<&str>) -> Outcome<Page> {
        let mut page = list::page(&self.client, query, next).await?;
        // The service may give a page of nothing and say that there is more.
        while query.limit.is_some() && page.entries.is_empty() {
            let Some(next) = page.next.take() else {
                break;
            };
            page = list::page(&self.client, query, Some(&next)).await?;
        }
        Ok(page)
    }

    async fn head(&self, key: &str) -> Outcome<Option<Facts>> {
        self.facts(&self.client.request("HEAD", key)).await
    }

    async fn get(
        &self,
        key: &str,
        offset: u64,
        length: u64,
        version: Option<&str>,
    ) -> Outcome<Option<Piece>> {
        let mut request = self.client.request("GET", key);
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        self.read(request, key, offset, length).await
    }

    async fn put(&self, key: &str, content: Content<String>, new: bool) -> Outcome<()> {
        let mut request = self
            .client
            .for_new(self.client.request("PUT", key))
            .header("x-ms-blob-type", "BlockBlob");
        if new {
            request = request.header("if-none-match", "*");
        }
        let size = content.bytes.len();
        let request = with_body(request, content.bytes, &content.hashes);
        match self.client.try_to(&request).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let failure = self.client.not_made(&error);
                // The answer to an earlier try may be what was lost: then it is our own file that is there.
                let ours = failure.kind == ErrorKind::Exists
                    && !error.repetitions.is_empty()
                    && self.is_stored(key, size, &content.hashes).await?;
                if ours { Ok(()) } else { Err(failure) }
            }
        }
    }

    async fn start_upload(&self, _: &str) -> Outcome<String> {
        Ok(upload::start())
    }

    async fn put_part(
        &self,
        key: &str,
        upload: &str,
        number: u32,
        content: Content<String>,
    ) -> Outcome<Part> {
        upload::put_block(&self.client, key, upload, number, content).await
    }

    async fn complete_upload(&self, key: &str, _: &str, parts: &[Part], _: u64) -> Outcome<()> {
        upload::commit(&self.client, key, parts).await
    }

    async fn abort_upload(&self, _: &str, _: &str) -> Outcome<()> {
        // The blocks go with the directory, or the service forgets them after a week; see `upload`.
        Ok(())
    }

    async fn abort_old_uploads(&self, _: &str, _: bool) -> Outcome<usize> {
        Ok(0)
    }

    fn remove_limit(&self) -> usize {
        LIMIT
    }

    async fn remove(&self, keys: &[String]) -> Result<(), (String, Failure)> {
        self.batches.remove(&self.client, keys).await
    }

    async fn is_public(&self, key: &str) -> Outcome<bool> {
        self.client.is_public(key).await
    }

    async fn kept_until(&self, key: &str) -> Outcome<Option<KeptUntil>> {
        lock::kept_until(&self.client, key).await
    }

    async fn protection(&self) -> Outcome<BucketProtection> {
        lock::of_container(&self.client).await
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
        let mut request = self.client.request("GET", key);
        // A blob from before the account kept versions has no other.
        if !id.is_empty() {
            request = request.query("versionid", id);
        }
        self.read(request, key, offset, length).await
    }
}

impl AzureStore {
    fn failure(&self, error: &HttpError) -> Failure {
        failure(error, &self.client.settings().access)
    }

    /// Whether the blob has this size and hash.
    async fn is_stored(&self, key: &str, size: usize, md5: &str) -> Outcome<bool> {
        let answer = self.client.send(&self.client.request("HEAD", key)).await?;
        Ok(
            answer.header("content-length") == Some(size.to_string().as_str())
                && answer.header("content-md5") == Some(md5),
        )
    }

    /// What the answer to a HEAD says.
    async fn facts(&self, request: &Request) -> Outcome<Option<Facts>> {
        match self.client.try_to(request).await {
            Ok(answer) if is_directory(&answer) => Ok(None),
            Ok(answer) => facts(&answer).map(Some),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// A piece of a blob, or of a version of it.
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
            Ok(answer) if is_directory(&answer) => Ok(None),
            Ok(answer) => piece(&answer, offset, length).map(Some),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => match error.answer().map(|answer| answer.status) {
                Some(StatusCode::RANGE_NOT_SATISFIABLE) => self.beyond(&request, key, &error).await,
                Some(StatusCode::PRECONDITION_FAILED) => {
                    Err(broken("the file was replaced while it was read"))
                }
                _ => Err(self.failure(&error)),
            },
        }
    }

    /// The empty piece at or behind the end of a blob.
    async fn beyond(
        &self,
        request: &Request,
        key: &str,
        error: &HttpError,
    ) -> Outcome<Option<Piece>> {
        let size = match error.answer().and_then(size_behind) {
            Some(size) => size,
            None => {
                let mut head = self.client.request("HEAD", key);
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

/// A directory of an account with a hierarchical namespace, which answers as an empty blob would.
fn is_directory(answer: &Answer) -> bool {
    answer.header("x-ms-resource-type") == Some("directory")
        || answer.header("x-ms-meta-hdi_isfolder") == Some("true")
}

fn facts(answer: &Answer) -> Outcome<Facts> {
    let size = answer.header("content-length");
    let modified = answer.header("last-modified");
    match (
        size.and_then(|size| size.parse().ok()),
        modified.and_then(seconds_of_header),
    ) {
        (Some(size), Some(modified)) => Ok(Facts { size, modified }),
        _ => Err(broken("the server does not tell size and time of the file")),
    }
}
