//! Requests that bear no signature: those for keys and tokens, which say themselves who asks.

use super::answer::Answer;
use super::client::{Service, Verdict, verdict_by_status};
use super::error::HttpError;
use super::request::Request;

/// Sends requests as they are.
pub(crate) struct Unsigned;

impl Service for Unsigned {
    async fn authorize(&self, request: &Request) -> Result<Request, HttpError> {
        Ok(request.clone())
    }

    fn verdict(&self, _: &Request, answer: &Answer) -> Verdict {
        verdict_by_status(answer.status)
    }
}
