//! The two ways in which the outside world lets a test down: a part is not there, or it failed.
//!
//! Only `Missing` makes a test *ignored*; everything else is a failure.

use std::fmt::Display;

/// Why a part of the test kit could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something that `scripts/setup test` brings (or that the machine does not allow) is not there.
    #[error("{0}")]
    Missing(String),
    /// A real part was there and did not work.
    #[error("{0}")]
    Failed(String),
}

/// Result of everything in the test kit.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A part that `scripts/setup test` would bring.
    pub fn missing(what: impl Display) -> Self {
        Self::Missing(format!("{what} is missing (scripts/setup test brings it)"))
    }

    /// A failure in the words of whoever saw it.
    pub fn failed(what: impl Display) -> Self {
        Self::Failed(what.to_string())
    }
}

/// Adds to an error what was being done.
pub(crate) trait During<T> {
    /// `what` completes the sentence "unable to …".
    fn during(self, what: impl Display) -> Result<T>;
}

impl<T, E: Display> During<T> for std::result::Result<T, E> {
    fn during(self, what: impl Display) -> Result<T> {
        self.map_err(|error| Error::Failed(format!("unable to {what}: {error}")))
    }
}
