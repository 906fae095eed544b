//! What is asked of Google Cloud Storage, and what is made of its answers, by a server that says what the test wants.

mod locks;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::object::Checksum;
use super::resumable::Uploads;
use super::session::STEP;
use super::*;
use crate::http::scripted::{Reply, Scripted};
use crate::http::{Endpoint, Now};
use crate::object::store::Content;
use crate::{ErrorKind, ReadOptions, Storage, StoragePath, WriteOptions};

const NOW: i64 = 1_795_903_200;

fn settings(server: &Scripted) -> GcsSettings {
    let token = TokenSource::Given("Bearer test-token".into());
    let endpoint = Endpoint::parse("gcs.example.org").unwrap();
    let mut settings = GcsSettings::new("bucket", endpoint, token, Now::new(|| NOW));
    settings.http = server.settings();
    settings.objects.prefetch = 0;
    settings
}

fn storage(server: &Scripted) -> Box<dyn Storage> {
    boxed(settings(server))
}

fn boxed(settings: GcsSettings) -> Box<dyn Storage> {
    Box::new(open(settings).unwrap())
}

fn content(size: usize) -> Vec<u8> {
    vec![7; size]
}

fn write_as(storage: &dyn Storage, size: usize, options: &WriteOptions) -> Result<()> {
    let mut writer = storage.open_write(&StoragePath::new("a/b"), options)?;
    let object = || "a/b".to_owned();
    writer
        .write_all(&content(size))
        .map_err(|error| crate::Error::from_stream(crate::Operation::Write, object(), error))?;
    writer.finish()?.wait().map(drop)
}

fn write(storage: &dyn Storage, size: usize) -> Result<()> {
    write_as(storage, size, &WriteOptions::default())
}

/// Parts of two steps, one under way at a time, so that the script's order is that of the requests.
fn small_parts(server: &Scripted) -> Box<dyn Storage> {
    let mut settings = settings(server);
    settings.chunk_size = 2 * STEP;
    settings.http.requests = 1;
    settings.objects.byte_budget = 2 * STEP;
    boxed(settings)
}

/// What the server says of an object of that size that was stored.
fn stored(size: usize) -> Reply {
    let checksum = Checksum::of(&content(size)).text();
    Reply::ok(format!(
        r#"{{"crc32c":"{checksum}","generation":"77","size":"{size}"}}"#
    ))
}

fn started() -> Reply {
    let place = "location: https://other.example.org/upload/storage/v1/b/bucket/o?uploadType=resumable&upload_id=u%2F1\r\n";
    Reply::Answer("200 OK", place, Vec::new())
}

fn has(range: &'static str) -> Reply {
    Reply::Answer("308 Resume Incomplete", range, Vec::new())
}

/// First lines and the headers that tell what is sent.
fn sent(server: &Scripted) -> Vec<String> {
    let short = |head: &String| {
        let line = head.lines().next().unwrap_or_default();
        let range = head
            .lines()
            .find_map(|line| line.strip_prefix("content-range: "));
        let method = line.split(' ').next().unwrap_or_default();
        match range {
            Some(range) => format!("{method} {range}"),
            None => line.trim_end_matches(" HTTP/1.1").to_owned(),
        }
    };
    server.asked().iter().map(short).collect()
}

fn refused(status: &'static str, reason: &str, message: &str) -> Reply {
    let body =
        format!(r#"{{"error":{{"message":"{message}","errors":[{{"reason":"{reason}"}}]}}}}"#);
    Reply::status(status, &body)
}

const START: &str = "POST /upload/storage/v1/b/bucket/o?name=a%2Fb&uploadType=resumable";

#[test]
fn a_small_file_is_one_request() {
    let server = Scripted::start([stored(3)]);
    let mut settings = settings(&server);
    settings.user_project = Some("payer".into());
    write(&*boxed(settings), 3).unwrap();
    let head = server.asked().remove(0);
    let line = "POST /upload/storage/v1/b/bucket/o?fields=crc32c%2Cgeneration%2Csize&name=a%2Fb&uploadType=multipart&userProject=payer HTTP/1.1\r\n";
    assert!(head.starts_with(line), "{head}");
    for line in [
        "host: 127.0.0.1:",
        "authorization: Bearer test-token\r\n",
        "content-type: multipart/related; boundary=",
    ] {
        assert!(head.contains(line), "{line}:\n{head}");
    }
}

#[test]
fn content_that_was_stored_wrong_is_an_error() {
    for (answer, reason) in [
        (stored(4), "stored 4 bytes in place of 3"),
        (
            Reply::ok(r#"{"size":"3","crc32c":"AAAAAA=="}"#),
            "checksum AAAAAA==",
        ),
        (Reply::ok(r#"{"size":"3"}"#), "does not tell the checksum"),
        (Reply::ok("<html>"), "cannot be read"),
    ] {
        let server = Scripted::start([answer]);
        let error = write(&*storage(&server), 3).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Broken);
        assert!(error.reason.contains(reason), "{error}");
    }
}

#[test]
fn a_file_that_must_be_new_and_whose_answer_was_lost_is_looked_at() {
    let new = WriteOptions {
        truncate: false,
        ..WriteOptions::default()
    };
    for (found, good) in [(stored(3), true), (stored(2), false)] {
        let taken = refused("412 Precondition Failed", "conditionNotMet", "no");
        let server = Scripted::start([Reply::Close, taken, found]);
        let written = write_as(&*storage(&server), 3, &new);
        assert_eq!(written.is_ok(), good);
        assert!(sent(&server)[1].contains("ifGenerationMatch=0"));
        if let Err(error) = written {
            assert_eq!(error.kind(), ErrorKind::Exists);
        }
    }
}

#[test]
fn a_lost_connection_is_gone_on_from_what_the_server_has() {
    let server = Scripted::start([
        started(),
        Reply::Close,
        has("range: bytes=0-262143\r\n"),
        has("range: bytes=0-524287\r\n"),
        Reply::status("503 Service Unavailable", ""),
        has("range: bytes=0-524287\r\n"),
        stored(2 * STEP + 10),
    ]);
    write(&*small_parts(&server), 2 * STEP + 10).unwrap();
    assert_eq!(
        sent(&server),
        [
            START,
            "PUT bytes 0-524287/*",
            "PUT bytes */*",
            "PUT bytes 262144-524287/*",
            "PUT bytes 524288-524297/524298",
            "PUT bytes */524298",
            "PUT bytes 524288-524297/524298",
        ]
    );
    let last = server.asked().pop().unwrap();
    let checksum = Checksum::of(&content(2 * STEP + 10)).text();
    assert!(last.contains(&format!("x-goog-hash: crc32c={checksum}\r\n")));
    assert!(last.contains("upload_id=u%2F1"), "{last}");
    assert!(
        !last.contains("authorization"),
        "the name is enough: {last}"
    );
}

#[test]
fn a_part_of_which_nothing_came_is_sent_again() {
    let server = Scripted::start([
        started(),
        Reply::Truncated("", 10),
        has(""),
        has("range: bytes=0-524287\r\n"),
        has("range: bytes=0-1048575\r\n"),
        stored(4 * STEP),
    ]);
    write(&*small_parts(&server), 4 * STEP).unwrap();
    assert_eq!(
        sent(&server)[2..],
        [
            "PUT bytes */*",
            "PUT bytes 0-524287/*",
            "PUT bytes 524288-1048575/*",
            "PUT bytes */1048576",
        ]
    );
}

#[test]
fn an_end_whose_answer_was_lost_is_asked_for() {
    let server = Scripted::start([
        started(),
        has("range: bytes=0-524287\r\n"),
        Reply::Close,
        stored(2 * STEP + 1),
    ]);
    write(&*small_parts(&server), 2 * STEP + 1).unwrap();
    assert_eq!(sent(&server)[3], "PUT bytes */524289");
}

#[test]
fn an_object_that_is_not_what_was_sent_is_removed() {
    let server = Scripted::start([
        started(),
        has("range: bytes=0-524287\r\n"),
        stored(2 * STEP),
        Reply::status("204 No Content", ""),
        Reply::status("404 Not Found", ""),
    ]);
    let error = write(&*small_parts(&server), 2 * STEP + 1).unwrap_err();
    assert!(error.reason.contains("in place of 524289"), "{error}");
    assert_eq!(
        sent(&server)[3],
        "DELETE /storage/v1/b/bucket/o/a%2Fb?ifGenerationMatch=77"
    );
}

#[test]
fn an_upload_that_the_server_does_not_go_on_with_is_an_error() {
    for (answers, kind, reason) in [
        (
            vec![refused("410 Gone", "x", "x")],
            ErrorKind::Broken,
            "failed with 410",
        ),
        (
            vec![has("range: bytes=0-999999999\r\n")],
            ErrorKind::Broken,
            "has 1000000000 bytes",
        ),
        (vec![stored(2 * STEP)], ErrorKind::Broken, "before all was"),
        (
            vec![has(""), has(""), has(""), has(""), has(""), has("")],
            ErrorKind::Broken,
            "takes no more",
        ),
        (
            vec![refused("403 Forbidden", "forbidden", "no")],
            ErrorKind::Denied,
            "failed with 403",
        ),
    ] {
        let script = [started()].into_iter().chain(answers);
        let server = Scripted::start(script);
        let mut settings = settings(&server);
        settings.chunk_size = 2 * STEP;
        settings.http.io_timeout = Duration::from_millis(500);
        let error = write(&*boxed(settings), 2 * STEP + 1).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.reason.contains(reason), "{error}");
    }
}

#[test]
fn parts_that_wait_go_with_one_request_in_their_order() {
    let server = Scripted::start([
        started(),
        has("range: bytes=0-786431\r\n"),
        stored(3 * STEP + 5),
    ]);
    let client = GcsClient::new(settings(&server), &Stop::default()).unwrap();
    let client = Arc::new(client);
    let uploads = Arc::new(Uploads::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let id = uploads.start(&client, "a/b").await.unwrap();
        let mut parts = Vec::new();
        for (number, size) in [(3, STEP + 5), (2, STEP), (1, STEP)] {
            let (uploads, client, id) = (uploads.clone(), client.clone(), id.clone());
            parts.push(tokio::spawn(async move {
                let bytes = Bytes::from(content(size));
                let hashes = Checksum::of(&bytes);
                let content = Content { bytes, hashes };
                uploads.put_part(&client, &id, number, content).await
            }));
        }
        for part in parts {
            part.await.unwrap().unwrap();
        }
        let size = 3 * STEP as u64 + 5;
        uploads.complete(&client, &id, size).await.unwrap();
    });
    assert_eq!(
        sent(&server)[1..],
        ["PUT bytes 0-786431/*", "PUT bytes 786432-786436/786437"]
    );
}

#[test]
fn a_piece_is_of_the_generation_that_was_read_first() {
    let first = "content-range: bytes 0-4194303/4194305\r\nx-goog-generation: 5\r\n";
    let server = Scripted::start([
        Reply::Answer("206 Partial Content", first, vec![1; 4 << 20]),
        refused("404 Not Found", "notFound", "No such object: bucket/a/b"),
    ]);
    let error =
        crate::copy::read_all(&*storage(&server), &StoragePath::new("a/b"), 1 << 30).unwrap_err();
    assert!(error.reason.contains("replaced"), "{error}");
    assert_eq!(
        sent(&server),
        [
            "GET /storage/v1/b/bucket/o/a%2Fb?alt=media",
            "GET /storage/v1/b/bucket/o/a%2Fb?alt=media&generation=5",
        ]
    );
}

#[test]
fn refusals_have_their_class_and_hint() {
    for (reply, kind, hint) in [
        (
            refused(
                "404 Not Found",
                "notFound",
                "The specified bucket does not exist.",
            ),
            ErrorKind::Broken,
            Some("repo-gcs-bucket"),
        ),
        (
            refused("401 Unauthorized", "authError", "Invalid Credentials"),
            ErrorKind::Identity,
            Some("repo-gcs-key"),
        ),
        (
            refused("403 Forbidden", "forbidden", "no"),
            ErrorKind::Denied,
            None,
        ),
        (
            refused(
                "400 Bad Request",
                "required",
                "Bucket is a requester pays bucket but no user project provided.",
            ),
            ErrorKind::Denied,
            Some("repo-gcs-user-project"),
        ),
        (
            Reply::status("501 Not Implemented", "<html>"),
            ErrorKind::Unsupported,
            None,
        ),
    ] {
        let server = Scripted::start([reply]);
        let found = storage(&server).open_read(&StoragePath::new("a"), &ReadOptions::default());
        let error = found.err().unwrap();
        assert_eq!(error.kind(), kind, "{error}");
        let told = error.hints.first().map(String::as_str);
        assert_eq!(told.is_some(), hint.is_some(), "{error:?}");
        assert!(told.is_none_or(|told| told.contains(hint.unwrap_or_default())));
        assert_eq!(server.asked().len(), 1, "asked once: {error}");
    }
}

#[test]
fn a_limit_of_requests_is_waited_for() {
    let server = Scripted::start([
        refused("403 Forbidden", "rateLimitExceeded", "slow down"),
        Reply::status("429 Too Many Requests", ""),
        stored(3),
    ]);
    write(&*storage(&server), 3).unwrap();
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn objects_are_removed_each_by_a_request_and_the_first_that_stays_is_named() {
    let some = r#"{"items":[{"name":"d/a","size":"1","updated":"2026-11-28T22:00:00Z"},
        {"name":"d/b","size":"1","updated":"2026-11-28T22:00:00Z"}]}"#;
    let denied = || refused("403 Forbidden", "forbidden", "no");
    let server = Scripted::start([Reply::ok(some), denied(), denied()]);
    let error = storage(&server)
        .remove_tree(&StoragePath::new("d"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    let text = error.to_string();
    assert!(text.starts_with("unable to remove file '/d/a'"), "{text}");
    let mut removed = sent(&server).split_off(1);
    removed.sort();
    let object = |name: &str| format!("DELETE /storage/v1/b/bucket/o/d%2F{name}");
    assert_eq!(removed, [object("a"), object("b")]);
    // One that is gone is fine.
    let gone = || refused("404 Not Found", "notFound", "No such object: bucket/d/a");
    let server = Scripted::start([Reply::ok(some), gone(), Reply::status("204 No Content", "")]);
    storage(&server)
        .remove_tree(&StoragePath::new("d"))
        .unwrap();
}

#[test]
fn the_whole_list_is_asked_for_page_after_page() {
    let server = Scripted::start([
        Reply::ok(r#"{"nextPageToken":"t/1","prefixes":["r/x/"]}"#),
        Reply::ok(r#"{"items":[{"name":"r/a","size":"1","updated":"2026-11-28T22:00:00Z"}]}"#),
    ]);
    let mut settings = settings(&server);
    settings.objects.root = "/r".into();
    let found = boxed(settings)
        .list(&StoragePath::root(), &crate::ListOptions::default())
        .unwrap()
        .unwrap();
    assert_eq!(found.len(), 2);
    let fields = "fields=nextPageToken%2Cprefixes%2Citems%28name%2Csize%2Cupdated%29";
    assert_eq!(
        sent(&server),
        [
            format!("GET /storage/v1/b/bucket/o?delimiter=%2F&{fields}&prefix=r%2F"),
            format!(
                "GET /storage/v1/b/bucket/o?delimiter=%2F&{fields}&pageToken=t%2F1&prefix=r%2F"
            ),
        ]
    );
}

#[test]
fn no_error_or_debug_text_has_a_secret() {
    let told = refused("403 Forbidden", "forbidden", "no upload u/1 of yours");
    let server = Scripted::start([started(), told]);
    let settings = GcsSettings {
        chunk_size: STEP,
        ..settings(&server)
    };
    let shown = format!("{settings:?}");
    let storage = boxed(settings);
    let in_parts = write(&*storage, STEP + 1).unwrap_err();
    let server = Scripted::start([refused("403 Forbidden", "forbidden", "not for test-token")]);
    let small = write(&*self::storage(&server), 1).unwrap_err();
    for text in [
        shown,
        format!("{storage:?}"),
        in_parts.to_string(),
        format!("{in_parts:?}"),
        small.to_string(),
        format!("{small:?}"),
    ] {
        for secret in ["test-token", "u/1", "u%2F1"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[test]
fn a_wish_to_stop_ends_an_upload() {
    let server = Scripted::start([started(), Reply::Silence]);
    let mut settings = settings(&server);
    settings.chunk_size = STEP;
    settings.http.io_timeout = Duration::from_secs(20);
    let storage = open(settings).unwrap();
    let started = std::time::Instant::now();
    let mut writer = storage
        .open_write(&StoragePath::new("a"), &WriteOptions::default())
        .unwrap();
    writer.write_all(&content(STEP + 1)).unwrap();
    let ticket = writer.finish().unwrap();
    storage.stopper(Duration::ZERO)();
    assert_eq!(ticket.wait().unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn whether_everybody_can_read_an_object_is_asked_without_a_token() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (reply, expected) in [
        (Reply::ok("d"), Some(true)),
        (Reply::status("401 Unauthorized", ""), Some(false)),
        (Reply::status("501 Not Implemented", ""), None),
    ] {
        let server = Scripted::start([reply]);
        let client = GcsClient::new(settings(&server), &Stop::default()).unwrap();
        let public = runtime.block_on(client.is_public("a/b"));
        assert_eq!(public.ok(), expected);
        let head = server.asked().remove(0);
        assert!(
            head.starts_with("GET /storage/v1/b/bucket/o/a%2Fb?alt=media HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(!head.contains("authorization"), "{head}");
    }
}
