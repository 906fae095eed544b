//! The three types of backup.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Type of a backup; a diff depends on a full, an incr on any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackupType {
    Full,
    Diff,
    Incr,
}

impl BackupType {
    /// Name in options, info files and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Diff => "diff",
            Self::Incr => "incr",
        }
    }

    /// Last character of a label of this type.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Full => 'F',
            Self::Diff => 'D',
            Self::Incr => 'I',
        }
    }
}

impl fmt::Display for BackupType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BackupType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "full" => Ok(Self::Full),
            "diff" => Ok(Self::Diff),
            "incr" => Ok(Self::Incr),
            _ => Err(Error::format(format!("invalid backup type '{text}'"))),
        }
    }
}
