//! Removal of blobs, many with one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;

use super::batch::{body, statuses};
use super::client::{AzureClient, md5, random_name, with_body};
use super::failure::failure;
use super::lock::{hide, is_locked};
use super::missing::is_missing;
use crate::http::{Answer, HttpError};
use crate::object::one_by_one::one_by_one;
use crate::object::store::Failure;

/// Blobs of one request.
pub(super) const LIMIT: usize = 256;

/// Whether the server has refused several removals in one request: then it is not asked again.
#[derive(Debug, Default)]
pub(super) struct Batches {
    refused: AtomicBool,
}

impl Batches {
    /// Removes blobs; what a request for many leaves is tried once more alone, which gives the reason.
    pub(super) async fn remove(
        &self,
        client: &Arc<AzureClient>,
        keys: &[String],
    ) -> Result<(), (String, Failure)> {
        let mut alone: Vec<&String> = keys.iter().collect();
        if keys.len() > 1 && !self.refused.load(Ordering::Relaxed) {
            let gone = self
                .batch(client, keys)
                .await
                .map_err(|failure| (keys[0].clone(), failure))?;
            let mut gone = gone.into_iter();
            alone.retain(|_| gone.next() != Some(true));
        }
        one_by_one(alone, |key| {
            let client = Arc::clone(client);
            async move { single(&client, &key).await }
        })
        .await
    }

    /// Removes many; tells of each whether it is gone.
    async fn batch(&self, client: &AzureClient, keys: &[String]) -> Result<Vec<bool>, Failure> {
        let mut requests = Vec::with_capacity(keys.len());
        for key in keys {
            let request = client.request("DELETE", key);
            let authorized = client.authorized(&request, true).await;
            requests.push(authorized.map_err(|reason| {
                let error = HttpError::new(&request, crate::http::Outcome::NotMade(reason.into()));
                failure(&error, &client.settings().access)
            })?);
        }
        let boundary = format!("batch_{}", random_name());
        let body = body(&requests, &boundary);
        let hash = md5(&body);
        let request = client.request("POST", "").query("comp", "batch").header(
            "content-type",
            format!("multipart/mixed; boundary={boundary}"),
        );
        match client.try_to(&with_body(request, body, &hash)).await {
            Ok(answer) => Ok(statuses(&answer, keys.len())
                .into_iter()
                .map(|status| matches!(status, Some(200..=299 | 404)))
                .collect()),
            // A server that cannot do this, or does not let us: one by one, where each has its own answer.
            Err(error) if error.answer().is_some_and(is_final) => {
                self.refused.store(true, Ordering::Relaxed);
                Ok(vec![false; keys.len()])
            }
            Err(error) => Err(failure(&error, &client.settings().access)),
        }
    }
}

/// A refusal that says nothing of a busy server.
fn is_final(answer: &Answer) -> bool {
    answer.status == StatusCode::NOT_IMPLEMENTED
        || answer.status.is_client_error() && !matches!(answer.status.as_u16(), 408 | 429)
}

/// Removes one; one that is locked only loses its name, where the settings say that there are locks.
async fn single(client: &AzureClient, key: &str) -> Result<(), Failure> {
    let removed = match client.try_to(&client.request("DELETE", key)).await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) if client.settings().objects.lock.is_some() && is_locked(&error) => {
            hide(client, key).await
        }
        Err(error) => Err(error),
    };
    removed.map_err(|error| failure(&error, &client.settings().access))
}
