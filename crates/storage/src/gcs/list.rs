//! Pages of a list of objects.

use serde_json::Value;

use super::client::GcsClient;
use super::object::facts;
use crate::http::Request;
use crate::object::failure::broken;
use crate::object::store::{ListQuery, Listed, Outcome, Page};

/// What is asked for of each object; the service sends much more otherwise.
const FIELDS: &str = "name,size,updated";

/// One page, from the beginning or from where the last one ended.
pub(super) async fn page(
    client: &GcsClient,
    query: &ListQuery,
    next: Option<&str>,
) -> Outcome<Page> {
    let request = request(client, query, FIELDS, next);
    let answer = client.send(&request).await?;
    let mut page = read(&answer.body)
        .map_err(|reason| broken(format!("the server's list cannot be read: {reason}")))?;
    page.entries
        .retain(|entry| query.after.as_ref().is_none_or(|after| entry.key > *after));
    Ok(page)
}

/// Asks for a list with these fields of each object. The one that it begins after comes too.
pub(super) fn request(
    client: &GcsClient,
    query: &ListQuery,
    fields: &str,
    next: Option<&str>,
) -> Request {
    let fields = format!("nextPageToken,prefixes,items({fields})");
    let mut request = client.request("GET", "").query("fields", fields);
    if !query.prefix.is_empty() {
        request = request.query("prefix", &query.prefix);
    }
    if query.one_level {
        request = request.query("delimiter", "/");
    }
    if let Some(after) = &query.after {
        request = request.query("startOffset", after);
    }
    if let Some(limit) = query.limit {
        request = request.query("maxResults", limit.to_string());
    }
    if let Some(next) = next {
        request = request.query("pageToken", next);
    }
    request
}

fn read(body: &[u8]) -> Result<Page, String> {
    let list = Document::parse(body)?;
    let mut page = Page {
        next: list.next()?,
        ..Page::default()
    };
    for object in list.objects()? {
        page.entries.push(Listed {
            key: name(object)?,
            facts: Some(facts(object)?),
        });
    }
    for key in list.below()? {
        page.entries.push(Listed { key, facts: None });
    }
    Ok(page)
}

/// A list as the service sends it.
pub(super) struct Document(Value);

impl Document {
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let list: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        match list.as_object() {
            None => Err("it is no list".to_owned()),
            // It would be taken for a list of nothing.
            Some(fields) if fields.contains_key("error") => {
                Err(format!("it is an error: {}", list["error"]))
            }
            Some(_) => Ok(Self(list)),
        }
    }

    fn all(&self, name: &str) -> Result<&[Value], String> {
        match self.0.get(name) {
            None => Ok(&[]),
            Some(Value::Array(all)) => Ok(all),
            Some(_) => Err(format!("'{name}' is no list")),
        }
    }

    pub(super) fn objects(&self) -> Result<&[Value], String> {
        self.all("items")
    }

    /// Names that others are below, without the slash at their end.
    pub(super) fn below(&self) -> Result<Vec<String>, String> {
        let name = |prefix: &Value| {
            let prefix = prefix.as_str().ok_or("a prefix is no text")?;
            Ok(prefix.trim_end_matches('/').to_owned())
        };
        self.all("prefixes")?.iter().map(name).collect()
    }

    /// How to ask for the next page.
    pub(super) fn next(&self) -> Result<Option<String>, String> {
        match self.0.get("nextPageToken") {
            None => Ok(None),
            Some(Value::String(token)) if !token.is_empty() => Ok(Some(token.clone())),
            Some(_) => Err("it does not say how to get the next page".to_owned()),
        }
    }
}

/// Name of an object.
pub(super) fn name(object: &Value) -> Result<String, String> {
    let name = object.get("name").and_then(Value::as_str);
    Ok(name.ok_or("an object has no name")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::store::Facts;

    #[test]
    fn objects_prefixes_and_the_next_page_are_read() {
        let body = r#"{"nextPageToken":"t=","prefixes":["r/dir/"],
            "items":[{"name":"r/a & b","size":"7","updated":"2026-11-28T22:00:00.123Z"}]}"#;
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
        assert!(read(b"{}").unwrap().entries.is_empty(), "nothing is there");
    }

    #[test]
    fn a_list_without_sense_is_an_error() {
        for body in [
            "<html>",
            "[]",
            r#"{"error":{"code":500,"message":"x"}}"#,
            r#"{"items":{}}"#,
            r#"{"items":[{"size":"1"}]}"#,
            r#"{"items":[{"name":"a","size":"1"}]}"#,
            r#"{"items":[{"name":"a","size":"-1","updated":"2026-11-28T22:00:00Z"}]}"#,
            r#"{"prefixes":[1]}"#,
            r#"{"nextPageToken":""}"#,
        ] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
