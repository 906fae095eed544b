//! Status codes: their names in messages and what they mean for the caller.

use crate::{Error, ErrorKind, Operation};

/// The command that shows what the account sees.
const SHOW: &str = "log in with `sftp` as the account and type: ls -la";

/// A refusal by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: u32,
    pub(crate) text: String,
}

impl Status {
    pub(crate) const EOF: u32 = 1;
    pub(crate) const NO_SUCH_FILE: u32 = 2;
    pub(crate) const PERMISSION_DENIED: u32 = 3;
    pub(crate) const FAILURE: u32 = 4;
    pub(crate) const UNSUPPORTED: u32 = 8;

    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.code, Self::NO_SUCH_FILE | 10)
    }

    pub(crate) fn is_denied(&self) -> bool {
        matches!(self.code, Self::PERMISSION_DENIED | 12)
    }

    /// `sftp error [3] permission denied`, with the server's own words where they say more.
    pub(crate) fn reason(&self) -> String {
        let name = name(self.code);
        let own = self.text.trim();
        let mut out = format!("sftp error [{}] {name}", self.code);
        if !own.is_empty() && !own.eq_ignore_ascii_case(name) && own.is_ascii() && own.len() < 200 {
            out.push_str(&format!(" ({own})"));
        }
        out
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        match self.code {
            Self::NO_SUCH_FILE | 10 => ErrorKind::NotFound,
            Self::PERMISSION_DENIED | 12 => ErrorKind::Denied,
            Self::UNSUPPORTED => ErrorKind::Unsupported,
            11 | 18 => ErrorKind::Exists,
            14 | 15 => ErrorKind::NoSpace,
            6 | 7 => ErrorKind::Connect,
            13 | 17 => ErrorKind::Busy,
            _ => ErrorKind::Broken,
        }
    }

    pub(crate) fn into_error(self, operation: Operation, object: impl Into<String>) -> Error {
        let error = Error::new(self.kind(), operation, object, self.reason());
        match (operation, self.code) {
            (Operation::Write | Operation::Sync | Operation::Close, Self::FAILURE | 14 | 15) => error.with_hint(
                "has the server run out of space or quota? OpenSSH has no better code for it. Log in with `sftp` and type: df -h",
            ),
            (Operation::CreatePath, Self::PERMISSION_DENIED | Self::NO_SUCH_FILE | 10 | 12) => error
                .with_hint("the path is the one the account sees: in a chroot it begins at its root, and the account must own a directory on the way")
                .with_hint(SHOW),
            (_, Self::PERMISSION_DENIED | 12) => error
                .with_hint("check that the account owns the path and that it is not mounted read-only")
                .with_hint(SHOW),
            _ => error,
        }
    }
}

fn name(code: u32) -> &'static str {
    const NAMES: [&str; 22] = [
        "ok",
        "eof",
        "no such file",
        "permission denied",
        "failure",
        "bad message",
        "no connection",
        "connection lost",
        "operation unsupported",
        "invalid handle",
        "no such path",
        "file already exists",
        "write protect",
        "no media",
        "no space on filesystem",
        "quota exceeded",
        "unknown principal",
        "lock conflict",
        "directory not empty",
        "not a directory",
        "invalid filename",
        "link loop",
    ];
    NAMES.get(code as usize).copied().unwrap_or("unknown error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_names_itself_and_keeps_only_words_that_add_something() {
        let plain = Status {
            code: 3,
            text: "Permission denied".into(),
        };
        assert_eq!(plain.reason(), "sftp error [3] permission denied");
        assert_eq!(plain.kind(), ErrorKind::Denied);
        let own = Status {
            code: 4,
            text: "Disk quota exceeded".into(),
        };
        assert_eq!(own.reason(), "sftp error [4] failure (Disk quota exceeded)");
        assert_eq!(
            Status {
                code: 99,
                text: String::new()
            }
            .reason(),
            "sftp error [99] unknown error"
        );
    }
}
