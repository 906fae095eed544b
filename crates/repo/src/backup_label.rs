//! Labels of backups (`docs/format/layout.md`): their form, how one is made, and that each is later than all before.
//!
//! Labels sort chronologically by plain byte comparison and code everywhere relies on it; that is why a new label that
//! would not be the latest is refused instead of written.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::backup_type::BackupType;
use crate::error::{Error, ErrorType, Result};

/// Length of `YYYYMMDD-HHMMSS`.
const DATE_TIME_LEN: usize = 15;
/// Length of a full label, which also begins every label of its set.
const FULL_LEN: usize = DATE_TIME_LEN + 1;
/// Length of a diff or incr label.
const DEPENDENT_LEN: usize = FULL_LEN + 1 + FULL_LEN;

/// Label of a backup: `20261124-040113F` or `20261124-040113F_20261124-040127I`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackupLabel(Box<str>);

impl BackupLabel {
    /// Makes the label of a backup that started at `timestamp` (seconds since 1970), written in time zone `zone` (pgBackRest
    /// uses the local zone of the process). `prior` is the backup that a diff or incr depends on.
    pub fn format(
        backup_type: BackupType,
        prior: Option<&BackupLabel>,
        timestamp: i64,
        zone: &TimeZone,
    ) -> Result<Self> {
        let time = Timestamp::from_second(timestamp)
            .map_err(|_| {
                Error::new(
                    ErrorType::Clock,
                    format!("timestamp {timestamp} is out of range for a label"),
                )
            })?
            .to_zoned_datetime(zone.clone());
        let time = format!("{}{}", time.strftime("%Y%m%d-%H%M%S"), backup_type.letter());
        let label = match (backup_type, prior) {
            (BackupType::Full, None) => time,
            (BackupType::Diff | BackupType::Incr, Some(prior)) => {
                format!("{}_{time}", prior.full_part())
            }
            _ => {
                return Err(Error::new(
                    ErrorType::Assert,
                    format!(
                        "a {backup_type} backup {} a prior backup",
                        if prior.is_some() { "has not" } else { "needs" }
                    ),
                ));
            }
        };
        label.parse()
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Type of the backup, from the last letter.
    #[must_use]
    pub fn backup_type(&self) -> BackupType {
        match self.0.as_bytes().last() {
            Some(b'D') => BackupType::Diff,
            Some(b'I') => BackupType::Incr,
            _ => BackupType::Full,
        }
    }

    /// Label of the full backup that this set begins with (the first 16 characters).
    #[must_use]
    pub fn full_part(&self) -> &str {
        &self.0[..FULL_LEN]
    }

    /// Label of the full backup that this set begins with.
    #[must_use]
    pub fn full_label(&self) -> BackupLabel {
        Self(self.full_part().into())
    }

    /// Name of the directory under `backup.history`: the first four characters.
    #[must_use]
    pub fn year(&self) -> &str {
        &self.0[..4]
    }
}

/// Whether `text` is `YYYYMMDD-HHMMSS` by its digits.
fn is_date_time(text: &[u8]) -> bool {
    text.len() == DATE_TIME_LEN
        && text.iter().enumerate().all(|(at, byte)| {
            if at == 8 {
                *byte == b'-'
            } else {
                byte.is_ascii_digit()
            }
        })
}

/// Whether `text` has the form of a label of any type, and nothing else before or after it.
#[must_use]
pub fn is_label(text: &str) -> bool {
    let text = text.as_bytes();
    let full = |text: &[u8], letters: &[u8]| {
        is_date_time(&text[..DATE_TIME_LEN]) && letters.contains(&text[DATE_TIME_LEN])
    };
    match text.len() {
        FULL_LEN => full(text, b"F"),
        DEPENDENT_LEN => {
            full(&text[..FULL_LEN], b"F")
                && text[FULL_LEN] == b'_'
                && full(&text[FULL_LEN + 1..], b"DI")
        }
        _ => false,
    }
}

impl FromStr for BackupLabel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if is_label(text) {
            Ok(Self(text.into()))
        } else {
            Err(Error::format(format!(
                "'{text}' is not a valid backup label format"
            )))
        }
    }
}

impl fmt::Display for BackupLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for BackupLabel {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A new label, and whether the caller has to wait for the next second before it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueLabel {
    pub label: BackupLabel,
    /// The second after the start was needed: sleep to the end of the current second so that no backup starts early.
    pub wait_for_next_second: bool,
}

/// Makes a label later than all that exist: `existing` are the labels of the directories in `backup/<stanza>` and of the
/// manifests in the **newest** year of `backup.history`, in any order.
///
/// A diff or incr is compared with its own full set only, because its label cannot be that of another set. Fails with
/// [`ErrorType::Clock`] when one more second does not help: the time zone changed or the clock is wrong.
pub fn unique<'a>(
    backup_type: BackupType,
    prior: Option<&BackupLabel>,
    timestamp: i64,
    zone: &TimeZone,
    existing: impl IntoIterator<Item = &'a BackupLabel>,
) -> Result<UniqueLabel> {
    let set = prior.map(BackupLabel::full_part);
    let latest = existing
        .into_iter()
        .filter(|label| {
            set.is_none_or(|set| {
                label.full_part() == set && label.backup_type() != BackupType::Full
            })
        })
        .max();
    let label = BackupLabel::format(backup_type, prior, timestamp, zone)?;
    let Some(latest) = latest else {
        return Ok(UniqueLabel {
            label,
            wait_for_next_second: false,
        });
    };
    if label > *latest {
        return Ok(UniqueLabel {
            label,
            wait_for_next_second: false,
        });
    }
    let label = BackupLabel::format(backup_type, prior, timestamp.saturating_add(1), zone)?;
    if label > *latest {
        return Ok(UniqueLabel {
            label,
            wait_for_next_second: true,
        });
    }
    Err(Error::new(
        ErrorType::Clock,
        format!("new backup label '{label}' is not later than latest backup label '{latest}'"),
    )
    .with_hint("has the timezone changed?")
    .with_hint("is there clock skew?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> BackupLabel {
        text.parse().unwrap()
    }

    #[test]
    fn a_label_says_its_type_and_its_set() {
        let incr = label("20261124-040113F_20261124-040127I");
        assert_eq!(incr.backup_type(), BackupType::Incr);
        assert_eq!(incr.full_label(), label("20261124-040113F"));
        assert_eq!(incr.year(), "2026");
        assert_eq!(
            label("20261124-040113F_20261124-040127D").backup_type(),
            BackupType::Diff
        );
    }

    #[test]
    fn odd_labels_are_refused() {
        for bad in [
            "",
            "20261124-040113",
            "20261124-040113I",
            "20261124_040113F",
            "20261124-040113F_20261124-040127F",
            "20261124-040113F_20261124-040127",
            "20261124-040113F_20261124-040127I.x",
            "2026112é-04011F",
        ] {
            assert!(bad.parse::<BackupLabel>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_label_is_written_in_the_given_time_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let full = BackupLabel::format(BackupType::Full, None, 1_795_492_873, &zone).unwrap();
        assert_eq!(full.as_str(), "20261124-060113F");
        let incr =
            BackupLabel::format(BackupType::Incr, Some(&full), 1_795_492_887, &TimeZone::UTC)
                .unwrap();
        assert_eq!(incr.as_str(), "20261124-060113F_20261124-040127I");
    }

    #[test]
    fn a_label_that_exists_takes_the_next_second() {
        let taken = [label("20261124-040113F")];
        let unique = unique(
            BackupType::Full,
            None,
            1_795_492_873,
            &TimeZone::UTC,
            &taken,
        )
        .unwrap();
        assert_eq!(unique.label.as_str(), "20261124-040114F");
        assert!(unique.wait_for_next_second);
    }

    #[test]
    fn a_label_older_than_the_latest_is_a_clock_error() {
        let taken = [
            label("20261124-040113F"),
            label("20261124-040113F_20261124-040127I"),
        ];
        let error = unique(
            BackupType::Incr,
            Some(&taken[0]),
            1_795_492_880,
            &TimeZone::UTC,
            &taken,
        )
        .unwrap_err();
        assert_eq!(error.kind, ErrorType::Clock);
        assert_eq!(
            error.text(),
            "new backup label '20261124-040113F_20261124-040121I' is not later than latest backup label \
             '20261124-040113F_20261124-040127I'\nHINT: has the timezone changed?\nHINT: is there clock skew?"
        );
    }

    #[test]
    fn an_incr_looks_only_at_its_own_set() {
        let taken = [label("20261124-040113F"), label("20270101-000000F")];
        let unique = unique(
            BackupType::Incr,
            Some(&taken[0]),
            1_795_492_880,
            &TimeZone::UTC,
            &taken,
        )
        .unwrap();
        assert_eq!(unique.label.as_str(), "20261124-040113F_20261124-040120I");
        assert!(!unique.wait_for_next_second);
    }
}
