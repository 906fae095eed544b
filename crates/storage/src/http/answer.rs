//! What a server answered: status, headers and the whole body.

use std::fmt;

use bytes::Bytes;
use http::StatusCode;

use super::request::REDACTED;

/// A complete answer.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// The answer without these texts, and without the query of an address that it names: servers repeat what they were
    /// sent, and a query can hold a signature.
    pub(super) fn without(&self, secrets: &[String]) -> Self {
        let mut shown = self.clone();
        let hide = |text: &mut String| {
            for secret in secrets {
                if text.contains(secret) {
                    *text = text.replace(secret, REDACTED);
                }
            }
        };
        for (name, value) in &mut shown.headers {
            hide(value);
            if name == "location"
                && let Some((place, _)) = value.split_once('?')
            {
                *value = format!("{place}?{REDACTED}");
            }
        }
        let mut body = String::from_utf8_lossy(&shown.body).into_owned();
        hide(&mut body);
        shown.body = Bytes::from(body);
        shown
    }
}

impl fmt::Debug for Answer {
    /// Nothing of the body: it may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}
