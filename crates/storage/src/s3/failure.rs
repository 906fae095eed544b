//! What a refusal of an S3 server means: its class, and what the user can do about it.

use crate::ErrorKind;
use crate::http::{Answer, HttpError};
use crate::object::failure::{of_request, with_hint_for_name};
use crate::object::store::Failure;
use crate::object::xml::Element;

/// Code and message of an error that an answer holds.
pub(super) fn error_of(answer: &Answer) -> Option<(String, String)> {
    let error = Element::parse(&answer.body).ok()?;
    (error.name == "Error").then(|| {
        (
            error.text_of("Code").to_owned(),
            error.text_of("Message").to_owned(),
        )
    })
}

const NAME: &str = "is repo-s3-endpoint right? The name of the bucket stands before it: a server of your own, such as MinIO, \
    often has no such name and needs repo-s3-uri-style=path.";

/// The failure that an error of a request is.
pub(super) fn failure(error: &HttpError) -> Failure {
    with_hint_for_name(of_request(error, refusal), error, NAME)
}

fn refusal(answer: &Answer) -> (ErrorKind, Option<&'static str>) {
    let (code, message) = error_of(answer).unwrap_or_default();
    match (code.as_str(), answer.status.as_u16()) {
        ("NoSuchBucket", _) => (
            ErrorKind::Broken,
            Some("does the bucket of repo-s3-bucket exist at repo-s3-endpoint?"),
        ),
        ("SignatureDoesNotMatch" | "InvalidAccessKeyId", _) => (
            ErrorKind::Identity,
            Some("are repo-s3-key and repo-s3-key-secret right?"),
        ),
        ("ExpiredToken" | "InvalidToken", _) => {
            (ErrorKind::Identity, Some("is repo-s3-token still valid?"))
        }
        ("RequestTimeTooSkewed", _) => (
            ErrorKind::Identity,
            Some("is the clock of this host right?"),
        ),
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "TemporaryRedirect", _) => (
            ErrorKind::Broken,
            Some("do repo-s3-region and repo-s3-endpoint belong to the bucket?"),
        ),
        // As Garage says it, which has one code for all it refuses.
        ("AccessDenied", _)
            if message.contains("Invalid signature") || message.contains("No such key") =>
        {
            (
                ErrorKind::Identity,
                Some("are repo-s3-key and repo-s3-key-secret right?"),
            )
        }
        ("AccessDenied", _) | (_, 401 | 403) => (ErrorKind::Denied, None),
        ("InvalidRequest", _)
            if message.contains("Object Lock") || message.contains("ObjectLock") =>
        {
            (
                ErrorKind::Broken,
                Some(
                    "repo-storage-lock needs a bucket that was made with Object Lock: use such a bucket, or remove the option.",
                ),
            )
        }
        ("NotImplemented", _) | (_, 501) => (ErrorKind::Unsupported, None),
        ("PreconditionFailed", _) | (_, 412) => (ErrorKind::Exists, None),
        (_, 507) => (ErrorKind::NoSpace, None),
        // Repeated for as long as there was time.
        (_, 408 | 429 | 500..=599) => (ErrorKind::Busy, None),
        _ => (ErrorKind::Broken, None),
    }
}
