//! Pages of a list (`List Blobs`).

use http::StatusCode;

use super::client::AzureClient;
use super::failure::failure;
use crate::http::{Answer, Request, percent_decode, seconds_of_header};
use crate::object::failure::broken;
use crate::object::store::{Facts, ListQuery, Listed, Outcome, Page};
use crate::object::xml::Element;

/// The request for a page, from the beginning or from where the last one ended.
pub(super) fn request(client: &AzureClient, query: &ListQuery, next: Option<&str>) -> Request {
    let mut request = client
        .request("GET", "")
        .query("comp", "list")
        .query("prefix", &query.prefix);
    if query.one_level {
        request = request.query("delimiter", "/");
    }
    if let Some(limit) = query.limit {
        request = request.query("maxresults", limit.to_string());
    }
    if query.begun {
        request = request.query("include", "uncommittedblobs");
    }
    if let Some(marker) = next {
        request = request.query("marker", marker);
    }
    request
}

/// One page. Lists begin with the prefix, whatever comes before [`ListQuery::after`]: the service cannot skip it.
pub(super) async fn page(
    client: &AzureClient,
    query: &ListQuery,
    next: Option<&str>,
) -> Outcome<Page> {
    let answer = match client.try_to(&request(client, query, next)).await {
        Ok(answer) => answer,
        // A server that has no such list: what was begun stays, which it forgets in the end.
        Err(error) if query.begun && error.answer().is_some_and(has_no_such_list) => {
            let query = ListQuery {
                begun: false,
                ..query.clone()
            };
            client.send(&request(client, &query, next)).await?
        }
        Err(error) => return Err(failure(&error, &client.settings().access)),
    };
    let mut page = read(&answer.body, query.begun)
        .map_err(|reason| broken(format!("the server's list cannot be read: {reason}")))?;
    if page.next.is_some() && page.next.as_deref() == next {
        return Err(broken("the server's list does not end"));
    }
    if let Some(after) = &query.after {
        page.entries.retain(|entry| entry.key > *after);
    }
    Ok(page)
}

fn has_no_such_list(answer: &Answer) -> bool {
    matches!(
        answer.status,
        StatusCode::BAD_REQUEST | StatusCode::NOT_IMPLEMENTED
    )
}

/// `begun`: the list has blobs of which nothing is committed. They were never modified, so they have no time.
fn read(body: &[u8], begun: bool) -> Result<Page, String> {
    let (entries, next) = documents(body)?;
    let mut page = Page {
        next,
        ..Page::default()
    };
    for entry in &entries {
        let key = name(entry)?;
        if entry.name == "BlobPrefix" {
            page.entries.push(Listed {
                key: key.trim_end_matches('/').to_owned(),
                facts: None,
            });
        } else if begun && has_no_time(entry) {
            page.entries.push(Listed {
                key,
                facts: Some(Facts::default()),
            });
        } else if let Some(facts) = facts(entry)? {
            page.entries.push(Listed {
                key,
                facts: Some(facts),
            });
        }
    }
    Ok(page)
}

/// The blobs and prefixes of a list, and how to ask for more.
pub(super) fn documents(body: &[u8]) -> Result<(Vec<Element>, Option<String>), String> {
    let mut list = Element::parse(body)?;
    if list.name != "EnumerationResults" {
        return Err(format!("it is '{}'", list.name));
    }
    let next = list.text_of("NextMarker").to_owned();
    let blobs = list.children.iter_mut().find(|child| child.name == "Blobs");
    let mut entries = std::mem::take(&mut blobs.ok_or("it has no blobs")?.children);
    entries.retain(|entry| entry.name == "Blob" || entry.name == "BlobPrefix");
    Ok((entries, Some(next).filter(|next| !next.is_empty())))
}

pub(super) fn name(entry: &Element) -> Result<String, String> {
    let name = entry.child("Name").ok_or("a blob has no name")?;
    if name.has("Encoded", "true") {
        // Characters that XML cannot hold.
        return percent_decode(&name.text).ok_or(format!("'{}' is not a name", name.text));
    }
    Ok(name.text.clone())
}

fn has_no_time(entry: &Element) -> bool {
    let known = entry.child("Properties");
    known.is_some_and(|known| {
        known.child("Last-Modified").is_none() && known.text_of("ResourceType") != "directory"
    })
}

/// Size and time; `None` for a directory, which accounts with a hierarchical namespace list as a blob.
pub(super) fn facts(entry: &Element) -> Result<Option<Facts>, String> {
    let known = entry
        .child("Properties")
        .ok_or("a blob has no properties")?;
    if known.text_of("ResourceType") == "directory" {
        return Ok(None);
    }
    let size = known.text_of("Content-Length");
    let modified = known.text_of("Last-Modified");
    Ok(Some(Facts {
        size: size
            .parse()
            .map_err(|_| format!("'{size}' is not a size"))?,
        modified: seconds_of_header(modified).ok_or(format!("'{modified}' is not a time"))?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_prefixes_and_the_next_page_are_read() {
        let body = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"x\"><Prefix>r/</Prefix><Blobs>\
            <Blob><Name>r/a &amp; b </Name><Properties><Last-Modified>Sat, 28 Nov 2026 22:00:00 GMT</Last-Modified>\
            <Content-Length>7</Content-Length></Properties></Blob>\
            <BlobPrefix><Name>r/dir/</Name></BlobPrefix>\
            <Blob><Name>r/d</Name><Properties><ResourceType>directory</ResourceType></Properties></Blob>\
            <Blob><Name Encoded=\"true\">r/%EF%BF%BE</Name><Properties><Last-Modified>Sat, 28 Nov 2026 22:00:00 GMT</Last-Modified>\
            <Content-Length>0</Content-Length></Properties></Blob></Blobs><NextMarker>m=</NextMarker></EnumerationResults>";
        let page = read(body.as_bytes(), false).unwrap();
        assert_eq!(page.next.as_deref(), Some("m="));
        let keys: Vec<&str> = page.entries.iter().map(|entry| &*entry.key).collect();
        assert_eq!(keys, ["r/a & b ", "r/dir", "r/\u{fffe}"]);
        let facts = Facts {
            size: 7,
            modified: 1_795_903_200,
        };
        assert_eq!(page.entries[0].facts, Some(facts));
        assert_eq!(page.entries[1].facts, None);
    }

    #[test]
    fn a_blob_of_which_nothing_is_committed_is_listed_where_it_was_asked_for() {
        let body = "<EnumerationResults><Blobs><Blob><Name>r/a</Name><Properties><Content-Length>0</Content-Length>\
            <BlobType>BlockBlob</BlobType></Properties></Blob></Blobs><NextMarker/></EnumerationResults>";
        let page = read(body.as_bytes(), true).unwrap();
        assert_eq!(page.entries[0].key, "r/a");
        assert_eq!(page.entries[0].facts, Some(Facts::default()));
        assert!(
            read(body.as_bytes(), false).is_err(),
            "it was not asked for"
        );
    }

    #[test]
    fn a_list_without_sense_is_an_error() {
        let list = |blobs: &str| format!("<EnumerationResults>{blobs}</EnumerationResults>");
        let blob = |inside: &str| list(&format!("<Blobs><Blob>{inside}</Blob></Blobs>"));
        for body in [
            "<Other/>".to_owned(),
            list(""),
            blob(""),
            blob("<Name>a</Name>"),
            blob("<Name>a</Name><Properties><Content-Length>-1</Content-Length></Properties>"),
            blob("<Name>a</Name><Properties><Content-Length>1</Content-Length></Properties>"),
            "<html>".to_owned(),
        ] {
            assert!(read(body.as_bytes(), false).is_err(), "{body}");
        }
        let none = list("<Blobs/><NextMarker/>");
        assert_eq!(read(none.as_bytes(), false).unwrap().next, None);
    }
}
