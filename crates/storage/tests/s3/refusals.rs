//! What a real server refuses, and what is not trusted: class, hint, and no secret in the text.

use std::time::Duration;

use pgkeep_storage::s3::{KeySource, S3Settings};
use pgkeep_storage::{Error, ErrorKind, ListOptions, StoragePath, WriteOptions};
use pgkeep_testkit::object_server::{KEY, Kind, ObjectServer};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{open_boxed, settings};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_wrong_secret_is_refused", wrong_secret)
        .test("a_missing_bucket_is_told_as_such", missing_bucket)
        .test("an_unknown_authority_is_not_trusted", unknown_authority)
        .test(
            "a_self_signed_certificate_is_trusted_when_it_was_named_itself",
            self_signed,
        )
        .test("verification_can_be_switched_off", no_verification)
        .test("a_server_that_is_gone_is_a_connection_error", gone)
}

fn list_error(settings: S3Settings) -> Result<Error, Box<dyn std::error::Error>> {
    match open_boxed(settings)?.list(&StoragePath::root(), &ListOptions::default()) {
        Ok(found) => Err(format!("the list was given: {found:?}").into()),
        Err(error) => Ok(error),
    }
}

fn wrong_secret() -> TestResult {
    let server = ObjectServer::start(Kind::S3s)?;
    let mut settings = settings(&server);
    settings.keys = KeySource::Shared {
        key: KEY.into(),
        secret: "another-secret".into(),
        token: None,
    };
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Identity, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("HTTP request failed with 403 (Forbidden)"),
        "{text}"
    );
    assert!(text.contains("authorization: <redacted>"), "{text}");
    assert!(!text.contains("another-secret"), "{text}");
    assert!(error.hints[0].contains("repo-s3-key"), "{error:?}");
    Ok(())
}

fn missing_bucket() -> TestResult {
    for kind in [Kind::Moto, Kind::S3s] {
        let server = ObjectServer::start(kind)?;
        let mut settings = settings(&server);
        settings.bucket = "no-such-bucket".to_owned();
        let error = list_error(settings)?;
        assert_eq!(error.kind(), ErrorKind::Broken, "{error}");
        assert!(error.hints[0].contains("repo-s3-bucket"), "{error:?}");
    }
    Ok(())
}

fn unknown_authority() -> TestResult {
    let server = ObjectServer::start(Kind::Moto)?;
    let other = ObjectServer::start(Kind::Moto)?;
    let mut settings = settings(&server);
    settings.http.ca_file = Some(other.ca_file());
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    assert!(error.hints[0].contains("repo-storage-ca-file"), "{error:?}");
    Ok(())
}

fn self_signed() -> TestResult {
    let mut server = ObjectServer::start(Kind::S3s)?;
    server.show_self_signed()?;
    let named = settings(&server);
    assert!(
        open_boxed(named.clone())?
            .list(&StoragePath::root(), &ListOptions::default())?
            .is_some()
    );
    // Its name counts all the same.
    let mut other_name = named.clone();
    other_name.http.server.host = "127.0.0.1".to_owned();
    let error = list_error(other_name)?;
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    assert!(error.to_string().contains("not valid for name"), "{error}");
    // Another of the same kind is not meant.
    let other = ObjectServer::start(Kind::S3s)?;
    let mut not_named = named;
    not_named.http.ca_file = Some(other.ca_file());
    let error = list_error(not_named)?;
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    Ok(())
}

fn no_verification() -> TestResult {
    let server = ObjectServer::start(Kind::Moto)?;
    let mut settings = settings(&server);
    settings.http.ca_file = None;
    settings.http.verify_tls = false;
    let storage = open_boxed(settings)?;
    let path = StoragePath::new("file");
    pgkeep_storage::copy::write_all(&*storage, &path, &WriteOptions::default(), b"x")?;
    Ok(())
}

fn gone() -> TestResult {
    let server = ObjectServer::start(Kind::Moto)?;
    let mut settings = settings(&server);
    settings.http.io_timeout = Duration::from_millis(300);
    drop(server);
    let ca = settings.http.ca_file.take();
    assert!(ca.is_some());
    settings.http.verify_tls = false;
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    Ok(())
}
