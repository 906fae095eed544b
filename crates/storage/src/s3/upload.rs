//! Uploads in parts.

use bytes::Bytes;
use http::StatusCode;

use super::client::{About, Hashes, S3Client, with_body};
use super::failure::{error_of, failure};
use crate::http::{Answer, seconds_of_header};
use crate::object::failure::broken;
use crate::object::store::{Content, Outcome, Part};
use crate::object::xml::{Element, escape};

/// An upload that is older than this, by the server's clock, has no writer any more.
const OLD: i64 = 24 * 3600;

/// The document of an answer, which must have that name.
fn document(answer: &Answer, name: &str) -> Outcome<Element> {
    match Element::parse(&answer.body) {
        Ok(element) if element.name == name => Ok(element),
        Ok(element) => Err(broken(format!(
            "the server answered '{}' in place of '{name}'",
            element.name
        ))),
        Err(error) => Err(broken(format!(
            "the server's '{name}' cannot be read: {error}"
        ))),
    }
}

pub(super) async fn start(client: &S3Client, key: &str) -> Outcome<String> {
    let request = client.request("POST", key, About::New).query("uploads", "");
    let answer = client.send(&request).await?;
    let started = document(&answer, "InitiateMultipartUploadResult")?;
    match started.text_of("UploadId") {
        "" => Err(broken("the server gave the upload no name")),
        name => Ok(name.to_owned()),
    }
}

pub(super) async fn put_part(
    client: &S3Client,
    key: &str,
    upload: &str,
    number: u32,
    content: Content<Hashes>,
) -> Outcome<Part> {
    let request = client
        .request("PUT", key, About::Content)
        .query("partNumber", number.to_string())
        .query("uploadId", upload);
    let request = with_body(request, content.bytes, &content.hashes);
    let answer = client.send(&request).await?;
    match answer.header("etag") {
        Some(tag) => Ok(Part {
            number,
            tag: tag.to_owned(),
        }),
        None => Err(broken(format!("the server gave part {number} no tag"))),
    }
}

pub(super) async fn complete(
    client: &S3Client,
    key: &str,
    upload: &str,
    parts: &[Part],
    size: u64,
) -> Outcome<()> {
    let mut body =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CompleteMultipartUpload>");
    for part in parts {
        body.push_str(&format!(
            "<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>",
            part.number,
            escape(&part.tag)
        ));
    }
    body.push_str("</CompleteMultipartUpload>\n");
    let body = Bytes::from(body);
    let hashes = Hashes::of(&body);
    let request = client
        .request("POST", key, About::Bucket)
        .query("uploadId", upload);
    match client.try_to(&with_body(request, body, &hashes)).await {
        Ok(answer) => {
            // A good status alone says nothing here: it is sent before the server is done.
            let done = document(&answer, "CompleteMultipartUploadResult")?;
            match done.text_of("ETag") {
                "" => Err(broken("the server completed the upload without a tag")),
                _ => Ok(()),
            }
        }
        Err(error) => {
            // The answer to an earlier try may be what was lost: then the upload is gone and the object there.
            let gone = error.answer().is_some_and(|answer| {
                answer.status == StatusCode::NOT_FOUND
                    && error_of(answer).is_some_and(|(code, _)| code == "NoSuchUpload")
            });
            let done = gone
                && !error.repetitions.is_empty()
                && is_made_of(client, key, parts, size).await?;
            if done { Ok(()) } else { Err(failure(&error)) }
        }
    }
}

/// Whether the object is exactly what these parts make.
async fn is_made_of(client: &S3Client, key: &str, parts: &[Part], size: u64) -> Outcome<bool> {
    let answer = client
        .send(&client.request("HEAD", key, About::Content))
        .await?;
    let size_is = answer.header("content-length") == Some(size.to_string().as_str());
    let tag = answer.header("etag").map(|tag| tag.trim_matches('"'));
    Ok(size_is && tag.is_some() && tag == tag_of(parts).as_deref())
}

/// Tag of an object of several parts: the MD5 of their MD5s, and how many there are.
fn tag_of(parts: &[Part]) -> Option<String> {
    let mut all = md5::Context::new();
    for part in parts {
        let tag = part.tag.trim_matches('"');
        let bytes: Option<Vec<u8>> = (0..16)
            .map(|at| u8::from_str_radix(tag.get(2 * at..2 * at + 2)?, 16).ok())
            .collect();
        all.consume(bytes.filter(|_| tag.len() == 32)?);
    }
    Some(format!("{:x}-{}", all.finalize(), parts.len()))
}

pub(super) async fn abort(client: &S3Client, key: &str, upload: &str) -> Outcome<()> {
    let request = client
        .request("DELETE", key, About::Bucket)
        .query("uploadId", upload);
    match client.try_to(&request).await {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .answer()
                .is_some_and(|answer| answer.status == StatusCode::NOT_FOUND) =>
        {
            Ok(())
        }
        Err(error) => Err(failure(&error)),
    }
}

pub(super) async fn abort_old(client: &S3Client, prefix: &str, one_level: bool) -> Outcome<usize> {
    let mut aborted = 0;
    let mut marker: Option<(String, String)> = None;
    loop {
        let mut request = client
            .request("GET", "", About::Bucket)
            .query("uploads", "")
            .query("prefix", prefix);
        if let Some((key, upload)) = &marker {
            request = request
                .query("key-marker", key)
                .query("upload-id-marker", upload);
        }
        let answer = client.send(&request).await?;
        let now = answer
            .header("date")
            .and_then(seconds_of_header)
            .ok_or_else(|| broken("the server does not tell its time"))?;
        let list = document(&answer, "ListMultipartUploadsResult")?;
        for upload in list.all("Upload") {
            let key = upload.child("Key").map_or("", |key| key.text.as_str());
            let started = upload.text_of("Initiated").parse::<jiff::Timestamp>();
            let old = started.is_ok_and(|started| now - started.as_second() > OLD);
            let Some(below) = key.strip_prefix(prefix) else {
                continue;
            };
            if old && !(one_level && below.contains('/')) {
                abort(client, key, upload.text_of("UploadId")).await?;
                aborted += 1;
            }
        }
        let next = (
            list.text_of("NextKeyMarker").to_owned(),
            list.text_of("NextUploadIdMarker").to_owned(),
        );
        if list.text_of("IsTruncated") != "true" {
            return Ok(aborted);
        }
        if next.0.is_empty() || marker.as_ref() == Some(&next) {
            return Err(broken("the server's list of uploads does not end"));
        }
        marker = Some(next);
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn the_tag_of_parts_is_the_md5_of_their_md5s() {
        let part = |number, tag: &str| Part {
            number,
            tag: tag.to_owned(),
        };
        // Two parts: nothing, and the letter a.
        let parts = [
            part(1, "\"d41d8cd98f00b204e9800998ecf8427e\""),
            part(2, "\"0cc175b9c0f1b6a831c399e269772661\""),
        ];
        let mut both = STANDARD.decode("1B2M2Y8AsgTpgAmY7PhCfg==").unwrap();
        both.extend(STANDARD.decode("DMF1ucDxtqgxw5niaXcmYQ==").unwrap());
        let expected = format!("{:x}-2", md5::compute(both));
        assert_eq!(tag_of(&parts), Some(expected));
        assert_eq!(tag_of(&[part(1, "not a hash")]), None);
    }
}
