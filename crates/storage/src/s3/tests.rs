use std::io::Write;
use std::time::Duration;

use super::*;
use crate::http::Endpoint;
use crate::http::scripted::{Reply, Scripted};
use crate::{ErrorKind, ReadOptions, Storage, StoragePath, WriteOptions};

const NOW: i64 = 1_795_903_200;

fn settings(server: &Scripted) -> S3Settings {
    let keys = KeySource::Shared {
        key: "test-key".into(),
        secret: "test-secret".into(),
        token: Some("test-token".into()),
    };
    let endpoint = Endpoint::parse("s3.example.org").unwrap();
    let mut settings = S3Settings::new("bucket", endpoint, "region", keys, Now::new(|| NOW));
    settings.http = server.settings();
    settings.objects.prefetch = 0;
    settings
}

fn storage(server: &Scripted) -> Box<dyn Storage> {
    boxed(settings(server))
}

fn boxed(settings: S3Settings) -> Box<dyn Storage> {
    Box::new(open(settings).unwrap())
}

fn write(storage: &dyn Storage, size: usize) -> Result<()> {
    let options = WriteOptions::default();
    let mut writer = storage.open_write(&StoragePath::new("a/b"), &options)?;
    let object = || "a/b".to_owned();
    writer
        .write_all(&vec![7; size])
        .map_err(|error| crate::Error::from_stream(crate::Operation::Write, object(), error))?;
    writer.finish()?.wait().map(drop)
}

/// Settings with such small parts that three of them are quick.
fn small_parts(server: &Scripted) -> Box<dyn Storage> {
    let mut settings = settings(server);
    settings.chunk_size = 10;
    // One request at a time, so that the script's order is that of the requests.
    settings.http.requests = 1;
    settings.objects.byte_budget = 10;
    boxed(settings)
}

const STARTED: &str =
    "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>";
const COMPLETED: &str =
    "<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag></CompleteMultipartUploadResult>";
const BUSY: &str = "<Error><Code>InternalError</Code><Message>try again</Message></Error>";

fn part(tag: &'static str) -> Reply {
    Reply::Answer("200 OK", tag, Vec::new())
}

fn lines(server: &Scripted) -> Vec<String> {
    let first = |head: &String| head.lines().next().unwrap_or_default().to_owned();
    server.asked().iter().map(first).collect()
}

#[test]
fn a_request_is_signed_for_the_endpoint_wherever_it_goes() {
    let server = Scripted::start([Reply::ok("")]);
    let mut settings = settings(&server);
    settings.requester_pays = true;
    settings.tags = vec![("one".into(), "a b".into()), ("two".into(), "&".into())];
    settings.kms_key_id = Some("key-id".into());
    write(&*boxed(settings), 3).unwrap();
    let head = server.asked().remove(0);
    assert!(head.starts_with("PUT /a/b HTTP/1.1\r\n"), "{head}");
    for line in [
        "host: bucket.s3.example.org",
        "content-length: 3",
        "content-md5: ",
        "x-amz-content-sha256: ",
        "x-amz-date: 20261128T220000Z",
        "x-amz-request-payer: requester",
        "x-amz-security-token: test-token",
        "x-amz-server-side-encryption: aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id: key-id",
        "x-amz-tagging: one=a%20b&two=%26",
        "authorization: AWS4-HMAC-SHA256 Credential=test-key/20261128/region/s3/aws4_request,SignedHeaders=content-md5;host;x-amz-content-sha256;x-amz-date;",
    ] {
        assert!(head.contains(line), "{line}:\n{head}");
    }
}

#[test]
fn a_good_status_with_an_error_inside_is_an_error() {
    // An error that may pass is asked again, one that cannot is told, and the upload is given up.
    let server = Scripted::start([
        Reply::ok(STARTED),
        part("etag: \"a\"\r\n"),
        part("etag: \"b\"\r\n"),
        Reply::ok(BUSY),
        Reply::ok(COMPLETED),
    ]);
    write(&*small_parts(&server), 20).unwrap();
    let lines = lines(&server);
    assert_eq!(lines[3], "POST /a/b?uploadId=u1 HTTP/1.1");
    assert_eq!(lines[4], lines[3]);
    let server = Scripted::start([
        Reply::ok(STARTED),
        part("etag: \"a\"\r\n"),
        part("etag: \"b\"\r\n"),
        Reply::ok("<Error><Code>InvalidPart</Code><Message>no</Message></Error>"),
        Reply::status("204 No Content", ""),
    ]);
    let error = write(&*small_parts(&server), 20).unwrap_err();
    assert!(error.to_string().contains("InvalidPart"), "{error}");
    assert_eq!(self::lines(&server)[4], "DELETE /a/b?uploadId=u1 HTTP/1.1");
}

#[test]
fn a_completion_without_a_tag_is_an_error() {
    let server = Scripted::start([
        Reply::ok(STARTED),
        part("etag: \"a\"\r\n"),
        part("etag: \"b\"\r\n"),
        Reply::ok("<CompleteMultipartUploadResult/>"),
        Reply::status("204 No Content", ""),
    ]);
    let error = write(&*small_parts(&server), 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Broken);
    assert!(error.reason.contains("without a tag"), "{error}");
}

#[test]
fn a_completion_whose_answer_was_lost_counts_when_the_object_is_made_of_the_parts() {
    let gone = "<Error><Code>NoSuchUpload</Code></Error>";
    let tags = "etag: \"0cc175b9c0f1b6a831c399e269772661\"\r\n";
    let whole = {
        let one = md5::compute(b"a");
        let both = [*one, *one].concat();
        format!("{:x}-2", md5::compute(both))
    };
    for (tag, good) in [(whole.as_str(), true), ("other-2", false)] {
        let head = format!("content-length: 20\r\netag: \"{tag}\"\r\nx-");
        let server = Scripted::start([
            Reply::ok(STARTED),
            part(tags),
            part(tags),
            Reply::Close,
            Reply::status("404 Not Found", gone),
            Reply::Answer("200 OK", head.leak(), Vec::new()),
            Reply::status("204 No Content", ""),
        ]);
        assert_eq!(write(&*small_parts(&server), 20).is_ok(), good, "{tag}");
    }
}

#[test]
fn a_part_that_fails_ends_the_upload() {
    let server = Scripted::start([
        Reply::ok(STARTED),
        Reply::status("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>"),
        Reply::status("204 No Content", ""),
    ]);
    let error = write(&*small_parts(&server), 11).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    // The other part may be on its way on a connection of its own.
    let ended = |line: &String| line == "DELETE /a/b?uploadId=u1 HTTP/1.1";
    assert!(lines(&server).iter().any(ended), "{:?}", lines(&server));
}

#[test]
fn a_wrong_clock_is_put_right_by_the_servers() {
    let later = "date: Sun, 29 Nov 2026 22:00:00 GMT\r\n";
    let skewed = Reply::Answer(
        "403 Forbidden",
        later,
        b"<Error><Code>RequestTimeTooSkewed</Code></Error>".to_vec(),
    );
    let server = Scripted::start([skewed.clone(), Reply::ok("")]);
    write(&*storage(&server), 1).unwrap();
    assert!(server.asked()[1].contains("x-amz-date: 20261129T220000Z"));
    // One that stays wrong is told.
    let server = Scripted::start([skewed.clone(), skewed.clone(), skewed]);
    let error = write(&*storage(&server), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Identity);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn every_request_that_was_signed_with_a_wrong_clock_is_sent_again() {
    use crate::http::{Answer, Service, Verdict};
    let server = Scripted::start([]);
    let client = S3Client::new(settings(&server), &Stop::default()).unwrap();
    let request = client.request("GET", "a", client::About::Content);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let sign = || runtime.block_on(client.authorize(&request)).unwrap();
    // Both were under way when the first answer came.
    let (first, second) = (sign(), sign());
    let skewed = Answer {
        status: http::StatusCode::FORBIDDEN,
        headers: vec![("date".into(), "Sun, 29 Nov 2026 22:00:00 GMT".into())],
        body: bytes::Bytes::new(),
    };
    assert_eq!(client.verdict(&first, &skewed), Verdict::Mended);
    assert_eq!(client.verdict(&second, &skewed), Verdict::Mended);
    assert_eq!(client.verdict(&sign(), &skewed), Verdict::Failed);
}

#[test]
fn a_piece_that_is_too_short_or_of_another_version_is_an_error() {
    let read = |server: &Scripted| {
        crate::copy::read_all(&*storage(server), &StoragePath::new("a/b"), 1 << 30)
    };
    let range = "content-range: bytes 0-9/20\r\netag: \"1\"\r\n";
    let server = Scripted::start([Reply::Answer("206 Partial Content", range, vec![1; 10])]);
    let error = read(&server).unwrap_err();
    assert!(error.reason.contains("10 bytes in place of 20"), "{error}");
    let first = "content-range: bytes 0-4194303/4194305\r\netag: \"1\"\r\n";
    let server = Scripted::start([
        Reply::Answer("206 Partial Content", first, vec![1; 4 << 20]),
        Reply::status("412 Precondition Failed", ""),
    ]);
    let error = read(&server).unwrap_err();
    assert!(error.reason.contains("replaced"), "{error}");
    assert!(server.asked()[1].contains("if-match: \"1\"\r\n"));
}

#[test]
fn a_missing_bucket_is_not_a_missing_file() {
    let missing = "<Error><Code>NoSuchBucket</Code></Error>";
    let server = Scripted::start([Reply::status("404 Not Found", missing)]);
    let found = storage(&server).open_read(&StoragePath::new("a"), &ReadOptions::default());
    let error = found.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Broken);
    assert!(error.hints[0].contains("repo-s3-bucket"), "{error:?}");
}

#[test]
fn no_error_or_debug_text_has_a_secret() {
    let server = Scripted::start(vec![Reply::status("403 Forbidden", ""); 3]);
    let mut settings = settings(&server);
    settings.customer_key = Some("c2VjcmV0LWN1c3RvbWVyLWtleS0zMi1ieXRlcy1sb25n".into());
    settings.http.io_timeout = Duration::from_secs(1);
    assert!(open(settings.clone()).is_err(), "a key of 33 bytes");
    settings.customer_key = Some("YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU=".into());
    let shown = format!("{settings:?}");
    let storage = boxed(settings);
    let error = write(&*storage, 1).unwrap_err();
    let sent = &server.asked()[0];
    assert!(sent.contains("x-amz-server-side-encryption-customer-key: YWJj"));
    for text in [
        shown,
        format!("{storage:?}"),
        error.to_string(),
        format!("{error:?}"),
    ] {
        for secret in ["test-secret", "test-token", "YWJj", "Signature="] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[test]
fn a_refusal_that_repeats_the_key_is_understood() {
    let repeated = "<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>test-key</AWSAccessKeyId></Error>";
    let server = Scripted::start([Reply::status("403 Forbidden", repeated)]);
    let error = write(&*storage(&server), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Identity, "{error}");
    assert!(error.hints[0].contains("repo-s3-key-secret"), "{error:?}");
    assert!(!error.to_string().contains("test-key"), "{error}");
}

#[test]
fn keys_that_the_server_takes_as_ended_are_renewed() {
    let dir = tempfile::tempdir().unwrap();
    let count = dir.path().join("count");
    let script = format!(
        "echo x >> {0}; n=$(wc -l < {0}); echo \"{{\\\"AccessKeyId\\\":\\\"key-$n\\\",\\\"SecretAccessKey\\\":\\\"s\\\",\\\"SessionToken\\\":\\\"t\\\",\\\"Expiration\\\":\\\"2027-01-01T00:00:00Z\\\"}}\"",
        count.display()
    );
    let expired = "<Error><Code>ExpiredToken</Code></Error>";
    let server = Scripted::start([Reply::status("400 Bad Request", expired), Reply::ok("")]);
    let mut settings = settings(&server);
    settings.keys = KeySource::Process {
        command: vec!["sh".into(), "-c".into(), script],
    };
    write(&*boxed(settings), 1).unwrap();
    let asked = server.asked();
    assert!(asked[0].contains("Credential=key-1/"), "{asked:?}");
    assert!(asked[1].contains("Credential=key-2/"), "{asked:?}");
    // Keys that are given are all there is.
    let server = Scripted::start([Reply::status("400 Bad Request", expired)]);
    let error = write(&*storage(&server), 1).unwrap_err();
    assert_eq!(
        (error.kind(), server.asked().len()),
        (ErrorKind::Identity, 1)
    );
}

#[test]
fn a_wish_to_stop_ends_the_wait_for_a_program_that_gives_keys() {
    let server = Scripted::start([]);
    let mut settings = settings(&server);
    settings.keys = KeySource::Process {
        command: vec!["sleep".into(), "20".into()],
    };
    let started = std::time::Instant::now();
    let storage = open(settings).unwrap();
    storage.stopper(Duration::ZERO)();
    let found = storage.info(&StoragePath::new("a"), crate::InfoLevel::Type);
    assert_eq!(found.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn only_uploads_older_than_a_day_by_the_servers_clock_are_left_over() {
    let upload = |name: &str, started: &str| {
        format!(
            "<Upload><Key>{name}</Key><UploadId>{name}</UploadId><Initiated>{started}</Initiated></Upload>"
        )
    };
    let first = format!(
        "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>b</NextKeyMarker>\
         <NextUploadIdMarker>m</NextUploadIdMarker>{}{}</ListMultipartUploadsResult>",
        upload("old", "2026-11-27T21:59:59.000Z"),
        upload("young", "2026-11-27T22:00:01.000Z"),
    );
    let second = format!(
        "<ListMultipartUploadsResult>{}</ListMultipartUploadsResult>",
        upload("dir/old", "2020-01-01T00:00:00Z")
    );
    let date = "date: Sat, 28 Nov 2026 22:00:00 GMT\r\n";
    let server = Scripted::start([
        Reply::Answer("200 OK", date, first.into()),
        Reply::status("204 No Content", ""),
        Reply::Answer("200 OK", date, second.into()),
    ]);
    let removed = storage(&server).remove_left_overs(&StoragePath::root(), false);
    assert_eq!(removed.unwrap(), 1);
    let lines = lines(&server);
    assert_eq!(lines[1], "DELETE /old?uploadId=old HTTP/1.1");
    assert!(lines[2].contains("key-marker=b&prefix=&upload-id-marker=m&uploads="));
    assert_eq!(lines.len(), 3, "the one below a directory stays");
}

#[test]
fn keys_that_a_removal_left_are_removed_alone_and_the_reason_is_told() {
    let some = "<ListBucketResult><Contents><Key>d/a</Key><Size>1</Size><LastModified>2026-11-28T22:00:00Z</LastModified></Contents>\
        <Contents><Key>d/b</Key><Size>1</Size><LastModified>2026-11-28T22:00:00Z</LastModified></Contents></ListBucketResult>";
    let left =
        "<DeleteResult><Error><Key>d/b</Key><Code>AccessDenied</Code></Error></DeleteResult>";
    let denied = "<Error><Code>AccessDenied</Code></Error>";
    let server = Scripted::start([
        Reply::ok(some),
        Reply::ok(left),
        Reply::status("403 Forbidden", denied),
    ]);
    let error = storage(&server)
        .remove_tree(&StoragePath::new("d"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(
        error
            .to_string()
            .starts_with("unable to remove file '/d/b'"),
        "{error}"
    );
    assert_eq!(lines(&server)[1], "POST /?delete= HTTP/1.1");
    assert_eq!(lines(&server)[2], "DELETE /d/b HTTP/1.1");
}

#[test]
fn a_list_of_versions_goes_on_page_by_page_and_a_file_is_looked_up_once() {
    let version = |id: &str, time: &str| {
        format!(
            "<Version><Key>r/a</Key><VersionId>{id}</VersionId><Size>3</Size><LastModified>2026-11-28T{time}Z</LastModified></Version>"
        )
    };
    let page = |more: &str, versions: String| {
        Reply::ok(format!(
            "<ListVersionsResult>{more}{versions}</ListVersionsResult>"
        ))
    };
    let more = "<IsTruncated>true</IsTruncated><NextKeyMarker>r/a</NextKeyMarker><NextVersionIdMarker>v3</NextVersionIdMarker>";
    let part = |content: &'static str, range: &'static str| {
        Reply::Answer("206 Partial Content", range, content.into())
    };
    let server = Scripted::start([
        Reply::ok("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
        page(more, version("v3", "21:59:59")),
        page("", version("v2", "21:00:00") + &version("v1", "20:00:00")),
        part("two", "content-range: bytes 0-2/3\r\n"),
        part("wo", "content-range: bytes 1-2/3\r\n"),
    ]);
    let mut settings = settings(&server);
    settings.http.requests = 1;
    settings.objects.root = "/r".to_owned();
    settings.objects.target_time = Some(NOW - 3600);
    let storage = boxed(settings);
    let path = StoragePath::new("a");
    let found = crate::copy::read_all(&*storage, &path, 100).unwrap();
    assert_eq!(found.as_deref(), Some(&b"two"[..]));
    let options = ReadOptions {
        ranges: vec![crate::Range {
            offset: 1,
            length: Some(2),
        }],
        ..ReadOptions::default()
    };
    let mut rest = String::new();
    let mut reader = storage.open_read(&path, &options).unwrap();
    std::io::Read::read_to_string(&mut reader, &mut rest).unwrap();
    assert_eq!(rest, "wo");
    assert_eq!(
        lines(&server),
        [
            "GET /?versioning= HTTP/1.1",
            "GET /?delimiter=%2F&prefix=r%2Fa&versions= HTTP/1.1",
            "GET /?delimiter=%2F&key-marker=r%2Fa&prefix=r%2Fa&version-id-marker=v3&versions= HTTP/1.1",
            "GET /r/a?versionId=v2 HTTP/1.1",
            "GET /r/a?versionId=v2 HTTP/1.1",
        ]
    );
}

#[test]
fn a_lock_is_asked_for_where_an_object_begins_and_nowhere_else() {
    use crate::protection::{Lock, LockMode};
    let locked = |server: &Scripted, mode| {
        let mut settings = settings(server);
        settings.chunk_size = 10;
        settings.http.requests = 1;
        settings.objects.byte_budget = 10;
        settings.objects.lock = Some(Lock { mode, days: 2 });
        boxed(settings)
    };
    // The server's time counts, which it tells when ours is wrong.
    let until = "x-amz-object-lock-retain-until-date: 2026-11-30T22:00:00Z";
    let server = Scripted::start([Reply::ok("")]);
    write(&*locked(&server, LockMode::Compliance), 3).unwrap();
    let head = server.asked().remove(0);
    assert!(
        head.contains("x-amz-object-lock-mode: COMPLIANCE"),
        "{head}"
    );
    assert!(
        head.contains(until) && head.contains("content-md5: "),
        "{head}"
    );
    assert!(
        head.contains("x-amz-object-lock-mode;x-amz-object-lock-retain-until-date"),
        "both are signed: {head}"
    );
    let server = Scripted::start([
        Reply::ok(STARTED),
        part("etag: \"a\"\r\n"),
        part("etag: \"b\"\r\n"),
        Reply::ok(COMPLETED),
    ]);
    write(&*locked(&server, LockMode::Governance), 20).unwrap();
    let asked = server.asked();
    assert!(asked[0].starts_with("POST /a/b?uploads="), "{}", asked[0]);
    assert!(asked[0].contains("x-amz-object-lock-mode: GOVERNANCE") && asked[0].contains(until));
    for head in &asked[1..] {
        assert!(!head.contains("object-lock"), "{head}");
    }
    assert!(
        asked[1].contains("content-md5: "),
        "S3 wants it for parts too"
    );
}

#[test]
fn a_key_that_may_not_see_locks_takes_what_it_wrote_for_locked() {
    use crate::protection::{KeptUntil, Lock, LockMode};
    let denied = || Reply::status("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>");
    let none = || {
        let code = "<Error><Code>NoSuchObjectLockConfiguration</Code></Error>";
        Reply::status("404 Not Found", code)
    };
    let head = |date: &'static str| Reply::Answer("200 OK", date, Vec::new());
    let server = Scripted::start([
        head("last-modified: Sat, 28 Nov 2026 21:00:00 GMT\r\n"),
        denied(),
        head("last-modified: Thu, 26 Nov 2026 21:00:00 GMT\r\n"),
        denied(),
        head("last-modified: Sat, 28 Nov 2026 21:00:00 GMT\r\n"),
        none(),
        head("x-amz-object-lock-retain-until-date: 2026-11-28T21:59:59.000Z\r\n"),
        head("x-amz-object-lock-retain-until-date: soon\r\n"),
    ]);
    let mut settings = settings(&server);
    settings.objects.lock = Some(Lock {
        mode: LockMode::Governance,
        days: 2,
    });
    let storage = boxed(settings);
    let ask = || {
        let protection = storage.as_protection().unwrap();
        protection.kept_until(&[StoragePath::new("a")])
    };
    let two_days_on = KeptUntil::Time(NOW - 3600 + 2 * 86_400);
    assert_eq!(ask().unwrap(), [Some(two_days_on)]);
    assert_eq!(ask().unwrap(), [None], "its time is over");
    assert_eq!(ask().unwrap(), [None], "it has none");
    assert_eq!(
        ask().unwrap(),
        [None],
        "its time is over by the server's clock"
    );
    let error = ask().unwrap_err();
    assert!(
        error.to_string().contains("'soon', which is not a time"),
        "{error}"
    );
    assert_eq!(lines(&server)[1], "GET /a?retention= HTTP/1.1");
}

#[test]
fn an_object_in_the_way_is_no_error_if_an_earlier_try_stored_it() {
    let script = |found: &'static str| {
        [
            Reply::status("404 Not Found", ""),
            // It was stored, and the answer is lost.
            Reply::Close,
            Reply::status(
                "412 Precondition Failed",
                "<Error><Code>PreconditionFailed</Code></Error>",
            ),
            Reply::ok(found),
        ]
    };
    let store = |server: &Scripted| {
        let options = WriteOptions {
            truncate: false,
            ..WriteOptions::default()
        };
        crate::copy::write_all(&*storage(server), &StoragePath::new("a"), &options, b"ours")
    };
    let server = Scripted::start(script("ours"));
    store(&server).unwrap();
    assert_eq!(
        lines(&server),
        [
            "HEAD /a HTTP/1.1",
            "PUT /a HTTP/1.1",
            "PUT /a HTTP/1.1",
            "GET /a HTTP/1.1"
        ]
    );
    let server = Scripted::start(script("theirs"));
    assert_eq!(store(&server).unwrap_err().kind(), ErrorKind::Exists);
    // Without a repetition it cannot be ours.
    let server = Scripted::start([
        Reply::status("404 Not Found", ""),
        Reply::status(
            "412 Precondition Failed",
            "<Error><Code>PreconditionFailed</Code></Error>",
        ),
    ]);
    assert_eq!(store(&server).unwrap_err().kind(), ErrorKind::Exists);
}

#[test]
fn whether_everybody_can_read_an_object_is_asked_without_a_signature() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (reply, expected) in [
        (Reply::ok("d"), Some(true)),
        (Reply::status("403 Forbidden", ""), Some(false)),
        (Reply::status("400 Bad Request", ""), Some(false)),
        (Reply::status("501 Not Implemented", ""), None),
    ] {
        let server = Scripted::start([reply]);
        let mut settings = settings(&server);
        // Of no use to who has no credentials either.
        settings.customer_key = Some("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".into());
        let client = S3Client::new(settings, &Stop::default()).unwrap();
        let public = runtime.block_on(client.is_public("a/b"));
        assert_eq!(public.ok(), expected);
        let head = server.asked().remove(0);
        assert!(head.starts_with("GET /a/b HTTP/1.1\r\n"), "{head}");
        for secret in ["authorization", "x-amz-security-token", "customer-key"] {
            assert!(!head.contains(secret), "{head}");
        }
    }
}
