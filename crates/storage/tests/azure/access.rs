//! What proves who we are: keys, signatures, tokens; how each is refused, and that none is shown.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use pgkeep_storage::azure::{Access, AzureSettings, UriStyle};
use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::http::Endpoint;
use pgkeep_storage::{Error, ErrorKind, ListOptions, StoragePath, WriteOptions};
use pgkeep_testkit::object_server::{BUCKET, Kind, ObjectServer};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, open_boxed, settings};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("the_account_may_be_in_the_host", host_style)
        .test("a_shared_access_signature_does_everything", signature)
        .test(
            "a_signature_without_rights_or_time_is_told",
            weak_signatures,
        )
        .test("a_token_of_the_machine_does_everything", token)
        .test("a_wrong_key_is_refused", wrong_key)
        .test("a_missing_container_is_told_as_such", missing_container)
        .test("an_unknown_authority_is_not_trusted", unknown_authority)
        .test("a_container_that_everybody_can_read_is_found", public)
        .test("a_server_that_is_gone_is_a_connection_error", gone)
}

/// Every kind of request: small and large files, lists, reading, removal of one and of many.
fn everything(settings: AzureSettings) -> TestResult {
    let storage = open_boxed(settings)?;
    for (name, size) in [("d/a", 3), ("d/b", 5 << 20), ("d/c", 0)] {
        let content = bytes(7, size);
        let path = StoragePath::new(name);
        write_all(&*storage, &path, &WriteOptions::default(), &content)?;
        assert!(read_all(&*storage, &path, 1 << 30)?.as_ref() == Some(&content));
    }
    let found = storage.list(&StoragePath::new("d"), &ListOptions::default())?;
    assert_eq!(found.map(|found| found.len()), Some(3));
    storage.remove(&StoragePath::new("d/a"))?;
    storage.remove_tree(&StoragePath::new("d"))?;
    assert_eq!(
        storage.list(&StoragePath::new("d"), &ListOptions::default())?,
        None
    );
    Ok(())
}

fn public() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let storage = open_boxed(settings(&server))?;
    let seen = || {
        let rights = storage.as_rights().expect("a bucket has them");
        rights.try_rights(&StoragePath::new("trial")).public
    };
    assert_eq!(seen(), Some(false));
    let target = format!("/{BUCKET}?restype=container&comp=acl");
    server.ask_azurite("PUT", &target, "x-ms-blob-public-access: blob", "")?;
    assert_eq!(seen(), Some(true));
    Ok(())
}

fn list_error(settings: AzureSettings) -> Result<Error, Box<dyn std::error::Error>> {
    match open_boxed(settings)?.list(&StoragePath::root(), &ListOptions::default()) {
        Ok(found) => Err(format!("the list was given: {found:?}").into()),
        Err(error) => Ok(error),
    }
}

fn host_style() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let mut settings = settings(&server);
    settings.uri_style = UriStyle::Host;
    settings.endpoint = Endpoint::parse("blob.example.org")?;
    everything(settings)
}

fn signature() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let mut settings = settings(&server);
    settings.access = Access::Sas(server.shared_access_signature("racwdl", 600)?.into());
    everything(settings)
}

fn weak_signatures() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    for (permissions, seconds, kind, hint) in [
        ("l", 600, ErrorKind::Denied, "needs the permissions"),
        ("racwdl", -600, ErrorKind::Identity, "has it not ended"),
    ] {
        let mut settings = settings(&server);
        let signature = server.shared_access_signature(permissions, seconds)?;
        settings.access = Access::Sas(signature.clone().into());
        let storage = open_boxed(settings)?;
        let path = StoragePath::new("file");
        let error = write_all(&*storage, &path, &WriteOptions::default(), b"x").unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.hints[0].contains(hint), "{error:?}");
        let (_, secret) = signature.split_once("sig=").ok_or("no signature")?;
        let shown = format!("{error} {error:?} {storage:?}");
        assert!(shown.contains("sig=<redacted>"), "{shown}");
        assert!(!shown.contains(secret), "{shown}");
    }
    Ok(())
}

/// A machine's metadata service that gives one token to everybody.
fn metadata(token: &str) -> Result<Endpoint, Box<dyn std::error::Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr()?))?;
    let body = format!("{{\"access_token\":\"{token}\",\"expires_in\":\"3600\"}}");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let mut client = client;
            let mut asked = [0; 4096];
            let length = client.read(&mut asked).unwrap_or(0);
            let good = String::from_utf8_lossy(&asked[..length]).contains("metadata: true\r\n");
            let status = if good { "200 OK" } else { "400 Bad Request" };
            let _ = write!(
                client,
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    Ok(endpoint)
}

fn token() -> TestResult {
    let server = ObjectServer::start_taking_tokens()?;
    let mut settings = settings(&server);
    settings.access = Access::Auto {
        metadata: metadata(&server.account_token(3600)?)?,
    };
    everything(settings.clone())?;
    // One that has ended is asked for once more, and then told.
    settings.access = Access::Auto {
        metadata: metadata(&server.account_token(-30)?)?,
    };
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Identity, "{error}");
    assert!(error.hints[0].contains("managed identity"), "{error:?}");
    assert!(error.to_string().contains("authorization: <redacted>"));
    Ok(())
}

fn wrong_key() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let mut settings = settings(&server);
    settings.access = Access::Shared("YW5vdGhlci1rZXk=".into());
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Identity, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("HTTP request failed with 403 (Forbidden)"),
        "{text}"
    );
    assert!(text.contains("authorization: <redacted>"), "{text}");
    assert!(error.hints[0].contains("repo-azure-key"), "{error:?}");
    Ok(())
}

fn missing_container() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let mut settings = settings(&server);
    settings.container = "no-such-container".to_owned();
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Broken, "{error}");
    assert!(error.hints[0].contains("repo-azure-container"), "{error:?}");
    Ok(())
}

fn unknown_authority() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let other = ObjectServer::start(Kind::Azurite)?;
    let mut settings = settings(&server);
    settings.http.ca_file = Some(other.ca_file());
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    assert!(error.hints[0].contains("repo-storage-ca-file"), "{error:?}");
    Ok(())
}

fn gone() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let mut settings = settings(&server);
    settings.http.io_timeout = Duration::from_millis(300);
    drop(server);
    settings.http.ca_file = None;
    settings.http.verify_tls = false;
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    Ok(())
}
