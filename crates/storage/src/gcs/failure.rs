//! What a refusal of GCS means: its class, and what the user can do about it.

use serde_json::Value;

use crate::http::{Answer, Endpoint, HttpError};
use crate::object::failure::of_request;
use crate::object::store::Failure;
use crate::{Error, ErrorKind, Operation};

/// The error that an answer holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) reason: String,
    message: String,
}

/// What an answer says of its error.
pub(super) fn error_of(answer: &Answer) -> Option<Told> {
    let found: Value = serde_json::from_slice(&answer.body).ok()?;
    let error = found.get("error")?;
    let text = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let first = error.get("errors").and_then(|errors| errors.get(0));
    Some(Told {
        reason: text(first.and_then(|first| first.get("reason"))),
        message: text(error.get("message")),
    })
}

/// The error of settings that no client can be made of: it is about whom to trust.
pub(super) fn unusable(server: &Endpoint, reason: String) -> Error {
    Error::new(
        ErrorKind::Untrusted,
        Operation::Connect,
        server.url(),
        reason,
    )
}

/// No such object; a missing bucket is another matter.
pub(super) fn is_missing(error: &HttpError) -> bool {
    error.answer().is_some_and(|answer| {
        answer.status.as_u16() == 404
            && error_of(answer).is_none_or(|told| !is_bucket_missing(&told.message))
    })
}

fn is_bucket_missing(message: &str) -> bool {
    message.contains("bucket does not exist")
}

/// The failure that an error of a request is.
pub(super) fn failure(error: &HttpError) -> Failure {
    of_request(error, refusal)
}

fn refusal(answer: &Answer) -> (ErrorKind, Option<&'static str>) {
    let told = error_of(answer).unwrap_or_default();
    match (answer.status.as_u16(), told.reason.as_str()) {
        (400, _) if told.message.contains("requester pays") => (
            ErrorKind::Denied,
            Some("repo-gcs-user-project names the project that pays for requests to this bucket."),
        ),
        (401, _) => (
            ErrorKind::Identity,
            Some("is repo-gcs-key right for repo-gcs-key-type, and still valid?"),
        ),
        (403, "retentionPolicyNotMet" | "objectUnderActiveHold") => (
            ErrorKind::Denied,
            Some("the bucket keeps this object for a time that is not over."),
        ),
        (403, "userProjectAccessDenied") => (
            ErrorKind::Denied,
            Some("may the account use the project of repo-gcs-user-project?"),
        ),
        (403, _) => (ErrorKind::Denied, None),
        (404, _) => (
            ErrorKind::Broken,
            Some("does the bucket of repo-gcs-bucket exist at repo-gcs-endpoint?"),
        ),
        (412, _) => (ErrorKind::Exists, None),
        (501, _) => (ErrorKind::Unsupported, None),
        // Repeated for as long as there was time.
        (408 | 429 | 500..=599, _) => (ErrorKind::Busy, None),
        _ => (ErrorKind::Broken, None),
    }
}
