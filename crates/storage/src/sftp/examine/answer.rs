//! What a server answered to one request.

use crate::FileType;
use crate::sftp::engine::channel::Lost;
use crate::sftp::protocol::attributes::Attributes;
use crate::sftp::protocol::status::Status;

/// A request that was not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Code of the answer; `None`: the connection ended.
    pub code: Option<u32>,
    /// `sftp error [3] permission denied`
    pub reason: String,
}

impl Refusal {
    /// There is no such file.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.code, Some(Status::NO_SUCH_FILE | 10))
    }

    /// The account has no right to it.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.code, Some(Status::PERMISSION_DENIED | 12))
    }

    pub(super) fn lost(lost: &Lost) -> Self {
        Self {
            code: None,
            reason: lost.0.to_string(),
        }
    }

    pub(super) fn strange() -> Self {
        Self {
            code: None,
            reason: "the server's answer does not fit the request".into(),
        }
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self {
            code: Some(status.code),
            reason: status.reason(),
        }
    }
}

/// What was answered to one request.
pub type Answer<T> = Result<T, Refusal>;

/// A file as the server shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Name in its directory; empty for a single file.
    pub name: String,
    pub kind: Option<FileType>,
    pub size: u64,
    /// Permission bits.
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    /// Seconds since 1970 by the server's clock.
    pub modified: Option<u32>,
}

impl Seen {
    pub(super) fn of(name: &[u8], attributes: &Attributes) -> Self {
        Self {
            name: String::from_utf8_lossy(name).into_owned(),
            kind: attributes.kind(),
            size: attributes.size.unwrap_or(0),
            mode: attributes.mode.map(|mode| mode & 0o7777),
            uid: attributes.owner.map(|(uid, _)| uid),
            modified: attributes.times.map(|(_, modified)| modified),
        }
    }
}
