//! Versions that an account keeps of its blobs (`List Blobs` with `include=versions`).
//!
//! When a version ceased to be the blob is told only by the one that replaced it: the service keeps no mark of a removal.
//! So a blob that was removed before the time that is asked for is shown, as with pgBackRest.

use super::client::AzureClient;
use super::list::{documents, facts, name, request};
use crate::object::failure::broken;
use crate::object::store::{Failure, ListQuery, Outcome, Version, VersionPage, no_versions};
use crate::object::xml::Element;

/// Fails where no blob of the repository has a version. The account knows whether it keeps them, but tells only who
/// administers it.
pub(super) async fn keeps_versions(client: &AzureClient) -> Outcome<()> {
    let root = client.settings().objects.root.trim_matches('/');
    let query = ListQuery {
        prefix: match root {
            "" => String::new(),
            root => format!("{root}/"),
        },
        ..ListQuery::default()
    };
    let mut next = None;
    let mut some = false;
    loop {
        let page = page(client, &query, next.as_deref()).await?;
        // A blob from before the account kept them has none.
        if page
            .versions
            .iter()
            .any(|version| version.id.as_deref() != Some(""))
        {
            return Ok(());
        }
        some |= !page.versions.is_empty();
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    if !some {
        return Ok(());
    }
    let account = &client.settings().account;
    Err(Failure {
        reason: format!("account '{account}' does not keep earlier versions of files"),
        hints: vec![
            "versioning of the account must have been switched on before the time that is asked for."
                .to_owned(),
            "remove repo-target-time to read the repository as it is now.".to_owned(),
        ],
        ..no_versions()
    })
}

/// One page of all versions, of each blob from the oldest to the newest.
pub(super) async fn page(
    client: &AzureClient,
    query: &ListQuery,
    next: Option<&str>,
) -> Outcome<VersionPage> {
    let request = request(client, query, next).query("include", "versions");
    let answer = client.send(&request).await?;
    let page = read(&answer.body).map_err(|reason| {
        broken(format!(
            "the server's list of versions cannot be read: {reason}"
        ))
    })?;
    if page.next.is_some() && page.next.as_deref() == next {
        return Err(broken("the server's list of versions does not end"));
    }
    Ok(page)
}

fn read(body: &[u8]) -> Result<VersionPage, String> {
    let (entries, next) = documents(body)?;
    let mut page = VersionPage {
        next,
        ..VersionPage::default()
    };
    for entry in &entries {
        let key = name(entry)?;
        if entry.name == "BlobPrefix" {
            page.below.push(key.trim_end_matches('/').to_owned());
        } else if let Some(facts) = facts(entry)? {
            page.versions.push(version(entry, key, facts));
        }
    }
    Ok(page)
}

fn version(entry: &Element, key: String, facts: crate::object::store::Facts) -> Version {
    Version {
        key,
        id: Some(entry.text_of("VersionId").to_owned()),
        facts,
        gone: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_with_their_names() {
        let blob = |name: &str, id: &str| {
            format!(
                "<Blob><Name>{name}</Name>{id}<Properties><Last-Modified>Sat, 28 Nov 2026 22:00:00 GMT</Last-Modified>\
                 <Content-Length>7</Content-Length></Properties></Blob>"
            )
        };
        let body = format!(
            "<EnumerationResults><Blobs>{}{}<BlobPrefix><Name>r/d/</Name></BlobPrefix></Blobs><NextMarker>m</NextMarker></EnumerationResults>",
            blob("r/a", "<VersionId>2026-11-28T22:00:00.1Z</VersionId>"),
            blob("r/b", ""),
        );
        let page = read(body.as_bytes()).unwrap();
        let ids: Vec<_> = page
            .versions
            .iter()
            .map(|version| (version.key.as_str(), version.id.as_deref()))
            .collect();
        assert_eq!(
            ids,
            [("r/a", Some("2026-11-28T22:00:00.1Z")), ("r/b", Some(""))]
        );
        assert_eq!(
            (page.below, page.next),
            (vec!["r/d".to_owned()], Some("m".to_owned()))
        );
        assert!(read(b"<Other/>").is_err());
    }
}
