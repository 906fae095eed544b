//! Manifests in `backup.history` that are too old (`docs/format/expiry.md`).

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;
use crate::error::Result;
use crate::layout::HISTORY_EXTENSION;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// What becomes of a year's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryYear {
    /// It is removed with all in it.
    Remove,
    /// It is decided for each of its files.
    PerFile,
    /// It and all later ones stay.
    Keep,
}

/// The label that history manifests must not be older than: `days` before `now` (seconds since 1970).
pub fn history_limit(now: i64, days: u32, zone: &TimeZone) -> Result<BackupLabel> {
    BackupLabel::format(
        BackupType::Full,
        None,
        now.saturating_sub(i64::from(days) * DAY),
        zone,
    )
}

/// Whether a directory of `backup.history` is a year (of this millennium, as pgBackRest has it).
#[must_use]
pub fn is_history_year(name: &str) -> bool {
    name.len() == 4 && name.starts_with('2') && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Decides about a directory of `backup.history`; `None` if it is not a year.
#[must_use]
pub fn history_year(name: &str, limit: &BackupLabel) -> Option<HistoryYear> {
    is_history_year(name).then(|| match name.cmp(limit.year()) {
        std::cmp::Ordering::Less => HistoryYear::Remove,
        std::cmp::Ordering::Equal => HistoryYear::PerFile,
        std::cmp::Ordering::Greater => HistoryYear::Keep,
    })
}

/// Whether a file of the limit's year stays: it is no history manifest, is young enough, or its backup is still listed.
#[must_use]
pub fn keeps_history_manifest(
    file: &str,
    limit: &BackupLabel,
    listed: &BTreeSet<BackupLabel>,
) -> bool {
    match file
        .strip_suffix(HISTORY_EXTENSION)
        .and_then(|label| label.parse::<BackupLabel>().ok())
    {
        Some(label) => label >= *limit || listed.contains(&label),
        None => true,
    }
}
