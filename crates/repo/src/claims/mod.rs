//! What backup sets claim that were added by an account that may only add, and which claims are not believed
//! (`docs/decisions/0018-an-account-that-only-adds.md`).
//!
//! Whoever has stolen the key of that account can add sets as he likes. None of them may push a good one out of retention, take
//! its place, or come between. Facts and values come in, a verdict goes out; nothing is opened. What is believed: the list, which
//! that account cannot change, the time at which the server has stored a manifest, and the clock of whoever keeps the repository.

mod claim;
mod flood;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pgkeep_postgres::WalSegment;

use crate::backup_info::BackupEntry;
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;
use crate::pg_history::PgHistory;
use claim::seconds;
pub use claim::{Claim, Limits, Refusal, Said};

/// By how much clocks of different hosts may differ.
const SKEW: i64 = 3600;
/// How long after the end of a backup its manifest may be stored: WAL is waited for before.
const LATE: i64 = 24 * 3600;
/// Labels are in the local time of the cluster's host, which can be so far from UTC.
const ZONE: i64 = 15 * 3600;

/// Why a claim is not believed, and the listed backup that contradicts it.
type Contradiction = (String, BackupLabel);

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

/// Whether a label lies so far ahead that no clock and no time zone explains it.
#[must_use]
pub fn is_ahead(label: &BackupLabel, now: i64) -> bool {
    time_of(label).is_none_or(|time| time > now + ZONE + SKEW)
}

/// Whether a label is of this day, for some time zone: the backup may have begun a moment ago.
#[must_use]
pub fn may_have_just_begun(label: &BackupLabel, now: i64) -> bool {
    time_of(label).is_some_and(|time| (time - now).abs() <= ZONE + SKEW)
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
        let said = match &claim.said {
            Ok(said) => said,
            Err(why) => {
                let reason = format!("its manifest cannot be read: {why}");
                return Err(Refusal::of(claim, reason));
            }
        };
        let own = identity(claim, said, history)
            .or_else(|| times(claim, said, now))
            .or_else(|| wal(&said.entry));
        if let Some(reason) = own {
            return Err(Refusal::of(claim, reason));
        }
        if let Some((reason, against)) = contradiction(&known, claim, said) {
            return Err(Refusal {
                against: Some(against),
                ..Refusal::of(claim, reason)
            });
        }
        if let Some(reason) = prior(&known, claim, said).or_else(|| substance(&known, said)) {
            return Err(Refusal::of(claim, reason));
        }
        known.push(said.entry.clone());
    }
    flood::check(listed, &claims, limits)
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

/// The WAL it needs has names that WAL can have. Everything before the first of them may be removed once it is listed.
fn wal(entry: &BackupEntry) -> Option<String> {
    let (start, stop) = match (&entry.archive_start, &entry.archive_stop) {
        (None, None) => return None,
        (Some(start), Some(stop)) => (start, stop),
        _ => {
            return Some("it says only where the WAL it needs begins, or where it ends".to_owned());
        }
    };
    let (Ok(first), Ok(last)) = (WalSegment::parse(start), WalSegment::parse(stop)) else {
        return Some(format!("it needs WAL {start} to {stop}, which is none"));
    };
    if first > last {
        return Some("the WAL it needs ends before it begins".to_owned());
    }
    // PostgreSQL ends no backup on another timeline than it began on.
    (first.timeline != last.timeline)
        .then(|| format!("the WAL it needs, {start} to {stop}, is of two timelines"))
}

/// It builds on what is known.
fn prior(known: &[BackupEntry], claim: &Claim, said: &Said) -> Option<String> {
    let entry = &said.entry;
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
    None
}

/// A listed backup that it does not come after.
fn contradiction(known: &[BackupEntry], claim: &Claim, said: &Said) -> Option<Contradiction> {
    let entry = &said.entry;
    let own = time_part(&claim.label);
    if let Some(later) = known
        .iter()
        .find(|other| time_part(&other.label) > own || other.label == claim.label)
    {
        let reason = format!(
            "its label is not later than that of {}, which was there before",
            later.label
        );
        return Some((reason, later.label.clone()));
    }
    let newest = known
        .iter()
        .max_by(|a, b| time_part(&a.label).cmp(time_part(&b.label)))?;
    if entry.pg_id < newest.pg_id {
        let reason = "it is of a cluster that was upgraded before".to_owned();
        return Some((reason, newest.label.clone()));
    }
    let (before, label) = known
        .iter()
        .filter(|other| other.pg_id == entry.pg_id)
        .filter_map(|other| Some((other.archive_start.as_ref()?, &other.label)))
        .max()?;
    // Names of segments begin with the timeline: recovery to an earlier point begins a new one.
    let goes_back = entry
        .archive_start
        .as_ref()
        .is_some_and(|start| start < before);
    goes_back.then(|| {
        let reason = format!(
            "the WAL it needs begins before segment {before}, with which that of listed backup {label} begins"
        );
        (reason, label.clone())
    })
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

#[cfg(test)]
mod tests;
