//! Versions that a bucket keeps of its objects: generations, each with the time it came and the time it went.

use serde_json::Value;

use super::client::GcsClient;
use super::failure::failure;
use super::list::{Document, name, request};
use super::object::{number, seconds};
use crate::ErrorKind;
use crate::object::failure::broken;
use crate::object::store::{Facts, Failure, ListQuery, Outcome, Version, VersionPage, no_versions};

/// What is asked for of each version.
const FIELDS: &str = "name,size,generation,timeCreated,timeDeleted";

/// Fails where the bucket has no versions to read.
pub(super) async fn keeps_versions(client: &GcsClient) -> Outcome<()> {
    let bucket = &client.settings().bucket;
    let request = client.bucket("GET").query("fields", "versioning");
    let answer = match client.try_to(&request).await {
        Ok(answer) => answer,
        Err(error) => {
            let failure = failure(&error);
            // Who may list versions need not be allowed to ask for this.
            if failure.kind == ErrorKind::Denied {
                log::debug!(
                    "whether bucket '{bucket}' keeps versions is not told: {}",
                    failure.reason
                );
                return Ok(());
            }
            return Err(failure);
        }
    };
    let found: Value = serde_json::from_slice(&answer.body).map_err(|error| {
        broken(format!(
            "what the server tells of the bucket cannot be read: {error}"
        ))
    })?;
    let versioning = found.get("versioning");
    let enabled = versioning.and_then(|versioning| versioning.get("enabled")?.as_bool());
    match enabled {
        Some(true) => Ok(()),
        _ => Err(Failure {
            reason: format!("bucket '{bucket}' does not keep earlier versions of files"),
            hints: vec![
                "versioning of the bucket must have been switched on before the time that is asked for."
                    .to_owned(),
                "remove repo-target-time to read the repository as it is now.".to_owned(),
            ],
            ..no_versions()
        }),
    }
}

/// One page of all versions.
pub(super) async fn page(
    client: &GcsClient,
    query: &ListQuery,
    next: Option<&str>,
) -> Outcome<VersionPage> {
    let request = request(client, query, FIELDS, next).query("versions", "true");
    let answer = client.send(&request).await?;
    let mut page = read(&answer.body).map_err(|reason| {
        broken(format!(
            "the server's list of versions cannot be read: {reason}"
        ))
    })?;
    page.versions.retain(|version| {
        query
            .after
            .as_ref()
            .is_none_or(|after| version.key > *after)
    });
    Ok(page)
}

fn read(body: &[u8]) -> Result<VersionPage, String> {
    let list = Document::parse(body)?;
    let mut page = VersionPage {
        next: list.next()?,
        below: list.below()?,
        ..VersionPage::default()
    };
    for object in list.objects()? {
        let generation = number(object.get("generation")).ok_or("a version has no generation")?;
        let gone = match object.get("timeDeleted") {
            None => None,
            gone => Some(seconds(gone).ok_or("a version has no time when it went")?),
        };
        page.versions.push(Version {
            key: name(object)?,
            id: Some(generation.to_string()),
            facts: Facts {
                size: number(object.get("size")).ok_or("a version has no size")?,
                modified: seconds(object.get("timeCreated"))
                    .ok_or("a version has no time when it came")?,
            },
            gone,
        });
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_with_their_times_and_the_next_page_are_read() {
        let body = r#"{"nextPageToken":"t","prefixes":["r/dir/"],"items":[
            {"name":"r/a","size":"7","generation":"12345678901234567","timeCreated":"2026-11-28T22:00:00.5Z",
             "timeDeleted":"2026-11-28T22:00:01Z"},
            {"name":"r/a","size":"8","generation":"2","timeCreated":"2026-11-28T22:00:01Z"}]}"#;
        let page = read(body.as_bytes()).unwrap();
        assert_eq!(
            (page.next.as_deref(), page.below),
            (Some("t"), vec!["r/dir".to_owned()])
        );
        let [old, new] = &page.versions[..] else {
            panic!("two versions");
        };
        assert_eq!(old.id.as_deref(), Some("12345678901234567"));
        assert_eq!((old.facts.size, old.facts.modified), (7, 1_795_903_200));
        assert_eq!((old.gone, new.gone), (Some(1_795_903_201), None));
    }

    #[test]
    fn a_version_without_sense_is_an_error() {
        let good = r#"{"items":[{"name":"a","size":"1","generation":"1","timeCreated":"2026-11-28T22:00:00Z"}]}"#;
        assert!(read(good.as_bytes()).is_ok());
        for (part, other) in [
            ("name", "x"),
            ("size", "x"),
            ("generation", "x"),
            ("timeCreated", "x"),
            (r#""size":"1""#, r#""size":"1","timeDeleted":"soon""#),
        ] {
            let body = good.replace(part, other);
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
