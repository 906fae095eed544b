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

/// The failure with what the user can do about a name of the server that leads nowhere: the name of the bucket may stand before it.
pub(crate) fn with_hint_for_name(mut failure: Failure, error: &HttpError, hint: &str) -> Failure {
    // No address has such a name, as `bucket.127.0.0.1`; and nobody knows the name.
    let of_names = ["invalid dns name", "failed to lookup address"];
    if let Outcome::Lost(why) = &error.outcome
        && of_names.iter().any(|text| why.contains(text))
    {
        failure.hints.push(hint.to_owned());
    }
    failure
}

/// An answer that makes no sense.
pub(crate) fn broken(reason: impl Into<String>) -> Failure {
    Failure {
        kind: ErrorKind::Broken,
        reason: reason.into(),
        hints: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Request;

    #[test]
    fn only_a_name_that_leads_nowhere_has_the_hint_for_it() {
        let hints = |why: &str| {
            let outcome = Outcome::Lost(format!("unable to connect to 'b.127.0.0.1:9000': {why}"));
            let error = HttpError::new(&Request::new("GET", "/"), outcome);
            let failure = of_request(&error, |_| (ErrorKind::Broken, None));
            with_hint_for_name(failure, &error, "what to do").hints
        };
        assert_eq!(hints("invalid dns name"), ["what to do"]);
        let unknown = "failed to lookup address information: Name or service not known";
        assert_eq!(hints(unknown), ["what to do"]);
        assert!(hints("[111] Connection refused").is_empty());
    }
}
