//! Version-level immutability: how long a blob is locked, what is set for the container, and how a locked blob is removed.
//!
//! A locked blob can be replaced, where the account keeps versions: the old content stays as a version that is locked as before.
//! It cannot be removed by its name. So what is removed is replaced by an empty blob that is not locked, and that one is removed:
//! what S3 does with one request.

use bytes::Bytes;

use super::client::{AzureClient, md5, with_body};
use super::failure::{code_of, failure};
use super::lock_header::{UNTIL, with_short_lock};
use super::missing::is_missing;
use super::versions;
use crate::ErrorKind;
use crate::http::{HttpError, seconds_of_header};
use crate::object::failure::broken;
use crate::object::store::{ListQuery, Outcome};
use crate::protection::{BucketProtection, KeptUntil};

/// Until when a blob is locked; `None`: it is not, not any more, or it is not there.
pub(super) async fn kept_until(client: &AzureClient, key: &str) -> Outcome<Option<KeptUntil>> {
    let head = match client.try_to(&client.request("HEAD", key)).await {
        Ok(head) => head,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(failure(&error, &client.settings().access)),
    };
    if head.header("x-ms-legal-hold") == Some("true") {
        return Ok(Some(KeptUntil::Hold));
    }
    let Some(text) = head.header(UNTIL) else {
        return Ok(None);
    };
    let until = seconds_of_header(text).ok_or_else(|| {
        broken(format!(
            "'{text}' is not a time until which a file is locked"
        ))
    })?;
    Ok((until > client.now()).then_some(KeptUntil::Time(until)))
}

/// What is set for the container. Whether it gives new blobs a lock by itself is told only to who administers it.
pub(super) async fn of_container(client: &AzureClient) -> Outcome<BucketProtection> {
    let locks = match client.try_to(&client.request("HEAD", "")).await {
        // A server that knows no such thing does not say that it has it.
        Ok(head) => {
            let enabled = head.header("x-ms-immutable-storage-with-versioning-enabled");
            Some(enabled == Some("true"))
        }
        Err(error) => match failure(&error, &client.settings().access) {
            failure if failure.kind == ErrorKind::Denied => None,
            failure => return Err(failure),
        },
    };
    let versions = match locks {
        // One comes only with the other.
        Some(true) => Some(true),
        _ => some_have_versions(client).await?,
    };
    Ok(BucketProtection {
        versions,
        locks,
        default_lock: None,
    })
}

/// Whether blobs of the repository have versions; `None`: there are none.
async fn some_have_versions(client: &AzureClient) -> Outcome<Option<bool>> {
    let root = client.settings().objects.root.trim_matches('/');
    let query = ListQuery {
        prefix: match root {
            "" => String::new(),
            root => format!("{root}/"),
        },
        ..ListQuery::default()
    };
    let page = match versions::page(client, &query, None).await {
        Ok(page) => page,
        Err(failure) if matches!(failure.kind, ErrorKind::Denied | ErrorKind::Unsupported) => {
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    let mut ids = page.versions.iter().map(|version| version.id.as_deref());
    Ok((!page.versions.is_empty()).then(|| ids.any(|id| id.is_some_and(|id| !id.is_empty()))))
}

/// A refusal because the blob is locked.
pub(super) fn is_locked(error: &HttpError) -> bool {
    error
        .answer()
        .is_some_and(|answer| code_of(answer) == "BlobImmutableDueToPolicy")
}

/// Removes the name of a blob that is locked. Its content stays as a version. Readers see an empty file in between; nobody
/// needs what is removed.
pub(super) async fn hide(client: &AzureClient, key: &str) -> Result<(), HttpError> {
    let put = client
        .request("PUT", key)
        .header("x-ms-blob-type", "BlockBlob");
    let put = with_body(put, Bytes::new(), &md5(b""));
    client.try_to(&with_short_lock(put, client.now())).await?;
    let unlock = client
        .request("DELETE", key)
        .query("comp", "immutabilityPolicies");
    match client.try_to(&unlock).await {
        // Another run removed it meanwhile.
        Err(error) if !is_missing(&error) => return Err(error),
        _ => {}
    }
    match client.try_to(&client.request("DELETE", key)).await {
        Err(error) if !is_missing(&error) => Err(error),
        _ => Ok(()),
    }
}
