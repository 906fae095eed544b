//! What retention keeps and what goes next, for another command to show: nothing is removed.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::{BackupInfo, BackupLabel, BackupType};
use pgkeep_storage::wrap::read_only::ReadOnly;

use super::Expire;
use super::by_retention::Decided;
use super::removed::Removed;
use super::settings::{Retention, Settings, repo_option};
use crate::error::Result;
use crate::hosts::repository;
use crate::run::Context;

const DAY: i64 = 86_400;

/// When a backup goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goes {
    /// With the next `expire`.
    Now,
    /// With the `expire` after the next full backup.
    AfterFull,
    /// At this time, seconds since 1970, with the first `expire` then.
    At(i64),
    /// None of that.
    Not,
}

/// Retention of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// The options that are set: `repo1-retention-full=2`.
    pub(crate) rules: Vec<String>,
    /// Of each backup, and why.
    pub(crate) fates: BTreeMap<BackupLabel, (Goes, String)>,
}

/// What retention will do to the backups of `info`; the context has the configuration of `expire`.
///
/// # Errors
/// The repository cannot be opened, or cannot tell what is locked.
pub(crate) fn outlook(context: &Context, key: u32, info: &BackupInfo) -> Result<Outlook> {
    let settings = Settings::from(context)?;
    let mut repository = repository::open(context, key)?;
    repository.storage = Arc::new(ReadOnly::new(repository.storage));
    let removed = Removed::default();
    let retention = Retention::of(&context.config, key);
    let expire = Expire::new(context, &settings, &repository, retention, &removed);
    Ok(Outlook {
        rules: rules(key, &retention),
        fates: expire.fates(info.entries())?,
    })
}

impl Expire<'_> {
    fn fates(&self, entries: &[BackupEntry]) -> Result<BTreeMap<BackupLabel, (Goes, String)>> {
        let now = self.context.clock.seconds();
        let decided = self.decide(entries, now)?;
        let later = self.later(entries, now)?;
        let mut fates = BTreeMap::new();
        for entry in entries {
            let label = &entry.label;
            let fate =
                |decided: &Decided| self.fate(label, &decided.stays, &decided.full, &decided.diff);
            let (goes, why) = fate(&decided);
            let fate = match &later {
                _ if goes => (Goes::Now, why),
                Some((when, later)) => match fate(later) {
                    (true, why) => (*when, why),
                    (false, _) => (Goes::Not, why),
                },
                None => (Goes::Not, why),
            };
            fates.insert(label.clone(), fate);
        }
        Ok(fates)
    }

    /// The next change: after one more full backup, or when time has passed. `None`: retention lets nothing go.
    fn later(&self, entries: &[BackupEntry], now: i64) -> Result<Option<(Goes, Decided)>> {
        match self.retention.full {
            Some(days) if self.retention.by_time => {
                // A full backup can go as soon as the one after it is old enough.
                let mut times: Vec<i64> = entries
                    .iter()
                    .filter(|entry| entry.backup_type == BackupType::Full)
                    .map(|entry| {
                        seconds(entry.timestamp_stop).saturating_add(i64::from(days) * DAY + 1)
                    })
                    .filter(|time| *time > now)
                    .collect();
                times.sort_unstable();
                let gone = |decided: &Decided| decided.full.len();
                let before = gone(&self.decide(entries, now)?);
                for time in times {
                    let decided = self.decide(entries, time)?;
                    if gone(&decided) > before {
                        return Ok(Some((Goes::At(time), decided)));
                    }
                }
                Ok(None)
            }
            _ => {
                let Some(next) = self.next_full(entries, now) else {
                    return Ok(None);
                };
                let mut more = entries.to_vec();
                more.push(next);
                more.sort_by(|one, other| one.label.cmp(&other.label));
                Ok(Some((Goes::AfterFull, self.decide(&more, now)?)))
            }
        }
    }

    /// A full backup that would end now.
    fn next_full(&self, entries: &[BackupEntry], now: i64) -> Option<BackupEntry> {
        let newest = entries
            .iter()
            .rev()
            .find(|entry| entry.backup_type == BackupType::Full)?;
        let at = Timestamp::from_second(now)
            .ok()?
            .to_zoned_datetime(self.context.clock.zone().clone());
        let label = at.strftime("%Y%m%d-%H%M%SF").to_string().parse().ok()?;
        let time = u64::try_from(now).ok()?;
        let mut next = newest.clone();
        // Without its notes: a pin is of the other one.
        next.annotations = Default::default();
        next.label = label;
        next.timestamp_start = time;
        next.timestamp_stop = time;
        Some(next)
    }
}

/// The options that decide, as they are set.
fn rules(key: u32, retention: &Retention) -> Vec<String> {
    let option = |rest: &str, value: Option<u32>, unit: &str| {
        let name = repo_option(key, rest);
        value.map(|value| format!("{name}={value}{unit}"))
    };
    let days = if retention.by_time { " (days)" } else { "" };
    let generations = retention.generations;
    let kept = |count: u32| (count > 0).then_some(count);
    [
        option("retention-full", retention.full, days),
        option("retention-diff", retention.diff, ""),
        option("retention-archive", retention.archive, ""),
        option("retention-daily", kept(generations.daily), ""),
        option("retention-weekly", kept(generations.weekly), ""),
        option("retention-monthly", kept(generations.monthly), ""),
        option("retention-yearly", kept(generations.yearly), ""),
        option("retention-history", retention.history, " (days)"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn seconds(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use pgkeep_config::Program;
    use pgkeep_storage::memory::MemoryStorage;

    use super::*;
    use crate::hosts::Repository;
    use crate::run::test_context::{self, NOW};
    use crate::stanzas::tests::entry;

    /// What becomes of three daily full backups, the newest of today.
    fn fates(options: &[&str]) -> Vec<(Goes, String)> {
        let context = test_context::new(Program::PgKeep, "expire", options);
        let settings = Settings::from(&context).unwrap();
        let repository = Repository {
            elsewhere: None,
            key: 1,
            storage: Arc::new(MemoryStorage::new()),
            pass: None,
        };
        let removed = Removed::default();
        let retention = Retention::of(&context.config, 1);
        let expire = Expire::new(&context, &settings, &repository, retention, &removed);
        let stop = |days: i64| u64::try_from(NOW - days * DAY - 60).unwrap();
        let segment = "000000010000000000000001";
        let entries = [
            entry("20270113-000000F", 1, segment, stop(2)),
            entry("20270114-000000F", 1, segment, stop(1)),
            entry("20270115-000000F", 1, segment, stop(0)),
        ];
        let fates = expire.fates(&entries).unwrap();
        assert_eq!(removed.text(), None);
        fates.into_values().collect()
    }

    fn goes(options: &[&str]) -> Vec<Goes> {
        fates(options).into_iter().map(|(goes, _)| goes).collect()
    }

    #[test]
    fn by_count_the_oldest_goes_after_the_next_full_backup() {
        assert_eq!(
            goes(&["--repo1-retention-full=3"]),
            [Goes::AfterFull, Goes::Not, Goes::Not]
        );
        assert_eq!(
            goes(&["--repo1-retention-full=2"]),
            [Goes::Now, Goes::AfterFull, Goes::Not]
        );
        let why = &fates(&["--repo1-retention-full=3"])[0].1;
        assert_eq!(why, "not within repo1-retention-full=3");
    }

    #[test]
    fn by_time_a_backup_goes_when_the_next_one_is_old_enough() {
        let goes = goes(&[
            "--repo1-retention-full-type=time",
            "--repo1-retention-full=7",
        ]);
        let at = NOW - DAY - 60 + 7 * DAY + 1;
        assert_eq!(goes, [Goes::At(at), Goes::Not, Goes::Not]);
    }

    #[test]
    fn without_retention_nothing_goes() {
        assert_eq!(goes(&[]), [Goes::Not; 3]);
    }
}
