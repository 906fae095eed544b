//! Backups that stay although the rules by count and time would let them go: pinned ones, and the newest of the last days,
//! weeks, months and years (`docs/format/expiry.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::backups::Expired;
use crate::backup_info::BackupEntry;
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;
use crate::pin::Pin;

/// `retention-daily` and its like: of so many periods one backup stays; 0: none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Generations {
    pub daily: u32,
    pub weekly: u32,
    pub monthly: u32,
    pub yearly: u32,
}

/// Days, weeks from Monday to Sunday, months or years of the local calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    Day,
    Week,
    Month,
    Year,
}

impl Period {
    /// All, from the shortest.
    const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    /// `daily`, as in the name of the option.
    #[must_use]
    pub fn adverb(self) -> &'static str {
        match self {
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Year => "yearly",
        }
    }

    /// The period that holds a day, so written that texts sort as periods do.
    fn name(self, date: Date) -> String {
        match self {
            Self::Day => date.to_string(),
            Self::Week => {
                let week = date.iso_week_date();
                format!("{:04}-W{:02}", week.year(), week.week())
            }
            Self::Month => format!("{:04}-{:02}", date.year(), date.month()),
            Self::Year => format!("{:04}", date.year()),
        }
    }

    fn count(self, generations: Generations) -> usize {
        let count = match self {
            Self::Day => generations.daily,
            Self::Week => generations.weekly,
            Self::Month => generations.monthly,
            Self::Year => generations.yearly,
        };
        count as usize
    }
}

/// Why a backup stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    Pinned(Pin),
    /// It is the backup that is kept of this period, as `2026-11-28`, `2026-W48`, `2026-11` or `2026`.
    Generation(Period, String),
    /// This one depends on it, and stays.
    Needed(BackupLabel),
}

/// `pinned until it is released`, `the monthly backup of 2026-11`, `20260101-000000F_20260102-000000D depends on it`.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned(Pin::Forever) => f.write_str("pinned until it is released"),
            Self::Pinned(pin @ Pin::Until(_)) => write!(f, "pinned until {pin}"),
            Self::Pinned(Pin::Unreadable(value)) => {
                write!(f, "pinned with the value '{value}', which is no time")
            }
            Self::Generation(period, name) => {
                write!(f, "the {} backup of {name}", period.adverb())
            }
            Self::Needed(label) => write!(f, "{label} depends on it"),
        }
    }
}

/// What stays, each with the first reason. Whatever a backup in it depends on is in it too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stays(BTreeMap<BackupLabel, Why>);

impl Stays {
    /// Works it out for `entries`, sorted by label; `now` in seconds since 1970.
    #[must_use]
    pub fn new(
        entries: &[BackupEntry],
        generations: Generations,
        now: i64,
        zone: &TimeZone,
    ) -> Self {
        let mut stays = BTreeMap::new();
        for entry in entries {
            if let Some(pin) = Pin::of(entry).filter(|pin| pin.holds(now)) {
                stays.insert(entry.label.clone(), Why::Pinned(pin));
            }
        }
        for period in Period::ALL {
            for (name, label) in newest_of(entries, period, zone)
                .into_iter()
                .rev()
                .take(period.count(generations))
            {
                stays.entry(label).or_insert(Why::Generation(period, name));
            }
        }
        // Newest first, so that one pass finds the whole chain. A clock that went backward makes a backup sort before the
        // one it depends on, hence until nothing is added.
        loop {
            let before = stays.len();
            for entry in entries.iter().rev() {
                if stays.contains_key(&entry.label) {
                    for needed in needs(entry) {
                        stays
                            .entry(needed)
                            .or_insert_with(|| Why::Needed(entry.label.clone()));
                    }
                }
            }
            if stays.len() == before {
                return Self(stays);
            }
        }
    }

    /// Why a backup stays; `None`: the rules by count and time decide.
    #[must_use]
    pub fn why(&self, label: &BackupLabel) -> Option<&Why> {
        self.0.get(label)
    }

    /// Of what the other rules let go that which does not stay, and the labels that do.
    #[must_use]
    pub fn spare(&self, expired: Vec<Expired>) -> (Vec<Expired>, BTreeSet<BackupLabel>) {
        let mut spared = BTreeSet::new();
        let mut gone = Vec::new();
        for mut one in expired {
            // What depends on a backup that goes does not stay either: otherwise that backup would be needed.
            one.set.retain(|label| {
                let stays = self.0.contains_key(label);
                if stays {
                    spared.insert(label.clone());
                }
                !stays
            });
            if !one.set.is_empty() {
                gone.push(one);
            }
        }
        (gone, spared)
    }
}

fn needs(entry: &BackupEntry) -> impl Iterator<Item = BackupLabel> {
    let references = entry.references.iter().flatten();
    entry.prior.iter().chain(references).cloned()
}

/// The backup that is kept of each period: its newest full one or, where it has none, its newest. Periods without a
/// backup do not count, so that a time without backups costs no old one.
fn newest_of(
    entries: &[BackupEntry],
    period: Period,
    zone: &TimeZone,
) -> BTreeMap<String, BackupLabel> {
    let mut newest: BTreeMap<String, (bool, u64, BackupLabel)> = BTreeMap::new();
    for entry in entries {
        let seconds = i64::try_from(entry.timestamp_stop).unwrap_or(i64::MAX);
        let Ok(time) = Timestamp::from_second(seconds) else {
            continue;
        };
        let name = period.name(zone.to_datetime(time).date());
        let is_full = entry.label.backup_type() == BackupType::Full;
        let own = (is_full, entry.timestamp_stop, entry.label.clone());
        match newest.get_mut(&name) {
            Some(found) if *found >= own => {}
            Some(found) => *found = own,
            None => {
                newest.insert(name, own);
            }
        }
    }
    newest
        .into_iter()
        .map(|(name, (_, _, label))| (name, label))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{self as kit, label};
    use super::super::{expire_diff, expire_full};
    use super::*;

    const DAY: u32 = 86_400;

    fn pin(entry: &mut BackupEntry, value: &str) {
        entry
            .annotations
            .insert(b"pgkeep-pin".to_vec(), value.as_bytes().to_vec());
    }

    fn of(entries: &[BackupEntry], generations: Generations, now: i64) -> Stays {
        Stays::new(entries, generations, now, &TimeZone::UTC)
    }

    fn spared(entries: &[BackupEntry], stays: &Stays, keep: u32) -> (Vec<String>, Vec<String>) {
        let (gone, spared) = stays.spare(expire_full(entries, keep));
        (
            gone.iter().map(Expired::text).collect(),
            spared
                .iter()
                .map(|label| label.as_str().to_owned())
                .collect(),
        )
    }

    #[test]
    fn a_pinned_backup_stays_with_what_it_depends_on_and_nothing_else() {
        let mut entries = kit::chain();
        pin(&mut entries[2], "forever");
        let stays = of(&entries, Generations::default(), 0);
        assert_eq!(
            spared(&entries, &stays, 1),
            (
                vec![kit::D2.to_owned(), format!("set {}, {}", kit::F2, kit::D3)],
                vec![kit::F1.to_owned(), kit::D1.to_owned(), kit::I1.to_owned()],
            )
        );
        assert_eq!(
            stays.why(&label(kit::F1)),
            Some(&Why::Needed(label(kit::D1)))
        );
        assert_eq!(stays.why(&label(kit::I1)), Some(&Why::Pinned(Pin::Forever)));
    }

    #[test]
    fn a_pin_ends_at_its_time_and_one_that_cannot_be_read_does_not_end() {
        let mut entries = kit::chain();
        pin(&mut entries[0], "1970-01-03T00:00:00Z");
        let stays_at = |entries: &[BackupEntry], now: u32| {
            of(entries, Generations::default(), now.into())
                .why(&label(kit::F1))
                .is_some()
        };
        assert!(stays_at(&entries, 2 * DAY - 1));
        assert!(!stays_at(&entries, 2 * DAY));
        pin(&mut entries[0], "next summer");
        assert!(stays_at(&entries, u32::MAX));
    }

    #[test]
    fn of_each_period_the_newest_full_stays_or_else_the_newest() {
        let entries = kit::chain();
        let daily = |daily| Generations {
            daily,
            ..Generations::default()
        };
        // Days 7 (F3), 6 (D3, which needs F2).
        let stays = of(&entries, daily(2), 0);
        assert_eq!(spared(&entries, &stays, 1).1, [kit::F2, kit::D3]);
        // One week ends on the fourth of January 1970: F1 D1 I1 of it, where F1 is full.
        let weekly = Generations {
            weekly: 2,
            ..Generations::default()
        };
        let stays = of(&entries, weekly, 0);
        assert_eq!(
            stays.why(&label(kit::F1)),
            Some(&Why::Generation(Period::Week, "1970-W01".to_owned()))
        );
        assert_eq!(spared(&entries, &stays, 1).1, [kit::F1]);
    }

    #[test]
    fn a_long_time_without_backups_costs_none_of_the_old() {
        let mut entries = kit::chain();
        entries[6].timestamp_stop = 10 * 365 * u64::from(DAY);
        let monthly = Generations {
            monthly: 2,
            ..Generations::default()
        };
        let stays = of(&entries, monthly, 0);
        assert_eq!(spared(&entries, &stays, 1).1, [kit::F2]);
    }

    proptest! {
        #[test]
        fn nothing_that_a_kept_backup_needs_ever_goes(
            kinds in prop::collection::vec((0_u8..3, any::<prop::sample::Index>(), 0_u8..8), 1..40),
            counts in (0_u32..4, 0_u32..4, 0_u32..4, 0_u32..3),
            keep in 1_u32..4,
            keep_diff in 1_u32..4,
        ) {
            let mut entries: Vec<BackupEntry> = Vec::new();
            for (day, (kind, which, pinned)) in kinds.into_iter().enumerate() {
                let day = u32::try_from(day).unwrap();
                let full = kind == 0 || entries.is_empty();
                let time = format!("2026{:02}{:02}-000000", day / 28 + 1, day % 28 + 1);
                let mut entry = if full {
                    kit::entry(&format!("{time}F"), None, day * DAY * 3, 1)
                } else {
                    let prior = which.get(&entries);
                    let prior = if kind == 1 { prior.label.full_part().to_owned() } else { prior.label.to_string() };
                    let root = prior.split('_').next().unwrap().to_owned();
                    let letter = if kind == 1 { 'D' } else { 'I' };
                    kit::entry(&format!("{root}_{time}{letter}"), Some(&prior), day * DAY * 3, 1)
                };
                if pinned == 0 {
                    pin(&mut entry, "forever");
                }
                entries.push(entry);
            }
            entries.sort_by(|a, b| a.label.cmp(&b.label));
            let (daily, weekly, monthly, yearly) = counts;
            let stays = of(&entries, Generations { daily, weekly, monthly, yearly }, 0);
            let mut left = entries.clone();
            for expired in stays.spare(expire_full(&left, keep)).0 {
                left.retain(|entry| !expired.set.contains(&entry.label));
            }
            for expired in stays.spare(expire_diff(&left, keep_diff)).0 {
                left.retain(|entry| !expired.set.contains(&entry.label));
            }
            let listed: BTreeSet<_> = left.iter().map(|entry| entry.label.clone()).collect();
            for entry in &left {
                prop_assert!(entry.prior.iter().all(|prior| listed.contains(prior)), "{}", entry.label);
            }
            for entry in &entries {
                if Pin::of(entry).is_some() {
                    prop_assert!(listed.contains(&entry.label), "pinned {}", entry.label);
                }
            }
            // What the rules without generations and pins keep is kept with them, too.
            let mut plain = entries.clone();
            for expired in expire_full(&plain, keep) {
                plain.retain(|entry| !expired.set.contains(&entry.label));
            }
            for entry in plain.iter().filter(|entry| entry.label.backup_type() == BackupType::Full) {
                prop_assert!(listed.contains(&entry.label), "{}", entry.label);
            }
            let days: BTreeSet<_> = entries.iter().map(|entry| entry.timestamp_stop).collect();
            let kept: BTreeSet<_> = left.iter().map(|entry| entry.timestamp_stop).collect();
            for day in days.iter().rev().take(daily as usize) {
                prop_assert!(kept.contains(day), "a backup of each of the last {daily} days");
            }
        }
    }
}
