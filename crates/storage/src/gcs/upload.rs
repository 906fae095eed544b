//! Uploads with one request: description and content together, so that the server checks one by the other.

use bytes::{BufMut, Bytes, BytesMut};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::client::GcsClient;
use super::lock::{not_made, retention};
use super::object::{Checksum, STORED, check};
use crate::ErrorKind;
use crate::http::HttpError;
use crate::object::failure::broken;
use crate::object::store::{Content, Failure, Outcome};

/// What the service is told of a new object.
pub(super) fn description(client: &GcsClient, checksum: Option<Checksum>) -> Value {
    let mut description = Map::new();
    if let Some(lock) = client.settings().objects.lock {
        let retention = retention(lock, client.settings().now.seconds());
        description.insert("retention".to_owned(), retention);
    }
    let tags = &client.settings().tags;
    if let Some(checksum) = checksum {
        description.insert("crc32c".to_owned(), json!(checksum.text()));
    }
    if !tags.is_empty() {
        let tags: Map<String, Value> = tags
            .iter()
            .map(|(key, value)| (key.clone(), json!(value)))
            .collect();
        description.insert("metadata".to_owned(), Value::Object(tags));
    }
    Value::Object(description)
}

/// Stores an object; `new`: only where there is none.
pub(super) async fn put(
    client: &GcsClient,
    key: &str,
    content: Content<Checksum>,
    new: bool,
) -> Outcome<()> {
    let (size, checksum) = (content.bytes.len() as u64, content.hashes);
    let description = description(client, Some(checksum));
    let (kind, body) = related(&description, &content.bytes);
    // The body holds it.
    drop(content);
    let mut request = client
        .upload("multipart", key)
        .query("fields", STORED)
        .header("content-type", kind)
        .body(body);
    if new {
        request = request.query("ifGenerationMatch", "0");
    }
    match client.try_to(&request).await {
        Ok(answer) => check(&answer, size, checksum).map_err(broken),
        Err(error) if new && is_taken(&error) => {
            // The answer to an earlier try may be what was lost: then it is this object that is in the way.
            if !error.repetitions.is_empty() && is_stored(client, key, size, checksum).await? {
                return Ok(());
            }
            Err(Failure {
                kind: ErrorKind::Exists,
                reason: "the file exists".to_owned(),
                hints: Vec::new(),
            })
        }
        Err(error) => Err(not_made(client, &error)),
    }
}

fn is_taken(error: &HttpError) -> bool {
    error
        .answer()
        .is_some_and(|answer| answer.status == StatusCode::PRECONDITION_FAILED)
}

/// Whether the object has this content.
async fn is_stored(client: &GcsClient, key: &str, size: u64, checksum: Checksum) -> Outcome<bool> {
    let request = client.request("GET", key).query("fields", STORED);
    let answer = client.send(&request).await?;
    Ok(check(&answer, size, checksum).is_ok())
}

/// The two as one body, and its type. What separates them is random, so that no content has it.
fn related(description: &Value, content: &Bytes) -> (String, Bytes) {
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).expect("the system gives random bytes");
    let boundary = format!("{:032x}", u128::from_ne_bytes(random));
    let head = format!(
        "--{boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{description}\r\n\
         --{boundary}\r\ncontent-type: application/octet-stream\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    let mut body = BytesMut::with_capacity(head.len() + content.len() + tail.len());
    body.put_slice(head.as_bytes());
    body.put_slice(content);
    body.put_slice(tail.as_bytes());
    (
        format!("multipart/related; boundary={boundary}"),
        body.freeze(),
    )
}
