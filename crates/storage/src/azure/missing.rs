//! Which refusals say that a blob is not there.

use http::StatusCode;

use super::failure::code_of;
use crate::http::HttpError;

/// No such blob; a missing container is another matter.
pub(super) fn is_missing(error: &HttpError) -> bool {
    error.answer().is_some_and(|answer| {
        answer.status == StatusCode::NOT_FOUND
            && !matches!(
                code_of(answer).as_str(),
                "ContainerNotFound" | "ContainerBeingDeleted" | "ResourceNotFound"
            )
    })
}
