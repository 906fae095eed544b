//! What backup sets claim that were added by an account that may only add, and which claims are not believed
//! (`docs/decisions/0018-an-account-that-only-adds.md`).
//!
//! Whoever has stolen the key of that account can add sets as he likes. None of them may push a good one out of retention, take
//! its place, or come between. Facts and values come in, a verdict goes out; nothing is opened. What is believed: the list, which
//! that account cannot change, the time at which the server has stored a manifest, and the clock of whoever keeps the repository.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::backup_info::BackupEntry;
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;
use crate::pg_history::PgHistory;

/// By how much clocks of different hosts may differ.
const SKEW: i64 = 3600;
/// How long after the end of a backup its manifest may be stored: WAL is waited for before.
const LATE: i64 = 24 * 3600;
/// Labels are in the local time of the cluster's host, which can be so far from UTC.
const ZONE: i64 = 15 * 3600;
/// Gaps between full backups from which the usual one is known.
const GAPS: usize = 2;

/// A set that is not listed and has a manifest.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Name of the directory.
    pub label: BackupLabel,
    /// What the manifest says. `None`: it cannot be read, and why.
    pub said: Result<Said, String>,
    /// When the server stored the manifest.
    pub stored: i64,
}

/// What a manifest says.
#[derive(Debug, Clone)]
pub struct Said {
    pub entry: BackupEntry,
    pub system_id: u64,
    pub version: String,
    /// A file of the set, or WAL that it needs, that is not there or has another size.
    pub missing: Option<String>,
}

/// What retention asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Full backups that are kept, where that is a number and not a time.
    pub full: Option<u32>,
}

/// A claim that is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub label: BackupLabel,
    pub reason: String,
}

/// The time in a label, as if it were in UTC.
fn time_of(label: &BackupLabel) -> Option<i64> {
    let text = time_part(label);
    let time = DateTime::strptime("%Y%m%d-%H%M%S", text).ok()?;
    Some(TimeZone::UTC.to_timestamp(time).ok()?.as_second())
}

/// `20261124-040127` of any label.
fn time_part(label: &BackupLabel) -> &str {
    let text = label.as_str();
    &text[text.len() - 16..text.len() - 1]
}

fn seconds(timestamp: u64) -> i64 {
    i64::try_from(timestamp).unwrap_or(i64::MAX)
}

/// Whether a label lies so far ahead that no clock and no time zone explains it.
#[must_use]
pub fn is_ahead(label: &BackupLabel, now: i64) -> bool {
    time_of(label).is_none_or(|time| time > now + ZONE + SKEW)
}

/// Whether `label` began before a set that is listed: a run makes one backup after the other, so it does not run any more.
#[must_use]
pub fn is_overtaken(label: &BackupLabel, listed: &[BackupEntry]) -> bool {
    let own = time_part(label);
    listed.iter().any(|entry| time_part(&entry.label) > own)
}

/// Judges sets that are not listed.
///
/// # Errors
/// The first claim that is not believed, in the order of their times.
pub fn judge(
    listed: &[BackupEntry],
    history: &PgHistory,
    claims: &[Claim],
    now: i64,
    limits: Limits,
) -> Result<(), Refusal> {
    let mut claims: Vec<&Claim> = claims.iter().collect();
    claims.sort_by(|a, b| time_part(&a.label).cmp(time_part(&b.label)));
    let mut known = listed.to_vec();
    for claim in &claims {
        let refuse = |reason: String| Refusal {
            label: claim.label.clone(),
            reason,
        };
        let said = match &claim.said {
            Ok(said) => said,
            Err(why) => return Err(refuse(format!("its manifest cannot be read: {why}"))),
        };
        let own = [
            identity(claim, said, history),
            times(claim, said, now),
            order(&known, claim, said),
            substance(&known, said),
        ];
        if let Some(reason) = own.into_iter().flatten().next() {
            return Err(refuse(reason));
        }
        known.push(said.entry.clone());
    }
    flood(listed, &claims, limits)
}

/// It is what its name says, and of a cluster that the stanza knows.
fn identity(claim: &Claim, said: &Said, history: &PgHistory) -> Option<String> {
    let entry = &said.entry;
    if entry.label != claim.label || entry.backup_type != claim.label.backup_type() {
        return Some(format!("its manifest is of backup {}", entry.label));
    }
    let known = history.find(entry.pg_id).is_some_and(|cluster| {
        cluster.system_id == said.system_id && cluster.version == said.version
    });
    (!known).then(|| {
        format!(
            "it is of a cluster that the stanza does not know: version {}, system-id {}",
            said.version, said.system_id
        )
    })
}

/// It is not of the future, and does not claim to be older than it is.
fn times(claim: &Claim, said: &Said, now: i64) -> Option<String> {
    let (start, stop) = (
        seconds(said.entry.timestamp_start),
        seconds(said.entry.timestamp_stop),
    );
    let Some(label) = time_of(&claim.label) else {
        return Some("its label is no time".to_owned());
    };
    if start > now + SKEW || stop > now + SKEW || is_ahead(&claim.label, now) {
        return Some("it claims to be of the future".to_owned());
    }
    if start > stop {
        return Some("it claims to have ended before it began".to_owned());
    }
    if (label - start).abs() > ZONE {
        return Some("its label and the time at which it began contradict each other".to_owned());
    }
    if stop > claim.stored + SKEW {
        return Some("it claims to have ended after its manifest was stored".to_owned());
    }
    (claim.stored > stop + LATE)
        .then(|| "it claims to be more than a day older than its manifest".to_owned())
}

/// It comes after everything that is known, and builds on what is known.
fn order(known: &[BackupEntry], claim: &Claim, said: &Said) -> Option<String> {
    let entry = &said.entry;
    let own = time_part(&claim.label);
    if let Some(later) = known
        .iter()
        .find(|other| time_part(&other.label) > own || other.label == claim.label)
    {
        return Some(format!(
            "its label is not later than that of {}, which was there before",
            later.label
        ));
    }
    match (&entry.prior, entry.backup_type) {
        (None, BackupType::Full) => {}
        (Some(prior), BackupType::Diff | BackupType::Incr) => {
            let Some(prior) = known.iter().find(|other| other.label == *prior) else {
                return Some(format!("it depends on backup {prior}, which is not listed"));
            };
            let in_set = prior.label.full_part() == claim.label.full_part();
            if !in_set || prior.timestamp_stop > entry.timestamp_start {
                return Some(format!("it cannot depend on backup {}", prior.label));
            }
        }
        _ => return Some("its type and what it depends on contradict each other".to_owned()),
    }
    if entry.archive_start > entry.archive_stop {
        return Some("the WAL it needs ends before it begins".to_owned());
    }
    let newest = known
        .iter()
        .max_by(|a, b| time_part(&a.label).cmp(time_part(&b.label)))?;
    if entry.pg_id < newest.pg_id {
        return Some("it is of a cluster that was upgraded before".to_owned());
    }
    let before = known
        .iter()
        .filter(|other| other.pg_id == entry.pg_id)
        .filter_map(|other| other.archive_start.as_ref())
        .max()?;
    // Names of segments begin with the timeline: recovery to an earlier point begins a new one.
    let goes_back = entry
        .archive_start
        .as_ref()
        .is_some_and(|start| start < before);
    goes_back.then(|| format!("the WAL it needs begins before segment {before} of a listed backup"))
}

/// It is all there, and as large as a backup of this cluster can be expected to be.
fn substance(known: &[BackupEntry], said: &Said) -> Option<String> {
    if let Some(missing) = &said.missing {
        return Some(missing.clone());
    }
    let entry = &said.entry;
    let last = known
        .iter()
        .rfind(|other| other.backup_type == BackupType::Full && other.pg_id == entry.pg_id)?;
    (entry.backup_type == BackupType::Full && entry.size < last.size / 2).then(|| {
        format!(
            "it has {} bytes of data, less than half of the {} of backup {}",
            entry.size, last.size, last.label
        )
    })
}

/// Full backups that would push out all that were listed, or that come much more often than they did.
fn flood(listed: &[BackupEntry], claims: &[&Claim], limits: Limits) -> Result<(), Refusal> {
    let full = |label: &BackupLabel| label.backup_type() == BackupType::Full;
    let before: Vec<i64> = listed
        .iter()
        .filter(|entry| full(&entry.label))
        .map(|entry| seconds(entry.timestamp_start))
        .collect();
    let (Some(keep), Some(mut last)) = (limits.full, before.last().copied()) else {
        return Ok(());
    };
    let mut gaps: Vec<i64> = before.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    let usual = (gaps.len() >= GAPS).then(|| gaps[gaps.len() / 2]);
    let most = keep.saturating_sub(1).max(1);
    let new = claims.iter().filter(|claim| full(&claim.label));
    for (number, claim) in (1_u32..).zip(new) {
        let start = claim
            .said
            .as_ref()
            .map_or(0, |said| seconds(said.entry.timestamp_start));
        let reason = if number > most {
            format!(
                "it is full backup {number} since the list was brought up to date, and retention keeps {keep}: all that were listed would go"
            )
        } else if usual.is_some_and(|usual| start - last < usual / 4) {
            "it is a full backup in less than a quarter of the usual time after the one before"
                .to_owned()
        } else {
            last = start;
            continue;
        };
        return Err(Refusal {
            label: claim.label.clone(),
            reason,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
