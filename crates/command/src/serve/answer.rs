//! Answers: status, headers that let a browser do nothing but show them, and the text.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;

use super::rules::Refused;

pub(super) type Answer = Response<Full<Bytes>>;

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const JSON: &str = "application/json";
pub(super) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The older format, for those who do not ask for the newer one; the text is valid in both.
pub(super) const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Nothing is fetched, run, sent, framed, kept or guessed.
const CLOSED: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// An answer of this kind.
pub(super) fn answer(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in CLOSED {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    answer
}

/// The same, with the age of what it tells.
pub(super) fn with_age(mut answer: Answer, age: Duration) -> Answer {
    let age = HeaderValue::from(age.as_secs());
    answer.headers_mut().insert(header::AGE, age);
    answer
}

/// There is nothing to tell yet.
pub(super) fn unavailable(why: &str) -> Answer {
    let text = format!("{why}\n");
    let mut answer = answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, text);
    let soon = HeaderValue::from_static("5");
    // For programs, and for browsers.
    answer
        .headers_mut()
        .insert(header::RETRY_AFTER, soon.clone());
    answer.headers_mut().insert(header::REFRESH, soon);
    answer
}

/// A request that gets nothing.
pub(super) fn refusal(refused: Refused) -> Answer {
    let mut answer = answer(refused.status(), TEXT, refused.text());
    let headers = answer.headers_mut();
    match refused {
        Refused::Method => {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        Refused::Token => {
            for scheme in ["Bearer", "Basic realm=\"pgkeep\", charset=\"UTF-8\""] {
                headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
            }
        }
        Refused::NoHost | Refused::OtherHost | Refused::Nothing => {}
    }
    answer
}
