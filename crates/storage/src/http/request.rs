//! One request: what is asked, and how it is shown without its secrets.

use bytes::Bytes;

use super::encode::percent_encode;

/// What stands for a secret in messages.
pub(super) const REDACTED: &str = "<redacted>";

/// Headers and query keys whose values are never shown: they are secrets or let a request be repeated by somebody else.
const SECRET: &[&str] = &[
    "authorization",
    "date",
    "x-amz-date",
    "x-ms-date",
    "x-amz-security-token",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-server-side-encryption-customer-key-md5",
    "x-aws-ec2-metadata-token",
    "sig",
    "signature",
    "x-amz-signature",
    "upload_id",
    "x-guploader-uploadid",
    "webidentitytoken",
];

/// A request before it is authorized; cloning shares the body.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// Encoded, from the slash on.
    pub(crate) path: String,
    /// Not encoded.
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    /// The answer's body is no longer than this.
    pub(crate) answer_limit: usize,
    /// Not repeated by the client: what another try sends depends on what came of this one.
    pub(crate) once: bool,
}

/// Lists of names and error texts are shorter than this.
const ANSWER_LIMIT: usize = 16 << 20;

impl Request {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            answer_limit: ANSWER_LIMIT,
            once: false,
        }
    }

    pub(crate) fn query(mut self, key: &str, value: impl Into<String>) -> Self {
        self.query.push((key.to_owned(), value.into()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// The query as it is sent and signed: encoded, sorted by key.
    pub(crate) fn encoded_query(&self) -> String {
        let mut pairs: Vec<String> = self
            .query
            .iter()
            .map(|(key, value)| {
                format!(
                    "{}={}",
                    percent_encode(key, false),
                    percent_encode(value, false)
                )
            })
            .collect();
        pairs.sort();
        pairs.join("&")
    }

    /// Path and query as they are sent.
    pub(crate) fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.encoded_query())
        }
    }

    /// Method, path and query for messages.
    pub(super) fn shown_target(&self) -> String {
        let mut shown = self.clone();
        for (key, value) in &mut shown.query {
            if is_secret(key) {
                REDACTED.clone_into(value);
            }
        }
        let query: Vec<String> = shown
            .query
            .iter()
            .map(|(key, value)| {
                if value == REDACTED {
                    format!("{key}={value}")
                } else {
                    format!("{key}={}", percent_encode(value, false))
                }
            })
            .collect();
        if query.is_empty() {
            format!("{} {}", self.method, self.path)
        } else {
            format!("{} {}?{}", self.method, self.path, query.join("&"))
        }
    }

    /// Every secret that is sent, in the forms in which a server may repeat it: Amazon's answers to a wrong signature hold
    /// the headers that were signed, as text and as a dump in hexadecimal. Longest first, so that none hides a part of another.
    pub(super) fn secrets(&self) -> Vec<String> {
        let headers = self.headers.iter().map(|(name, value)| (*name, value));
        let query = self.query.iter().map(|(key, value)| (key.as_str(), value));
        let mut secrets = Vec::new();
        for (name, value) in headers.chain(query) {
            if !is_secret(name) || name.ends_with("date") {
                continue;
            }
            let own = value.as_str();
            let key = between(own, "Credential=", "/");
            let signature = between(own, "Signature=", ",");
            let shared = between(own, "SharedKey ", " ").and_then(|own| between(own, ":", " "));
            let bearer = own.strip_prefix("Bearer ");
            for secret in [Some(own), key, signature, shared, bearer]
                .into_iter()
                .flatten()
            {
                let dump: Vec<String> = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
                secrets.extend([
                    secret.to_owned(),
                    percent_encode(secret, false),
                    dump.join(" "),
                ]);
            }
        }
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }

    /// Headers for messages.
    pub(super) fn shown_headers(&self) -> Vec<(String, String)> {
        let mut shown: Vec<(String, String)> = self
            .headers
            .iter()
            .map(|(name, value)| {
                let value = if is_secret(name) { REDACTED } else { value };
                ((*name).to_owned(), value.to_owned())
            })
            .collect();
        shown.push(("content-length".to_owned(), self.body.len().to_string()));
        shown.sort();
        shown
    }
}

/// What stands in `text` behind `before`, up to `end` or the end of the text.
fn between<'a>(text: &'a str, before: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(end).map_or(rest, |(found, _)| found))
}

/// Whether the value of a header or query key must not be shown.
pub(super) fn is_secret(name: &str) -> bool {
    SECRET
        .iter()
        .any(|secret| secret.eq_ignore_ascii_case(name))
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown_target())
    }
}
