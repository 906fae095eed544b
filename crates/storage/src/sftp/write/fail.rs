//! Why an attempt to store a file ended.

use crate::error::Error;
use crate::sftp::engine::channel::Lost;

#[derive(Debug)]
pub(super) enum Fail {
    Lost(Lost),
    Error(Error),
    /// The caller dropped the writer.
    Dropped,
}

impl From<Lost> for Fail {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
