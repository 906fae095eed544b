//! Versions that a bucket keeps of its objects (`ListObjectVersions`, `GetBucketVersioning`).

use super::client::{About, S3Client};
use super::failure::failure;
use super::list::{below, modified};
use crate::ErrorKind;
use crate::object::failure::broken;
use crate::object::store::{Facts, Failure, ListQuery, Outcome, Version, VersionPage, no_versions};
use crate::object::xml::Element;

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versioning {
    Enabled,
    /// It did, and still has those of that time.
    Suspended,
    Never,
}

const DOCUMENTS: [&str; 2] = ["VersioningConfiguration", "GetBucketVersioningResponse"];

/// Asks the bucket whether it keeps versions.
pub(super) async fn versioning(client: &S3Client) -> Outcome<Versioning> {
    let request = client
        .request("GET", "", About::Bucket)
        .query("versioning", "");
    let answer = client.send(&request).await?;
    match Element::parse(&answer.body) {
        // Some servers name it after the call.
        Ok(found) if DOCUMENTS.contains(&found.name.as_str()) => {
            Ok(match found.text_of("Status") {
                "Enabled" => Versioning::Enabled,
                "Suspended" => Versioning::Suspended,
                _ => Versioning::Never,
            })
        }
        Ok(other) => Err(broken(format!(
            "the server answered '{}' in place of 'VersioningConfiguration'",
            other.name
        ))),
        Err(error) => Err(broken(format!(
            "the server's 'VersioningConfiguration' cannot be read: {error}"
        ))),
    }
}

/// Fails where the bucket has no versions to read.
pub(super) async fn keeps_versions(client: &S3Client) -> Outcome<()> {
    let bucket = &client.settings().bucket;
    let none = |reason: String| Failure {
        reason,
        hints: vec![
            "versioning of the bucket must have been switched on before the time that is asked for."
                .to_owned(),
            "remove repo-target-time to read the repository as it is now.".to_owned(),
        ],
        ..no_versions()
    };
    match versioning(client).await {
        Ok(Versioning::Enabled) => Ok(()),
        Ok(Versioning::Suspended) => {
            log::warn!(
                "versioning of bucket '{bucket}' is suspended: what was replaced or removed since then may be missing \
                 among earlier versions"
            );
            Ok(())
        }
        Ok(Versioning::Never) => Err(none(format!(
            "bucket '{bucket}' does not keep earlier versions of files"
        ))),
        Err(failure) if failure.kind == ErrorKind::Unsupported => Err(none(format!(
            "the server of bucket '{bucket}' does not keep earlier versions of files"
        ))),
        // Who may list versions need not be allowed to ask for this.
        Err(failure) if failure.kind == ErrorKind::Denied => {
            log::debug!(
                "whether bucket '{bucket}' keeps versions is not told: {}",
                failure.reason
            );
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

/// One page of all versions.
pub(super) async fn page(
    client: &S3Client,
    query: &ListQuery,
    next: Option<&str>,
) -> Outcome<VersionPage> {
    let mut request = client
        .request("GET", "", About::Bucket)
        .query("versions", "")
        .query("prefix", &query.prefix);
    if query.one_level {
        request = request.query("delimiter", "/");
    }
    if let Some((key, version)) = next.and_then(|next| next.split_once('\0')) {
        request = request.query("key-marker", key);
        if !version.is_empty() {
            request = request.query("version-id-marker", version);
        }
    } else if let Some(after) = &query.after {
        request = request.query("key-marker", after);
    }
    let answer = match client.try_to(&request).await {
        Ok(answer) => answer,
        Err(error) => return Err(failure(&error)),
    };
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
    let list = Element::parse(body)?;
    if list.name != "ListVersionsResult" {
        return Err(format!("it is '{}'", list.name));
    }
    let mut page = VersionPage::default();
    for object in &list.children {
        let is_deletion = match object.name.as_str() {
            "Version" => false,
            "DeleteMarker" => true,
            _ => continue,
        };
        let key = object.child("Key").ok_or("a version has no key")?;
        let id = object.text_of("VersionId");
        let size = object.text_of("Size");
        page.versions.push(Version {
            key: key.text.clone(),
            id: (!is_deletion).then(|| id.to_owned()),
            facts: Facts {
                size: match is_deletion {
                    true => 0,
                    false => size
                        .parse()
                        .map_err(|_| format!("'{size}' is not a size"))?,
                },
                modified: modified(object)?,
            },
            gone: None,
        });
    }
    page.below = below(&list)?;
    if list.text_of("IsTruncated") == "true" {
        let key = list
            .child("NextKeyMarker")
            .filter(|key| !key.text.is_empty())
            .ok_or("there is more, and no word of how to get it")?;
        // A key cannot have this byte.
        page.next = Some(format!(
            "{}\0{}",
            key.text,
            list.text_of("NextVersionIdMarker")
        ));
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_deletions_and_the_next_page_are_read() {
        let body = "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>r/a &amp; b</NextKeyMarker>\
            <NextVersionIdMarker>v1</NextVersionIdMarker>\
            <DeleteMarker><Key>r/a &amp; b</Key><VersionId>v2</VersionId><LastModified>2026-11-28T22:00:01.000Z</LastModified></DeleteMarker>\
            <Version><Key>r/a &amp; b</Key><VersionId>v1</VersionId><Size>7</Size><LastModified>2026-11-28T22:00:00.000Z</LastModified></Version>\
            <CommonPrefixes><Prefix>r/dir/</Prefix></CommonPrefixes></ListVersionsResult>";
        let page = read(body.as_bytes()).unwrap();
        assert_eq!(page.next.as_deref(), Some("r/a & b\0v1"));
        assert_eq!(page.below, ["r/dir"]);
        let [deletion, version] = &page.versions[..] else {
            panic!("{page:?}");
        };
        assert_eq!(
            (deletion.id.as_deref(), deletion.facts.modified),
            (None, 1_795_903_201)
        );
        assert_eq!((version.id.as_deref(), version.facts.size), (Some("v1"), 7));
        assert_eq!(
            (version.key.as_str(), version.facts.modified),
            ("r/a & b", 1_795_903_200)
        );
    }

    #[test]
    fn a_list_without_sense_is_an_error() {
        for body in [
            "<Other/>",
            "<ListVersionsResult><Version><Key>a</Key></Version></ListVersionsResult>",
            "<ListVersionsResult><Version><Size>1</Size></Version></ListVersionsResult>",
            "<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>",
            "<html>",
        ] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
