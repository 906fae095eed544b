//! The page of `report`, live: made when it is due, with a notice on top where it could not be made anew.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, HeaderValue};

use super::answer::Answer;
use super::cache::Seen;
use super::figures::once;
use super::health;
use crate::error::Result;
use crate::report_page::{self, Facts};
use crate::run::Context;

/// What was gathered for the page, and the page.
#[derive(Debug)]
pub(super) struct LivePage {
    facts: Facts,
    text: Bytes,
    /// The page with the notice that it was last shown with: it stays the same for a minute, however many ask.
    noted: Mutex<Option<(String, Bytes)>>,
}

impl LivePage {
    pub(super) fn read(context: &Context) -> Result<Self> {
        once(context, |context| {
            let facts = report_page::gather(context)?;
            let text = Bytes::from(report_page::page(&facts, None));
            Ok(Self {
                facts,
                text,
                noted: Mutex::default(),
            })
        })
    }

    /// The page as it is to be shown now.
    pub(super) fn text(&self, seen: &Seen<Self>) -> Bytes {
        let Some(trouble) = health::trouble(seen) else {
            return self.text.clone();
        };
        let minutes = seen.age.as_secs() / 60;
        let notice =
            format!("This page is {minutes} minutes old and could not be made anew: {trouble}");
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = noted.as_ref().filter(|(known, _)| *known == notice) {
            return text.clone();
        }
        let text = Bytes::from(report_page::page(&self.facts, Some(&notice)));
        *noted = Some((notice, text.clone()));
        text
    }
}

/// The same answer, in which a browser may use the style of the page and nothing else.
pub(super) fn with_style(mut answer: Answer) -> Answer {
    let hash = BASE64.encode(digest(&SHA256, report_page::style().as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    // Base64 has no character that a header may not have.
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    answer
}
