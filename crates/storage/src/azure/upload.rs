//! Files of more than one request: blocks, and the list that makes a blob of them.
//!
//! A block belongs to the name of its blob from the moment it is stored, and stays uncommitted until a list names it. The
//! service forgets uncommitted blocks a week after the last one came. Nothing else removes them but a new content of the
//! blob or its removal, which would take the blocks of another writer at work too, and a list of none, which would show
//! readers an empty file. So an upload that is given up leaves its blocks. They go with the directory that the blob is in:
//! who removes that wants none of its files, so its list has what was begun and never committed
//! ([`ListQuery::begun`](crate::object::store::ListQuery)). Nor is there a way to remove them by age: no list tells it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::client::{AzureClient, md5, random_name, with_body};
use crate::object::store::{Content, Outcome, Part};

/// The name of a new upload: blocks of another writer of the same file have other names.
pub(super) fn start() -> String {
    random_name()
}

/// Name of a block: 18 bytes, so 24 characters. All blocks of a blob must have names of one length, also those that
/// pgBackRest left, whose names are as long.
fn block_id(upload: &str, number: u32) -> String {
    let random = upload.as_bytes().get(..28).unwrap_or_default();
    let mut bytes: Vec<u8> = random
        .chunks_exact(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes.extend(number.to_be_bytes());
    STANDARD.encode(bytes)
}

pub(super) async fn put_block(
    client: &AzureClient,
    key: &str,
    upload: &str,
    number: u32,
    content: Content<String>,
) -> Outcome<Part> {
    let tag = block_id(upload, number);
    let request = client
        .request("PUT", key)
        .query("comp", "block")
        .query("blockid", &tag);
    let request = with_body(request, content.bytes, &content.hashes);
    client.send(&request).await?;
    Ok(Part { number, tag })
}

/// Makes the blob. May be repeated: a block that the lost answer was about is among the committed ones then.
pub(super) async fn commit(client: &AzureClient, key: &str, blocks: &[Part]) -> Outcome<()> {
    let mut body = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<BlockList>");
    for block in blocks {
        body.push_str(&format!("<Latest>{}</Latest>", block.tag));
    }
    body.push_str("</BlockList>\n");
    let body = Bytes::from(body);
    let hash = md5(&body);
    let request = client.request("PUT", key).query("comp", "blocklist");
    let request = with_body(client.for_new(request), body, &hash);
    match client.try_to(&request).await {
        Ok(_) => Ok(()),
        Err(error) => Err(client.not_made(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_blocks_are_as_long_as_pgbackrests_and_differ() {
        let (one, other) = (start(), start());
        let names = [
            block_id(&one, 1),
            block_id(&one, 50_000),
            block_id(&other, 1),
        ];
        for (at, name) in names.iter().enumerate() {
            assert_eq!(name.len(), "0123456789ABCDEFx0000001".len());
            assert!(!names[..at].contains(name));
        }
    }
}
