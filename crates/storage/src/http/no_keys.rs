//! Why a request could not be authorized: nothing was sent to the server that it is for.

use crate::ErrorKind;

/// There is no key or token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoKeys {
    pub(crate) kind: ErrorKind,
    /// With hints on lines of their own.
    pub(crate) reason: String,
}

impl NoKeys {
    pub(crate) fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            reason: reason.into(),
        }
    }
}

/// Words alone: who we are cannot be proven.
impl From<String> for NoKeys {
    fn from(reason: String) -> Self {
        Self::new(ErrorKind::Identity, reason)
    }
}
