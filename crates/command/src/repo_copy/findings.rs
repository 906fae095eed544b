//! What was found to be wrong with the source, and the exit code for it: that of the gravest, in the order of `verify`.

use crate::error::ErrorCode;

/// Codes from the gravest down; what is not here comes after them.
const GRAVITY: [ErrorCode; 5] = [
    ErrorCode::FileMissing,
    ErrorCode::Checksum,
    ErrorCode::FileInvalid,
    ErrorCode::Format,
    ErrorCode::Crypto,
];

/// Findings of a run.
#[derive(Debug, Default)]
pub(super) struct Findings {
    codes: Vec<ErrorCode>,
    /// Backups that were not copied.
    pub failed_sets: u64,
}

impl Findings {
    pub(super) fn add(&mut self, code: ErrorCode) {
        self.codes.push(code);
    }

    /// How many files.
    pub(super) fn count(&self) -> u64 {
        self.codes.len() as u64
    }

    /// `None`: nothing is wrong.
    pub(super) fn gravest(&self) -> Option<ErrorCode> {
        let gravity = |code: &ErrorCode| {
            let at = GRAVITY.iter().position(|grave| grave == code);
            at.unwrap_or(GRAVITY.len())
        };
        self.codes.iter().copied().min_by_key(gravity)
    }
}
