//! What the task that fetches a file hands to its reader.

use bytes::Bytes;

use crate::budget::Permit;
use crate::error::Error;

/// What the task hands over. The end is said, so that a task that ended otherwise is never taken for a short file.
pub(super) enum Delivery {
    Piece(Vec<Bytes>, Option<Permit>),
    Failed(Error),
    End,
}
