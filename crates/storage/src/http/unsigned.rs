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

/// Whether the answer to a request without credentials says that everybody is let in; other errors are handed back.
pub(crate) fn lets_everybody_in(asked: Result<Answer, HttpError>) -> Result<bool, HttpError> {
    match asked {
        Ok(_) => Ok(true),
        Err(error) if (error.answer()).is_some_and(|answer| answer.status.is_client_error()) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
