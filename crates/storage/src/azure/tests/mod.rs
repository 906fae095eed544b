//! What is asked of Azure, and what is made of its answers, by a server that says what the test wants.

mod locks;

use std::io::Write;

use super::*;
use crate::http::scripted::{Reply, Scripted};
use crate::http::{Endpoint, Now};
use crate::{ErrorKind, Operation, ReadOptions, Removed, Storage, StoragePath, WriteOptions};

const NOW: i64 = 1_795_903_200;

fn settings(server: &Scripted, access: Access) -> AzureSettings {
    let endpoint = Endpoint::parse("blob.example.org").unwrap();
    let mut settings = AzureSettings::new("acct", "box", endpoint, access, Now::new(|| NOW));
    settings.http = server.settings();
    settings.objects.prefetch = 0;
    settings
}

fn shared() -> Access {
    // "test-secret-key"
    Access::Shared("dGVzdC1zZWNyZXQta2V5".into())
}

fn storage(server: &Scripted) -> Box<dyn Storage> {
    boxed(settings(server, shared()))
}

fn boxed(settings: AzureSettings) -> Box<dyn Storage> {
    Box::new(open(settings).unwrap())
}

fn write_with(storage: &dyn Storage, size: usize, options: &WriteOptions) -> Result<()> {
    let mut writer = storage.open_write(&StoragePath::new("a/b"), options)?;
    let object = || "a/b".to_owned();
    writer
        .write_all(&vec![7; size])
        .map_err(|error| crate::Error::from_stream(Operation::Write, object(), error))?;
    writer.finish()?.wait().map(drop)
}

fn write(storage: &dyn Storage, size: usize) -> Result<()> {
    write_with(storage, size, &WriteOptions::default())
}

/// Settings with such small blocks that three of them are quick.
fn small_blocks(server: &Scripted) -> Box<dyn Storage> {
    let mut settings = settings(server, shared());
    settings.chunk_size = 10;
    // One request at a time, so that the script's order is that of the requests.
    settings.http.requests = 1;
    settings.objects.byte_budget = 10;
    boxed(settings)
}

fn created() -> Reply {
    Reply::status("201 Created", "")
}

fn refused(status: &'static str, code: &str) -> Reply {
    let body = format!("\u{feff}<Error><Code>{code}</Code><Message>no</Message></Error>");
    Reply::Answer(status, "", body.into_bytes())
}

fn lines(server: &Scripted) -> Vec<String> {
    let first = |head: &String| head.lines().next().unwrap_or_default().to_owned();
    server.asked().iter().map(first).collect()
}

#[test]
fn a_request_is_signed_for_the_account_wherever_it_goes() {
    let server = Scripted::start([created(), created()]);
    let mut settings = settings(&server, shared());
    settings.tags = vec![("one".into(), "a b".into()), ("two".into(), "&".into())];
    write(&*boxed(settings.clone()), 3).unwrap();
    settings.uri_style = UriStyle::Path;
    write(&*boxed(settings), 3).unwrap();
    let asked = server.asked();
    assert!(asked[0].starts_with("PUT /box/a/b HTTP/1.1\r\n"));
    assert!(asked[0].contains("host: acct.blob.example.org\r\n"));
    assert!(asked[1].starts_with("PUT /acct/box/a/b HTTP/1.1\r\n"));
    assert!(asked[1].contains("host: blob.example.org\r\n"));
    for head in &asked {
        for line in [
            "content-length: 3\r\n",
            "content-md5: ",
            "x-ms-blob-type: BlockBlob\r\n",
            "x-ms-client-request-id: ",
            "x-ms-date: Sat, 28 Nov 2026 22:00:00 GMT\r\n",
            "x-ms-tags: one=a%20b&two=%26\r\n",
            "x-ms-version: 2024-08-04\r\n",
            "authorization: SharedKey acct:",
        ] {
            assert!(head.contains(line), "{line}:\n{head}");
        }
    }
}

#[test]
fn blocks_have_names_of_their_own_and_the_list_may_be_repeated() {
    let server = Scripted::start([created(), created(), Reply::Close, created()]);
    let mut settings = settings(&server, shared());
    settings.tags = vec![("one".into(), "1".into())];
    settings.chunk_size = 10;
    settings.http.requests = 1;
    settings.objects.byte_budget = 10;
    write(&*boxed(settings), 20).unwrap();
    let lines = lines(&server);
    let name = |line: &str| {
        let (_, rest) = line.split_once("blockid=").unwrap();
        rest.split(['&', ' ']).next().unwrap().to_owned()
    };
    assert!(lines[0].starts_with("PUT /box/a/b?blockid="), "{lines:?}");
    assert_ne!(name(&lines[0]), name(&lines[1]));
    assert_eq!(lines[2], "PUT /box/a/b?comp=blocklist HTTP/1.1");
    assert_eq!(lines[3], lines[2]);
    let heads = server.asked();
    assert!(!heads[0].contains("x-ms-tags"), "blocks bear no tags");
    assert!(heads[2].contains("x-ms-tags: one=1\r\n") && heads[2].contains("content-md5: "));
}

#[test]
fn an_upload_that_fails_leaves_its_blocks_to_the_service() {
    let server = Scripted::start([
        created(),
        refused("403 Forbidden", "AuthorizationPermissionMismatch"),
    ]);
    let error = write(&*small_blocks(&server), 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!(server.asked().len(), 2);
    let server = Scripted::start([
        created(),
        created(),
        refused("400 Bad Request", "InvalidBlockList"),
    ]);
    let error = write(&*small_blocks(&server), 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Broken);
    assert!(error.hints[0].contains("another process"), "{error:?}");
    let removed = storage(&server).remove_left_overs(&StoragePath::root(), true);
    assert_eq!(removed.unwrap(), 0);
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn a_new_file_is_asked_for_as_such_and_our_own_counts_when_an_answer_was_lost() {
    let new = WriteOptions {
        truncate: false,
        ..WriteOptions::default()
    };
    let exists = || refused("409 Conflict", "BlobAlreadyExists");
    let server = Scripted::start([exists()]);
    let error = write_with(&*storage(&server), 3, &new).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert!(server.asked()[0].contains("if-none-match: *\r\n"));
    let hash = client::md5(&[7; 3]);
    for (hash, good) in [(hash.as_str(), true), ("other", false)] {
        let head = format!("content-length: 3\r\ncontent-md5: {hash}\r\nx-");
        let server = Scripted::start([
            Reply::Close,
            exists(),
            Reply::Answer("200 OK", head.leak(), Vec::new()),
        ]);
        let written = write_with(&*storage(&server), 3, &new);
        assert_eq!(written.is_ok(), good, "{written:?}");
    }
}

#[test]
fn a_body_that_was_damaged_on_its_way_is_sent_again() {
    let server = Scripted::start([refused("400 Bad Request", "Md5Mismatch"), created()]);
    write(&*storage(&server), 3).unwrap();
    let server = Scripted::start([refused("400 Bad Request", "InvalidMd5")]);
    write(&*storage(&server), 3).unwrap_err();
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_wrong_clock_is_put_right_by_the_servers() {
    let skewed = Reply::Answer(
        "403 Forbidden",
        "date: Sun, 29 Nov 2026 22:00:00 GMT\r\n",
        b"<Error><Code>AuthenticationFailed</Code></Error>".to_vec(),
    );
    let server = Scripted::start([skewed.clone(), created()]);
    write(&*storage(&server), 1).unwrap();
    assert!(server.asked()[1].contains("x-ms-date: Sun, 29 Nov 2026 22:00:00 GMT\r\n"));
    // One that stays wrong is told.
    let server = Scripted::start([skewed.clone(), skewed.clone(), skewed]);
    let error = write(&*storage(&server), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Identity);
    assert!(error.hints[0].contains("clock"), "{error:?}");
    assert_eq!(server.asked().len(), 2);
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
        refused("412 Precondition Failed", "ConditionNotMet"),
    ]);
    let error = read(&server).unwrap_err();
    assert!(error.reason.contains("replaced"), "{error}");
    assert!(server.asked()[1].contains("if-match: \"1\"\r\n"));
}

#[test]
fn an_empty_blob_has_no_range() {
    let range = "content-range: bytes */0\r\n";
    for header in [range, ""] {
        let server = Scripted::start([
            Reply::Answer("416 Range Not Satisfiable", header, Vec::new()),
            Reply::Answer(
                "200 OK",
                "content-length: 0\r\nlast-modified: Sat, 28 Nov 2026 22:00:00 GMT\r\nx-",
                Vec::new(),
            ),
        ]);
        let found = crate::copy::read_all(&*storage(&server), &StoragePath::new("a"), 1 << 30);
        assert_eq!(found.unwrap(), Some(Vec::new()));
    }
}

#[test]
fn a_missing_container_is_not_a_missing_file() {
    for reply in [
        refused("404 Not Found", "ContainerNotFound"),
        Reply::Answer(
            "404 Not Found",
            "x-ms-error-code: ContainerNotFound\r\n",
            Vec::new(),
        ),
    ] {
        let server = Scripted::start([reply]);
        let found = storage(&server).open_read(&StoragePath::new("a"), &ReadOptions::default());
        let error = found.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Broken);
        assert!(error.hints[0].contains("repo-azure-container"), "{error:?}");
    }
    let missing = refused("404 Not Found", "BlobNotFound");
    let server = Scripted::start([missing]);
    let found = storage(&server).open_read(&StoragePath::new("a"), &ReadOptions::default());
    assert_eq!(found.err().unwrap().kind(), ErrorKind::NotFound);
}

#[test]
fn a_directory_of_a_hierarchical_namespace_is_no_file() {
    let head = "content-length: 0\r\nlast-modified: Sat, 28 Nov 2026 22:00:00 GMT\r\nx-ms-meta-hdi_isfolder: true\r\nx-";
    let below = "<EnumerationResults><Blobs><BlobPrefix><Name>d/a/</Name></BlobPrefix></Blobs></EnumerationResults>";
    let server = Scripted::start([Reply::Answer("200 OK", head, Vec::new()), Reply::ok(below)]);
    let found = storage(&server).info(&StoragePath::new("d"), crate::InfoLevel::Type);
    assert_eq!(found.unwrap().unwrap().kind, crate::FileType::Path);
}

#[test]
fn a_page_of_nothing_is_not_the_end() {
    let empty = "<EnumerationResults><Blobs/><NextMarker>m</NextMarker></EnumerationResults>";
    let some = "<EnumerationResults><Blobs><BlobPrefix><Name>d/a/</Name></BlobPrefix></Blobs><NextMarker>n</NextMarker></EnumerationResults>";
    let server = Scripted::start([
        refused("404 Not Found", "BlobNotFound"),
        Reply::ok(empty),
        Reply::ok(some),
    ]);
    let found = storage(&server).info(&StoragePath::new("d"), crate::InfoLevel::Type);
    assert!(found.unwrap().is_some());
    let lines = lines(&server);
    assert_eq!(
        lines[2],
        "GET /box?comp=list&marker=m&maxresults=1&prefix=d%2F&restype=container HTTP/1.1"
    );
    // A list that goes round in circles ends.
    let server = Scripted::start([Reply::ok(empty), Reply::ok(empty)]);
    let error = storage(&server)
        .list(&StoragePath::new("d"), &crate::ListOptions::default())
        .unwrap_err();
    assert!(error.reason.contains("does not end"), "{error}");
}

#[test]
fn no_error_or_debug_text_has_a_secret() {
    use crate::http::{Answer, HttpError, Outcome, Service};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let server = Scripted::start([]);
    let sas = Access::Sas("?sv=2020&sig=test-secret".into());
    for access in [shared(), sas] {
        let settings = settings(&server, access.clone());
        let client = AzureClient::new(settings.clone(), &Stop::default()).unwrap();
        let request = client.request("PUT", "a");
        let ready = runtime.block_on(client.authorize(&request)).unwrap();
        let mut headers = ready.headers.iter();
        let signature = match headers.find(|(name, _)| *name == "authorization") {
            Some((_, value)) => value.strip_prefix("SharedKey acct:").unwrap(),
            None => "test-secret",
        };
        // As the service tells which signature it found wrong.
        let body = format!(
            "<Error><Code>AuthenticationFailed</Code><AuthenticationErrorDetail>The MAC signature found in the \
             HTTP request '{signature}' is not the same as any computed signature.</AuthenticationErrorDetail></Error>"
        );
        let answer = Answer {
            status: http::StatusCode::FORBIDDEN,
            headers: Vec::new(),
            body: body.into(),
        };
        let error = HttpError::new(&ready, Outcome::Refused(Box::new(answer)));
        let failure = failure::failure(&error, &access);
        assert_eq!(failure.kind, ErrorKind::Identity);
        let told = "request '<redacted>' is not";
        assert!(failure.reason.contains(told), "{}", failure.reason);
        for text in [
            format!("{settings:?}"),
            format!("{client:?}"),
            format!("{ready:?}"),
            format!("{error:?}"),
            failure.reason,
        ] {
            for secret in ["test-secret", "dGVzdC1zZWNyZXQta2V5", signature] {
                assert!(!text.contains(secret), "{secret}: {text}");
            }
        }
    }
    let server = Scripted::start([]);
    for access in [
        Access::Shared("secret!".into()),
        Access::Sas("secret".into()),
    ] {
        let error = open(settings(&server, access)).err().unwrap();
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn a_signature_is_added_to_every_request_and_its_version_to_none_of_a_batch() {
    let list = "<EnumerationResults><Blobs>\
        <Blob><Name>d/a</Name><Properties><Content-Length>1</Content-Length><Last-Modified>Sat, 28 Nov 2026 22:00:00 GMT</Last-Modified></Properties></Blob>\
        <Blob><Name>d/b</Name><Properties><Content-Length>1</Content-Length><Last-Modified>Sat, 28 Nov 2026 22:00:00 GMT</Last-Modified></Properties></Blob>\
        </Blobs></EnumerationResults>";
    let answer = "--R\r\nContent-ID: 0\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n--R\r\nContent-ID: 1\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n--R--";
    let multi = "content-type: multipart/mixed; boundary=R\r\n";
    let batch = Reply::Answer("202 Accepted", multi, answer.into());
    let server = Scripted::start([Reply::ok(list), batch]);
    let access = Access::Sas("?sv=2020-08-04&sp=rdl&sig=a%2Bb%3D".into());
    let storage = boxed(settings(&server, access));
    let removed = storage.remove_tree(&StoragePath::new("d")).unwrap();
    assert_eq!(removed, Removed::Removed);
    let asked = server.asked();
    assert_eq!(
        lines(&server)[1],
        "POST /box?comp=batch&restype=container&sig=a%2Bb%3D&sp=rdl&sv=2020-08-04 HTTP/1.1"
    );
    assert!(asked[1].contains("content-type: multipart/mixed; boundary=batch_"));
    assert!(!asked[1].contains("authorization"));
}

#[test]
fn blobs_that_a_batch_left_are_removed_alone_and_the_reason_is_told() {
    let blob = |name: &str| {
        format!(
            "<Blob><Name>{name}</Name><Properties><Content-Length>1</Content-Length><Last-Modified>Sat, 28 Nov 2026 22:00:00 GMT</Last-Modified></Properties></Blob>"
        )
    };
    let list = format!(
        "<EnumerationResults><Blobs>{}{}</Blobs></EnumerationResults>",
        blob("d/a"),
        blob("d/b")
    );
    let answer = "--R\r\nContent-ID: 0\r\n\r\nHTTP/1.1 404 Missing\r\n\r\n--R\r\n\r\nHTTP/1.1 409 No\r\n\r\n--R--";
    let multi = "content-type: multipart/mixed; boundary=R\r\n";
    let server = Scripted::start([
        Reply::ok(list.clone()),
        Reply::Answer("202 Accepted", multi, answer.into()),
        refused("409 Conflict", "BlobImmutableDueToPolicy"),
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
    assert_eq!(lines(&server)[2], "DELETE /box/d/b HTTP/1.1");
    // A server that knows no batches is asked for one once.
    let gone = || Reply::status("202 Accepted", "");
    let server = Scripted::start([
        Reply::ok(list.clone()),
        refused("400 Bad Request", "InvalidQueryParameterValue"),
        gone(),
        gone(),
        Reply::ok(list),
        gone(),
        refused("404 Not Found", "BlobNotFound"),
    ]);
    let storage = storage(&server);
    for _ in 0..2 {
        storage.remove_tree(&StoragePath::new("d")).unwrap();
    }
    let batches = lines(&server)
        .iter()
        .filter(|line| line.starts_with("POST"))
        .count();
    assert_eq!((batches, server.asked().len()), (1, 7));
}

#[test]
fn a_tree_is_removed_where_the_server_has_no_list_of_what_was_begun() {
    let listed = |blobs: &str| list("", blobs);
    let begun =
        "<Blob><Name>d/a</Name><Properties><Content-Length>0</Content-Length></Properties></Blob>";
    let server = Scripted::start([listed(begun), Reply::status("202 Accepted", "")]);
    let tree = StoragePath::new("d");
    let removed = storage(&server).remove_tree(&tree).unwrap();
    assert_eq!(removed, Removed::Removed);
    assert_eq!(
        lines(&server),
        [
            "GET /box?comp=list&include=uncommittedblobs&prefix=d%2F&restype=container HTTP/1.1",
            "DELETE /box/d/a HTTP/1.1"
        ]
    );
    let server = Scripted::start([
        refused("400 Bad Request", "InvalidQueryParameterValue"),
        listed(""),
    ]);
    let removed = storage(&server).remove_tree(&tree).unwrap();
    assert_eq!(removed, Removed::Missing);
    assert_eq!(
        lines(&server)[1],
        "GET /box?comp=list&prefix=d%2F&restype=container HTTP/1.1"
    );
}

#[test]
fn a_token_that_the_service_takes_as_ended_is_replaced() {
    let metadata = Scripted::start([
        Reply::ok(r#"{"access_token":"token-1","expires_in":"9999"}"#),
        Reply::ok(r#"{"access_token":"token-2","expires_in":"9999"}"#),
    ]);
    let server = Scripted::start([
        refused("401 Unauthorized", "InvalidAuthenticationInfo"),
        created(),
    ]);
    let access = Access::Auto {
        metadata: metadata.settings().server,
    };
    write(&*boxed(settings(&server, access)), 1).unwrap();
    let asked = server.asked();
    assert!(asked[0].contains("authorization: Bearer token-1\r\n"));
    assert!(asked[1].contains("authorization: Bearer token-2\r\n"));
    assert!(metadata.asked()[0].contains("resource=https%3A%2F%2Facct.blob.example.org "));
    // A key is all there is.
    let server = Scripted::start([refused("401 Unauthorized", "NoAuthenticationInformation")]);
    let error = write(&*storage(&server), 1).unwrap_err();
    assert_eq!(
        (error.kind(), server.asked().len()),
        (ErrorKind::Identity, 1)
    );
}

fn versions(server: &Scripted) -> Box<dyn Storage> {
    let mut settings = settings(server, shared());
    settings.http.requests = 1;
    settings.objects.root = "/r".to_owned();
    settings.objects.target_time = Some(NOW - 3600);
    boxed(settings)
}

fn version(id: &str, time: &str) -> String {
    format!(
        "<Blob><Name>r/a</Name><VersionId>{id}</VersionId><Properties><Last-Modified>Sat, 28 Nov 2026 {time} GMT</Last-Modified>\
         <Content-Length>3</Content-Length></Properties></Blob>"
    )
}

fn list(more: &str, blobs: &str) -> Reply {
    Reply::ok(format!(
        "<EnumerationResults><Blobs>{blobs}</Blobs>{more}</EnumerationResults>"
    ))
}

#[test]
fn a_file_is_read_as_it_was() {
    let part = |content: &'static str, range: &'static str| {
        Reply::Answer("206 Partial Content", range, content.into())
    };
    let more = "<NextMarker>m</NextMarker>";
    // Of two of one second the later one in the list is the newer one.
    let old = version("", "20:00:00") + &version("v1", "21:00:00");
    let new = version("v2", "21:00:00") + &version("v3", "21:00:01");
    let server = Scripted::start([
        list(more, &version("", "20:00:00")),
        list("", &version("v1", "21:00:00")),
        list(more, &old),
        list("", &new),
        part("two", "content-range: bytes 0-2/3\r\n"),
    ]);
    let path = StoragePath::new("a");
    let found = crate::copy::read_all(&*versions(&server), &path, 100).unwrap();
    assert_eq!(found.as_deref(), Some(&b"two"[..]));
    assert_eq!(
        lines(&server),
        [
            "GET /box?comp=list&include=versions&prefix=r%2F&restype=container HTTP/1.1",
            "GET /box?comp=list&include=versions&marker=m&prefix=r%2F&restype=container HTTP/1.1",
            "GET /box?comp=list&delimiter=%2F&include=versions&prefix=r%2Fa&restype=container HTTP/1.1",
            "GET /box?comp=list&delimiter=%2F&include=versions&marker=m&prefix=r%2Fa&restype=container HTTP/1.1",
            "GET /box/r/a?versionid=v2 HTTP/1.1",
        ]
    );
}

#[test]
fn an_account_without_versions_is_refused() {
    let server = Scripted::start([list("", &version("", "20:00:00"))]);
    let path = StoragePath::new("a");
    let error = crate::copy::read_all(&*versions(&server), &path, 100).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.reason.contains("account 'acct' does not keep"),
        "{error}"
    );
}
