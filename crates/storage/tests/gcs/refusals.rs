//! What the server refuses, and what is not trusted: class, hint, and no secret in the text.

use std::time::Duration;

use pgkeep_storage::gcs::{GcsSettings, TokenSource};
use pgkeep_storage::{Error, ErrorKind, ListOptions, StoragePath};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{open_boxed, settings, start};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_wrong_token_is_refused", wrong_token)
        .test("a_missing_bucket_is_told_as_such", missing_bucket)
        .test("an_unknown_authority_is_not_trusted", unknown_authority)
        .test("a_server_that_is_gone_is_a_connection_error", gone)
}

fn list_error(settings: GcsSettings) -> Result<Error, Box<dyn std::error::Error>> {
    match open_boxed(settings)?.list(&StoragePath::root(), &ListOptions::default()) {
        Ok(found) => Err(format!("the list was given: {found:?}").into()),
        Err(error) => Ok(error),
    }
}

fn wrong_token() -> TestResult {
    let server = start()?;
    let mut settings = settings(&server);
    settings.token = TokenSource::Given("Bearer another-secret".into());
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Identity, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("HTTP request failed with 401 (Unauthorized)"),
        "{text}"
    );
    assert!(text.contains("authorization: <redacted>"), "{text}");
    assert!(!text.contains("another-secret"), "{text}");
    assert!(error.hints[0].contains("repo-gcs-key"), "{error:?}");
    Ok(())
}

fn missing_bucket() -> TestResult {
    let server = start()?;
    let mut settings = settings(&server);
    settings.bucket = "no-such-bucket".to_owned();
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Broken, "{error}");
    assert!(error.hints[0].contains("repo-gcs-bucket"), "{error:?}");
    Ok(())
}

fn unknown_authority() -> TestResult {
    let (server, other) = (start()?, start()?);
    let mut settings = settings(&server);
    settings.http.ca_file = Some(other.ca_file());
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    assert!(error.hints[0].contains("repo-storage-ca-file"), "{error:?}");
    Ok(())
}

fn gone() -> TestResult {
    let server = start()?;
    let mut settings = settings(&server);
    settings.http.io_timeout = Duration::from_millis(300);
    settings.http.ca_file = None;
    settings.http.verify_tls = false;
    drop(server);
    let error = list_error(settings)?;
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    Ok(())
}
