//! Pins: backups that stay until a time or until they are released, whatever retention says (`docs/format/expiry.md`).
//!
//! A pin is an annotation. So both programs keep it with the backup, show it, and can set and remove it.

use std::fmt;

use jiff::Timestamp;

use crate::backup_info::BackupEntry;

/// The key of the annotation.
pub const PIN_KEY: &str = "pgkeep-pin";

/// The value of a pin without an end.
const FOREVER: &str = "forever";

/// Until when a backup stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pin {
    /// Until this time, in seconds since 1970.
    Until(i64),
    /// Until it is released.
    Forever,
    /// Somebody wrote a value that is no time. The backup stays, because removing it could not be undone.
    Unreadable(String),
}

impl Pin {
    /// The pin of a backup, also one whose time is over.
    #[must_use]
    pub fn of(entry: &BackupEntry) -> Option<Self> {
        let value = entry.annotations.get(PIN_KEY.as_bytes())?;
        let value = String::from_utf8_lossy(value);
        Some(match (&*value, value.parse::<Timestamp>()) {
            (FOREVER, _) => Self::Forever,
            (_, Ok(time)) => Self::Until(time.as_second()),
            _ => Self::Unreadable(value.into_owned()),
        })
    }

    /// Whether it still holds at `now`, in seconds since 1970.
    #[must_use]
    pub fn holds(&self, now: i64) -> bool {
        match self {
            Self::Until(end) => now < *end,
            Self::Forever | Self::Unreadable(_) => true,
        }
    }
}

/// The value of the annotation: `forever`, or a time such as `2027-01-31T23:00:00Z`.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forever => f.write_str(FOREVER),
            Self::Unreadable(value) => f.write_str(value),
            Self::Until(seconds) => match Timestamp::from_second(*seconds) {
                Ok(time) => time.fmt(f),
                Err(_) => seconds.fmt(f),
            },
        }
    }
}
