//! Pages of a list (`ListObjectsV2`).

use super::client::{About, S3Client};
use crate::ErrorKind;
use crate::object::store::{Facts, Failure, ListQuery, Listed, Outcome, Page};
use crate::object::xml::Element;

/// One page, from the beginning or from where the last one ended.
pub(super) async fn page(
    client: &S3Client,
    query: &ListQuery,
    next: Option<&str>,
) -> Outcome<Page> {
    let mut request = client
        .request("GET", "", About::Bucket)
        .query("list-type", "2")
        .query("prefix", &query.prefix);
    if query.one_level {
        request = request.query("delimiter", "/");
    }
    if let Some(limit) = query.limit {
        request = request.query("max-keys", limit.to_string());
    }
    match (next, &query.after) {
        (Some(token), _) => request = request.query("continuation-token", token),
        (None, Some(after)) => request = request.query("start-after", after),
        (None, None) => {}
    }
    let answer = client.send(&request).await?;
    read(&answer.body).map_err(|reason| Failure {
        kind: ErrorKind::Broken,
        reason: format!("the server's list cannot be read: {reason}"),
        hints: Vec::new(),
    })
}

fn read(body: &[u8]) -> Result<Page, String> {
    let list = Element::parse(body)?;
    if list.name != "ListBucketResult" {
        return Err(format!("it is '{}'", list.name));
    }
    let mut page = Page::default();
    for object in list.all("Contents") {
        let key = object.child("Key").ok_or("an object has no name")?;
        let size = object.text_of("Size");
        page.entries.push(Listed {
            key: key.text.clone(),
            facts: Some(Facts {
                size: size
                    .parse()
                    .map_err(|_| format!("'{size}' is not a size"))?,
                modified: modified(object)?,
            }),
        });
    }
    for key in below(&list)? {
        page.entries.push(Listed { key, facts: None });
    }
    if list.text_of("IsTruncated") == "true" {
        let token = list.text_of("NextContinuationToken");
        if token.is_empty() {
            return Err("there is more, and no word of how to get it".to_owned());
        }
        page.next = Some(token.to_owned());
    }
    Ok(page)
}

/// When an object was stored, in seconds since 1970.
pub(super) fn modified(object: &Element) -> Result<i64, String> {
    let modified = object.text_of("LastModified");
    let parsed = modified.parse::<jiff::Timestamp>();
    parsed
        .map(jiff::Timestamp::as_second)
        .map_err(|_| format!("'{modified}' is not a time"))
}

/// Names in a list that others are below.
pub(super) fn below(list: &Element) -> Result<Vec<String>, String> {
    let names = list.all("CommonPrefixes").map(|prefix| {
        let name = prefix.child("Prefix").ok_or("a prefix has no name")?;
        Ok(name.text.trim_end_matches('/').to_owned())
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_prefixes_and_the_next_page_are_read() {
        let body = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t=</NextContinuationToken>\
            <Contents><Key>r/a &amp; b</Key><Size>7</Size><LastModified>2026-11-28T22:00:00.000Z</LastModified></Contents>\
            <CommonPrefixes><Prefix>r/dir/</Prefix></CommonPrefixes></ListBucketResult>";
        let page = read(body.as_bytes()).unwrap();
        assert_eq!(page.next.as_deref(), Some("t="));
        let (file, directory) = (&page.entries[0], &page.entries[1]);
        assert_eq!(file.key, "r/a & b");
        assert_eq!(
            file.facts,
            Some(Facts {
                size: 7,
                modified: 1_795_903_200
            })
        );
        assert_eq!((directory.key.as_str(), directory.facts), ("r/dir", None));
    }

    #[test]
    fn a_list_without_sense_is_an_error() {
        for body in [
            "<Other/>",
            "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "<html>",
        ] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
