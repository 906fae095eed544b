//! What was found to be wrong: how often, and what the exit code is for it.

use crate::error::ErrorCode;

/// Findings of a run.
#[derive(Debug, Default)]
pub(super) struct Findings {
    count: u64,
    codes: Vec<ErrorCode>,
    unusable: Vec<String>,
}

impl Findings {
    /// A finding that makes the status `error`.
    pub(super) fn add(&mut self, code: ErrorCode) {
        self.count += 1;
        self.note(code);
    }

    /// A finding that pgBackRest leaves out of its status; it still makes the exit code.
    pub(super) fn note(&mut self, code: ErrorCode) {
        if !self.codes.contains(&code) {
            self.codes.push(code);
        }
    }

    /// Of a file that is stored twice one cannot be used. Everything goes on with the other one, but nothing is left if that
    /// is lost too. No finding of pgBackRest.
    pub(super) fn one_of_two(&mut self, file: &str, reason: &str) {
        self.note(ErrorCode::FileInvalid);
        let reason = reason.lines().next().unwrap_or_default();
        self.unusable.push(format!(
            "{file} cannot be used, the other of the two is: {reason}"
        ));
    }

    /// What [`Self::one_of_two`] was told.
    pub(super) fn unusable(&self) -> &[String] {
        &self.unusable
    }

    /// How many make the status.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The code of the gravest.
    pub(super) fn gravest(&self) -> Option<ErrorCode> {
        ErrorCode::gravest(&self.codes)
    }
}
