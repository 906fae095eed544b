//! What an error of a request means to a storage, whoever the server is.

use super::store::Failure;
use crate::ErrorKind;
use crate::http::{Answer, HttpError, Outcome};

/// The failure that an error is; `refusal` knows the server's answers: what kind they are, and what the user can do.
pub(crate) fn of_request(
    error: &HttpError,
    refusal: impl Fn(&Answer) -> (ErrorKind, Option<&'static str>),
) -> Failure {
    let (kind, hint) = match &error.outcome {
        Outcome::Lost(_) => (ErrorKind::Connect, None),
        Outcome::Untrusted(_) => (
            ErrorKind::Untrusted,
            Some(
                "repo-storage-ca-file or repo-storage-ca-path names the authority of the server's certificate.",
            ),
        ),
        Outcome::NotMade(none) => (none.kind, None),
        Outcome::Cancelled => (ErrorKind::Cancelled, None),
        Outcome::Refused(answer) => refusal(answer),
    };
    Failure {
        kind,
        reason: error.to_string(),
        hints: hint.into_iter().map(str::to_owned).collect(),
    }
}

/// An answer that makes no sense.
pub(crate) fn broken(reason: impl Into<String>) -> Failure {
    Failure {
        kind: ErrorKind::Broken,
        reason: reason.into(),
        hints: Vec::new(),
    }
}
