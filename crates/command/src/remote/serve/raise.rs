//! An error of this host for the other one.

use pgkeep_protocol::Raised;

use crate::error::Error;

/// Code, text and hints; what the storage or the session knew of it beyond that, their services add.
#[must_use]
pub fn raise(error: &Error) -> Raised {
    let raised = Raised::new(error.code.number(), error.message.clone());
    error
        .hints
        .iter()
        .fold(raised, |raised, hint| raised.with_hint(hint))
}
