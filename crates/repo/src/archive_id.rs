//! The archive id (`docs/format/layout.md`): `<db-version>-<db-id>`, one directory of WAL per history entry.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// PostgreSQL version and history id: `17-1`, `9.6-2`. Sorts by history id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArchiveId {
    /// `17`, `9.6`: as text, because old repositories name versions that no program of today knows.
    version: String,
    /// History id of `archive.info`, from 1.
    id: u32,
}

impl ArchiveId {
    /// Takes a version as in `db-version` and a history id.
    pub fn new(version: impl Into<String>, id: u32) -> Self {
        Self {
            version: version.into(),
            id,
        }
    }

    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// History id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }
}

impl FromStr for ArchiveId {
    type Err = Error;

    /// Accepts `^[0-9]+(\.[0-9]+)*-[0-9]+$`, but no leading zero in the history id: `17-01` would be shown, and looked for, as
    /// `17-1`, which is another directory.
    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::format(format!("'{text}' is not a valid archive id"));
        let (version, id) = text.split_once('-').ok_or_else(bad)?;
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let padded = id.len() > 1 && id.starts_with('0');
        if !version.split('.').all(digits) || !digits(id) || padded {
            return Err(bad());
        }
        Ok(Self {
            version: version.to_owned(),
            id: id.parse().map_err(|_| bad())?,
        })
    }
}

impl fmt::Display for ArchiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.version, self.id)
    }
}

impl Ord for ArchiveId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id
            .cmp(&other.id)
            .then_with(|| self.version.cmp(&other.version))
    }
}

impl PartialOrd for ArchiveId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_ids_sort_by_history_id() {
        let mut ids: Vec<ArchiveId> = ["9.6-10", "17-2", "10-9"]
            .iter()
            .map(|id| id.parse().unwrap())
            .collect();
        ids.sort();
        assert_eq!(
            ids.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["17-2", "10-9", "9.6-10"]
        );
    }

    #[test]
    fn other_directories_are_no_archive_ids() {
        for bad in [
            "",
            "17",
            "17-",
            "-1",
            "17.-1",
            ".6-1",
            "a-1",
            "17-1-2",
            "17-1x",
            "17-01",
            "17-99999999999",
        ] {
            assert!(bad.parse::<ArchiveId>().is_err(), "{bad}");
        }
    }
}
