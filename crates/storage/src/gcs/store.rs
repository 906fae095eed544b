//! The calls on a bucket as requests of the JSON API.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::client::GcsClient;
use super::failure::{failure, is_missing};
use super::object::{Checksum, facts};
use super::resumable::Uploads;
use super::session::STEP;
use super::{list, lock, upload, versions};
use crate::StorageKind;
use crate::http::{HttpError, Request};
use crate::object::failure::broken;
use crate::object::one_by_one::one_by_one;
use crate::object::piece::{piece, size_behind};
use crate::object::store::{
    Content, Facts, Failure, ListQuery, ObjectStore, Outcome, Page, Part, Piece, VersionPage,
};
use crate::protection::{BucketProtection, KeptUntil};

/// A bucket of GCS.
#[derive(Debug)]
pub(super) struct GcsStore {
    client: Arc<GcsClient>,
    uploads: Uploads,
}

/// Keys of one call of removal. Each is a request of its own, and all are under way at the same time: a batch of the service
/// saves connections and no time.
const REMOVED: usize = 32;

/// What a server does with more than was asked for is bounded too.
const GET_SLACK: usize = 64 << 10;

impl GcsStore {
    pub(super) fn new(client: GcsClient) -> Self {
        Self {
            client: Arc::new(client),
            uploads: Uploads::default(),
        }
    }

    /// A piece of an object.
    async fn read(&self, request: Request, offset: u64, length: u64) -> Outcome<Option<Piece>> {
        let last = offset.saturating_add(length).saturating_sub(1);
        let about = request.clone();
        let mut request = request
            .query("alt", "media")
            .header("range", format!("bytes={offset}-{last}"));
        request.answer_limit = usize::try_from(length)
            .unwrap_or(usize::MAX)
            .saturating_add(GET_SLACK);
        match self.client.try_to(&request).await {
            Ok(answer) => {
                let version = answer.header("x-goog-generation").map(str::to_owned);
                let piece = piece(&answer, offset, length)?;
                Ok(Some(Piece { version, ..piece }))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => match error.answer().map(|answer| answer.status) {
                Some(StatusCode::RANGE_NOT_SATISFIABLE) => self.beyond(about, &error).await,
                _ => Err(failure(&error)),
            },
        }
    }

    /// Size and time of an object, or of the generation of it that the request names.
    async fn facts(&self, request: Request) -> Outcome<Option<Facts>> {
        let request = request.query("fields", "size,updated");
        match self.client.try_to(&request).await {
            Ok(answer) => {
                let object: Option<Value> = serde_json::from_slice(&answer.body).ok();
                let found = object.ok_or_else(|| "it is no JSON".to_owned());
                let known = found.and_then(|object| facts(&object));
                known.map(Some).map_err(|reason| {
                    broken(format!(
                        "what the server tells of the file cannot be read: {reason}"
                    ))
                })
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failure(&error)),
        }
    }

    /// The empty piece at or behind the end of an object.
    async fn beyond(&self, about: Request, error: &HttpError) -> Outcome<Option<Piece>> {
        let size = match error.answer().and_then(size_behind) {
            Some(size) => size,
            None => match self.facts(about).await? {
                Some(facts) => facts.size,
                None => return Ok(None),
            },
        };
        Ok(Some(Piece {
            bytes: Bytes::new(),
            size,
            version: None,
        }))
    }
}

impl ObjectStore for GcsStore {
    type Hashes = Checksum;

    const NEWEST_FIRST: bool = false;

    fn kind(&self) -> StorageKind {
        StorageKind::Gcs
    }

    fn connections(&self) -> usize {
        self.client.connections()
    }

    fn hashes(&self, bytes: &[u8]) -> Checksum {
        Checksum::of(bytes)
    }

    /// All have one size: there may be any number of them.
    fn part_size(&self, _: u32) -> usize {
        self.client
            .settings()
            .chunk_size
            .max(1)
            .next_multiple_of(STEP)
    }

    async fn list(&self, query: &ListQuery, next: Option<&str>) -> Outcome<Page> {
        list::page(&self.client, query, next).await
    }

    async fn head(&self, key: &str) -> Outcome<Option<Facts>> {
        self.facts(self.client.request("GET", key)).await
    }

    async fn get(
        &self,
        key: &str,
        offset: u64,
        length: u64,
        version: Option<&str>,
    ) -> Outcome<Option<Piece>> {
        let request = self.client.request("GET", key);
        let Some(version) = version else {
            return self.read(request, offset, length).await;
        };
        let request = request.query("generation", version);
        let found = self.read(request, offset, length).await?;
        // A bucket without versions forgets the generation that is read.
        match found {
            Some(piece) => Ok(Some(piece)),
            None => Err(broken("the file was replaced while it was read")),
        }
    }

    async fn put(&self, key: &str, content: Content<Checksum>, new: bool) -> Outcome<()> {
        upload::put(&self.client, key, content, new).await
    }

    async fn start_upload(&self, key: &str) -> Outcome<String> {
        self.uploads.start(&self.client, key).await
    }

    async fn put_part(
        &self,
        _: &str,
        upload: &str,
        number: u32,
        content: Content<Checksum>,
    ) -> Outcome<Part> {
        self.uploads
            .put_part(&self.client, upload, number, content)
            .await
    }

    async fn complete_upload(&self, _: &str, upload: &str, _: &[Part], size: u64) -> Outcome<()> {
        self.uploads.complete(&self.client, upload, size).await
    }

    async fn abort_upload(&self, _: &str, upload: &str) -> Outcome<()> {
        self.uploads.abort(&self.client, upload).await
    }

    async fn abort_old_uploads(&self, _: &str, _: bool) -> Outcome<usize> {
        // The service lists none of them, takes no money for them, and forgets them after a week.
        Ok(0)
    }

    fn remove_limit(&self) -> usize {
        REMOVED
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
        let request = self.client.request("GET", key).query("generation", id);
        self.read(request, offset, length).await
    }

    async fn remove(&self, keys: &[String]) -> Result<(), (String, Failure)> {
        one_by_one(keys.iter().collect(), |key| {
            let client = Arc::clone(&self.client);
            async move {
                match client.try_to(&client.request("DELETE", &key)).await {
                    Ok(_) => Ok(()),
                    Err(error) if is_missing(&error) => Ok(()),
                    Err(error) => Err(failure(&error)),
                }
            }
        })
        .await
    }
}
