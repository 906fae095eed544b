//! One result of the audit: which check, how it ended, what was seen.

use super::check::Check;

/// How a check ended, mildest first. What is below [`Grade::Pass`] says nothing about the server's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// The server or this program could not be asked.
    NotTested,
    /// Not a mistake, but something to know: who has the key can do it.
    Risk,
    Pass,
    Warn,
    Fail,
}

impl Grade {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NotTested => "not tested",
            Self::Risk => "risk",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// The result of one check.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) check: &'static Check,
    pub(super) grade: Grade,
    pub(super) seen: String,
}

impl Finding {
    pub(super) fn new(check: &'static Check, grade: Grade, seen: impl Into<String>) -> Self {
        Self {
            check,
            grade,
            seen: seen.into(),
        }
    }

    /// Several checks that could not be made for the same reason.
    pub(super) fn untested(checks: &[&'static Check], why: &str) -> Vec<Self> {
        checks
            .iter()
            .map(|check| Self::new(check, Grade::NotTested, why))
            .collect()
    }
}
