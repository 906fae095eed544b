//! What was found to be wrong with either side, and the exit code for it.

use crate::error::ErrorCode;

/// Findings of a run.
#[derive(Debug, Default)]
pub(super) struct Findings {
    codes: Vec<ErrorCode>,
    /// Files of the source that cannot be used.
    pub files: u64,
    /// Backups that were not copied.
    pub failed_sets: u64,
    /// What is neither.
    pub notes: u64,
}

impl Findings {
    /// A file of the source cannot be used.
    pub(super) fn add(&mut self, code: ErrorCode) {
        self.files += 1;
        self.codes.push(code);
    }

    /// A backup is not copied; `None`: for a reason that has its code already.
    pub(super) fn fail(&mut self, code: Option<ErrorCode>) {
        self.failed_sets += 1;
        self.codes.extend(code);
    }

    /// Something else is not as it should be.
    pub(super) fn note(&mut self, code: ErrorCode) {
        self.notes += 1;
        self.codes.push(code);
    }

    /// `None`: nothing is wrong.
    pub(super) fn gravest(&self) -> Option<ErrorCode> {
        // Whatever the reason: a backup that was wanted is missing.
        let missing = (self.failed_sets > 0).then_some(ErrorCode::FileMissing);
        ErrorCode::gravest(&self.codes).or(missing)
    }
}
