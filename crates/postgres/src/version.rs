//! The major version of PostgreSQL.
//!
//! A value may name any version, also one without tables here: a repository may hold the history of a cluster that
//! once was older than anything supported. `control::layout::for_version` decides what is supported.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A major version as PostgreSQL numbers it: 90600 for 9.6, 170000 for 17.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PgVersion(u32);

impl PgVersion {
    pub const V9_3: Self = Self(90_300);
    pub const V9_4: Self = Self(90_400);
    pub const V9_5: Self = Self(90_500);
    pub const V9_6: Self = Self(90_600);
    pub const V10: Self = Self(100_000);
    pub const V11: Self = Self(110_000);
    pub const V12: Self = Self(120_000);
    pub const V13: Self = Self(130_000);
    pub const V14: Self = Self(140_000);
    pub const V15: Self = Self(150_000);
    pub const V16: Self = Self(160_000);
    pub const V17: Self = Self(170_000);
    pub const V18: Self = Self(180_000);
    pub const V19: Self = Self(190_000);

    /// Takes the major version from `server_version_num` (170004 → 17, 90624 → 9.6).
    pub const fn from_server_version_num(number: u32) -> Self {
        if number >= 100_000 {
            Self(number / 10_000 * 10_000)
        } else {
            Self(number / 100 * 100)
        }
    }

    /// The version as `server_version_num` has it, with minor version 0.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// `wal` from 10 on, `xlog` before: part of function names such as `pg_switch_wal`.
    pub const fn wal_name(self) -> &'static str {
        if self.0 >= Self::V10.0 { "wal" } else { "xlog" }
    }

    /// `lsn` from 10 on, `location` before: part of function names such as `pg_last_wal_replay_lsn`.
    pub const fn lsn_name(self) -> &'static str {
        if self.0 >= Self::V10.0 {
            "lsn"
        } else {
            "location"
        }
    }

    /// Whether recovery settings live in `postgresql.auto.conf` (12 and later) and not in `recovery.conf`.
    pub const fn has_recovery_settings_in_conf(self) -> bool {
        self.0 >= Self::V12.0
    }
}

impl fmt::Display for PgVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = (self.0 / 10_000, self.0 % 10_000 / 100);
        if first >= 10 {
            write!(f, "{first}")
        } else {
            write!(f, "{first}.{second}")
        }
    }
}

impl FromStr for PgVersion {
    type Err = Error;

    /// Reads `9.6` or `17`; `17.0` is the same as `17`.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = || Error::format(format!("version {text} format is invalid"));
        let digits = |part: &str| -> Result<u32> {
            if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(invalid());
            }
            part.parse().map_err(|_| invalid())
        };
        let (first, second) = match text.split_once('.') {
            Some((first, second)) => (digits(first)?, Some(digits(second)?)),
            None => (digits(text)?, None),
        };
        match (first, second) {
            (10.., None | Some(0)) => Ok(Self(first * 10_000)),
            (1..=9, Some(second)) => Ok(Self(first * 10_000 + second * 100)),
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_and_print_as_postgresql_names_them() {
        for (text, version) in [
            ("9.3", PgVersion::V9_3),
            ("9.6", PgVersion::V9_6),
            ("10", PgVersion::V10),
            ("17", PgVersion::V17),
        ] {
            assert_eq!(text.parse::<PgVersion>(), Ok(version));
            assert_eq!(version.to_string(), text);
        }
        assert_eq!("12.0".parse::<PgVersion>(), Ok(PgVersion::V12));
        assert_eq!("9.2".parse::<PgVersion>().unwrap().to_string(), "9.2");
    }

    #[test]
    fn malformed_versions_are_refused() {
        for text in [
            "",
            "9",
            "9.",
            ".6",
            "17.3",
            "x",
            "9.6.1",
            "-1",
            "17 ",
            "4294967296",
        ] {
            let error = text.parse::<PgVersion>().unwrap_err();
            assert_eq!(error.message(), format!("version {text} format is invalid"));
        }
    }

    #[test]
    fn server_version_num_loses_its_minor_part() {
        assert_eq!(PgVersion::from_server_version_num(90_624), PgVersion::V9_6);
        assert_eq!(PgVersion::from_server_version_num(100_023), PgVersion::V10);
        assert_eq!(PgVersion::from_server_version_num(180_004), PgVersion::V18);
    }

    #[test]
    fn versions_sort_by_age() {
        assert!(PgVersion::V9_6 < PgVersion::V10 && PgVersion::V10 < PgVersion::V19);
        assert_eq!(
            (PgVersion::V9_6.wal_name(), PgVersion::V9_6.lsn_name()),
            ("xlog", "location")
        );
        assert_eq!(
            (PgVersion::V10.wal_name(), PgVersion::V10.lsn_name()),
            ("wal", "lsn")
        );
    }
}
