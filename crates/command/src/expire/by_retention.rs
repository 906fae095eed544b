//! What the rules of retention let go, less what stays whatever they say: pinned backups, those of days, weeks, months and
//! years, and those that the storage has locked.

use std::collections::BTreeSet;

use pgkeep_repo::backup_info::BackupEntry;
use pgkeep_repo::pin::Pin;
use pgkeep_repo::retention::{self, Expired, Stays, Why};
use pgkeep_repo::{BackupInfo, BackupLabel, BackupType};

use super::Expire;
use super::bad_pages::oldest_with_bad_pages;
use crate::error::{Error, ErrorCode, Result};

/// What retention says of a list of backups.
pub(super) struct Decided {
    /// What stays whatever the other rules say.
    pub(super) stays: Stays,
    /// What those let go and stays all the same.
    spared: BTreeSet<BackupLabel>,
    pub(super) full: Vec<Expired>,
    pub(super) diff: Vec<Expired>,
    /// What is left.
    left: Vec<BackupEntry>,
    /// Full backups that remain by time; `None`: WAL is not bounded by it.
    full_left: Option<u32>,
}

impl Expire<'_> {
    /// What goes of `entries` at `now`, seconds since 1970. Nothing is changed.
    pub(super) fn decide(&self, entries: &[BackupEntry], now: i64) -> Result<Decided> {
        let retention = &self.retention;
        let zone = self.context.clock.zone();
        let stays = Stays::new(entries, retention.generations, now, zone);
        let mut full_left = None;
        let full = match retention.full {
            Some(days) if retention.by_time => {
                let now = u64::try_from(now).unwrap_or(0);
                let outcome = retention::expire_full_by_time(entries, days, now);
                full_left = outcome.full_left;
                outcome.expired
            }
            Some(keep) => retention::expire_full(entries, keep),
            None => Vec::new(),
        };
        let (full, mut spared) = stays.spare(full);
        let full = self.without_locked(full)?;
        let mut left = entries.to_vec();
        without(&mut left, &full);
        let diff = retention
            .diff
            .map(|keep| retention::expire_diff(&left, keep))
            .unwrap_or_default();
        let (diff, more) = stays.spare(diff);
        spared.extend(more);
        let diff = self.without_locked(diff)?;
        without(&mut left, &diff);
        Ok(Decided {
            stays,
            spared,
            full,
            diff,
            left,
            full_left,
        })
    }

    pub(super) fn expire_by_retention(&mut self, info: &mut BackupInfo) -> Result<()> {
        let Decided {
            stays,
            spared,
            full,
            diff,
            left,
            full_left,
        } = self.decide(info.entries(), self.context.clock.seconds())?;
        let by_time = self.retention.by_time && self.retention.full.is_some();
        let what = if by_time { "time-based" } else { "full" };
        if by_time
            && self.retention.archive_type == BackupType::Full
            && self.retention.archive.is_none()
        {
            self.retention.archive = full_left;
        }
        // Before anything is removed: an older backup may be the last good one.
        if let Some(error) = oldest_with_bad_pages(&left)
            && self.settings.page_error
            && left.len() < info.entries().len()
        {
            return Err(error);
        }
        self.tell_spared(&stays, &spared);
        self.tell_plan(info.entries(), &stays, &full, &diff);
        // One call for all: the sets of full backups do not depend on each other, and a diff of one that goes is not named again.
        let all: Vec<Expired> = full.iter().chain(&diff).cloned().collect();
        self.remove_manifests(info, &all)?;
        for (sets, what) in [(&full, what), (&diff, "diff")] {
            for expired in sets {
                log::info!("{}: expire {what} backup {}", self.name, expired.text());
            }
        }
        Ok(())
    }

    /// Says which backups would have gone, once for each reason.
    fn tell_spared(&self, stays: &Stays, spared: &BTreeSet<BackupLabel>) {
        let mut pinned = Vec::new();
        let mut others = Vec::new();
        for label in spared {
            match stays.why(label) {
                Some(Why::Pinned(pin)) => {
                    if let Pin::Unreadable(value) = pin {
                        log::warn!(
                            "{}: backup {label} has a pin '{value}', which is no time: it stays\n\
                             HINT: use annotate --set={label} with --pin=forever, a date, or none.",
                            self.name
                        );
                    }
                    pinned.push(label.as_str());
                }
                _ => others.push(label.as_str()),
            }
        }
        if !pinned.is_empty() {
            log::info!("{}: keep pinned backup {}", self.name, pinned.join(", "));
        }
        if !others.is_empty() {
            log::info!(
                "{}: keep backup {} of a day, week, month or year, or because a kept one depends on it",
                self.name,
                others.join(", ")
            );
        }
    }

    /// Refuses to expire a backup that the user named while it, or one that depends on it, is pinned.
    ///
    /// # Errors
    /// [`ErrorCode::BackupSetInvalid`].
    pub(super) fn refuse_pinned(&self, entries: &[BackupEntry], expired: &Expired) -> Result<()> {
        let now = self.context.clock.seconds();
        let pinned = entries.iter().find(|entry| {
            expired.set.contains(&entry.label) && Pin::of(entry).is_some_and(|pin| pin.holds(now))
        });
        match pinned {
            None => Ok(()),
            Some(entry) => Err(Error::new(
                ErrorCode::BackupSetInvalid,
                format!("backup {} is pinned and cannot be expired", entry.label),
            )
            .with_hint(format!(
                "annotate --set={} --pin=none releases it.",
                entry.label
            ))),
        }
    }
}

fn without(left: &mut Vec<BackupEntry>, gone: &[Expired]) {
    left.retain(|entry| {
        !gone
            .iter()
            .any(|expired| expired.set.contains(&entry.label))
    });
}
