//! Which moments a backup can be restored to: from its own end to the last segment of WAL without a gap, on its timeline and
//! on every later one that branched off it.
//!
//! Only WAL that was read and found sound counts. Invariant: a moment that is named here can be recovered from what is in the
//! repository; one that is not named may still be possible (WAL that no history file joins to the backup).

use std::collections::BTreeMap;

use pgkeep_postgres::timeline::{TimelineId, TimelineSwitch};
use pgkeep_postgres::{Lsn, WalSegment};
use pgkeep_repo::ArchiveId;

/// Bytes of a segment unless the cluster was made with another size.
pub const SEGMENT_SIZE: u32 = 16 << 20;

/// Sound WAL of one archive.
#[derive(Debug, Default)]
pub struct Wal {
    /// Bytes of a segment; `None`: not known, the usual is taken.
    pub segment_size: Option<u32>,
    /// When each segment was stored (seconds since 1970), by timeline and number.
    segments: BTreeMap<TimelineId, BTreeMap<u64, i64>>,
    /// What the history file of each timeline says.
    pub histories: BTreeMap<TimelineId, Vec<TimelineSwitch>>,
}

/// A part of WAL that is missing or damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub first: WalSegment,
    pub last: WalSegment,
}

/// What a backup says about itself.
#[derive(Debug, Clone)]
pub struct Point {
    pub archive: ArchiveId,
    /// First and last segment that make the backup consistent; `None`: an offline backup.
    pub wal: Option<(WalSegment, WalSegment)>,
    /// Where the backup is consistent.
    pub lsn: Option<Lsn>,
    /// When the backup ended, seconds since 1970.
    pub time: i64,
    /// The backup holds a copy of the WAL it needs.
    pub holds_wal: bool,
}

/// One stretch of moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub timeline: TimelineId,
    /// Last segment that can be recovered, and when it was stored (`None`: only inside the backup).
    pub last: WalSegment,
    pub stored: Option<i64>,
    /// First position that cannot be recovered any more.
    pub end: Lsn,
    /// What is missing before WAL goes on.
    pub gap: Option<Gap>,
}

/// The answer for one backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restorable {
    /// Files of the backup are missing or damaged.
    Damaged,
    /// WAL that makes the backup consistent is missing or damaged.
    Inconsistent(Vec<Gap>),
    /// Exactly as it was when it ended: it was made without WAL.
    AsItIs,
    /// The backup's own timeline first.
    Windows(Vec<Window>),
}

impl Wal {
    fn size(&self) -> u32 {
        self.segment_size.unwrap_or(SEGMENT_SIZE)
    }

    fn number(&self, segment: WalSegment) -> u64 {
        segment.start(self.size()).0 / u64::from(self.size())
    }

    fn segment(&self, timeline: TimelineId, number: u64) -> WalSegment {
        WalSegment::from_lsn(timeline, self.position(number), self.size())
    }

    fn position(&self, number: u64) -> Lsn {
        Lsn(number.saturating_mul(u64::from(self.size())))
    }

    pub fn add(&mut self, segment: WalSegment, stored: i64) {
        let number = self.number(segment);
        self.segments
            .entry(segment.timeline)
            .or_default()
            .insert(number, stored);
    }

    /// Takes out a segment that turned out to be damaged.
    pub fn remove(&mut self, segment: WalSegment) {
        let number = self.number(segment);
        if let Some(segments) = self.segments.get_mut(&segment.timeline) {
            segments.remove(&number);
        }
    }

    fn has(&self, timeline: TimelineId, number: u64) -> bool {
        self.segments
            .get(&timeline)
            .is_some_and(|segments| segments.contains_key(&number))
    }

    /// Parts of `first` … `last` that are not there.
    fn gaps(&self, timeline: TimelineId, first: u64, last: u64) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let mut next = first;
        let empty = BTreeMap::new();
        let there = self.segments.get(&timeline).unwrap_or(&empty);
        let mut gap = |from: u64, to: u64| {
            gaps.push(Gap {
                first: self.segment(timeline, from),
                last: self.segment(timeline, to),
            });
        };
        if first > last {
            return Vec::new();
        }
        for &number in there.range(first..=last).map(|(number, _)| number) {
            if number > next {
                gap(next, number - 1);
            }
            next = number + 1;
        }
        if next <= last {
            gap(next, last);
        }
        gaps
    }

    /// The stretch that begins with segment `first`, which is there or needs not be.
    fn window(&self, timeline: TimelineId, first: u64) -> Window {
        let mut last = first;
        let mut stored = None;
        let mut gap = None;
        if let Some(segments) = self.segments.get(&timeline) {
            stored = segments.get(&first).copied();
            for (&number, &at) in segments.range(first + 1..) {
                if number > last + 1 {
                    gap = Some(Gap {
                        first: self.segment(timeline, last + 1),
                        last: self.segment(timeline, number - 1),
                    });
                    break;
                }
                (last, stored) = (number, Some(at));
            }
        }
        Window {
            timeline,
            last: self.segment(timeline, last),
            stored,
            end: self.position(last + 1),
            gap,
        }
    }

    /// What the backup can be restored to, if its files are in order.
    pub fn restorable(&self, point: &Point) -> Restorable {
        let Some((start, stop)) = point.wal else {
            return Restorable::AsItIs;
        };
        let (timeline, last) = (stop.timeline, self.number(stop));
        if !point.holds_wal {
            let gaps = self.gaps(start.timeline, self.number(start), last);
            if !gaps.is_empty() {
                return Restorable::Inconsistent(gaps);
            }
        }
        let mut windows = vec![self.window(timeline, last)];
        let consistent = point.lsn.unwrap_or_else(|| self.position(last));
        for (&other, history) in &self.histories {
            if let Some(first) = self.joins(timeline, last, consistent, other, history) {
                windows.push(self.window(other, first));
            }
        }
        Restorable::Windows(windows)
    }

    /// The first segment on timeline `to`, if WAL leads there from segment `last` of timeline `from` without a gap.
    fn joins(
        &self,
        from: TimelineId,
        last: u64,
        consistent: Lsn,
        to: TimelineId,
        history: &[TimelineSwitch],
    ) -> Option<u64> {
        if to == from {
            return None;
        }
        let at = history.iter().position(|item| item.timeline == from)?;
        // A branch that left before the backup was consistent does not contain it.
        if history[at].switch < consistent {
            return None;
        }
        // The segment of the switch is read from the timeline that goes on.
        let mut next = last + 1;
        for (item, follower) in history[at..].iter().zip(
            history[at + 1..]
                .iter()
                .map(|item| item.timeline)
                .chain([to]),
        ) {
            let switch = item.switch.0 / u64::from(self.size());
            if switch > next && !self.gaps(item.timeline, next, switch - 1).is_empty() {
                return None;
            }
            if !self.has(follower, switch) {
                return None;
            }
            next = switch + 1;
        }
        Some(next - 1)
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_postgres::timeline::parse_history;

    use super::*;

    fn segment(text: &str) -> WalSegment {
        text.parse().unwrap()
    }

    fn wal(timelines: &[(u32, std::ops::RangeInclusive<u32>)]) -> Wal {
        let mut wal = Wal::default();
        for (timeline, numbers) in timelines {
            for number in numbers.clone() {
                wal.add(
                    segment(&format!("{timeline:08X}00000000{number:08X}")),
                    i64::from(number),
                );
            }
        }
        wal
    }

    fn point(start: u32, stop: u32) -> Point {
        Point {
            archive: ArchiveId::new("17", 1),
            wal: Some((
                segment(&format!("0000000100000000{start:08X}")),
                segment(&format!("0000000100000000{stop:08X}")),
            )),
            lsn: Some(Lsn(u64::from(stop) * u64::from(SEGMENT_SIZE) + 100)),
            time: 0,
            holds_wal: false,
        }
    }

    fn windows(wal: &Wal, point: &Point) -> Vec<(u32, String, Option<i64>, Option<String>)> {
        match wal.restorable(point) {
            Restorable::Windows(windows) => windows
                .into_iter()
                .map(|window| {
                    let gap = window.gap.map(|gap| format!("{}-{}", gap.first, gap.last));
                    (
                        window.timeline.0,
                        window.last.to_string(),
                        window.stored,
                        gap,
                    )
                })
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_window_ends_at_the_first_gap() {
        let wal = wal(&[(1, 1..=5), (1, 8..=9)]);
        assert_eq!(
            windows(&wal, &point(2, 3)),
            [(
                1,
                "000000010000000000000005".to_owned(),
                Some(5),
                Some("000000010000000000000006-000000010000000000000007".to_owned())
            )]
        );
        assert_eq!(
            windows(&wal, &point(8, 9)),
            [(1, "000000010000000000000009".to_owned(), Some(9), None)]
        );
    }

    #[test]
    fn a_backup_without_its_own_wal_cannot_be_restored_unless_it_holds_a_copy() {
        let mut wal = wal(&[(1, 1..=5)]);
        wal.remove(segment("000000010000000000000003"));
        let mut point = point(2, 3);
        let gap = segment("000000010000000000000003");
        assert_eq!(
            wal.restorable(&point),
            Restorable::Inconsistent(vec![Gap {
                first: gap,
                last: gap
            }])
        );
        point.holds_wal = true;
        assert_eq!(
            windows(&wal, &point),
            [(1, "000000010000000000000005".to_owned(), Some(5), None)]
        );
        point.wal = None;
        assert_eq!(wal.restorable(&point), Restorable::AsItIs);
    }

    #[test]
    fn later_timelines_are_reached_where_wal_leads_to_them() {
        let mut wal = wal(&[(1, 1..=9), (2, 5..=7), (3, 7..=8), (4, 2..=4), (5, 20..=21)]);
        let mut history = |timeline, text: &str| {
            wal.histories
                .insert(TimelineId(timeline), parse_history(text).unwrap());
        };
        history(2, "1\t0/5000100\tx\n");
        history(3, "1\t0/5000100\tx\n2\t0/7000100\tx\n");
        // Left before the backup ended; left where WAL of the parent is missing.
        history(4, "1\t0/2000100\tx\n");
        history(5, "1\t0/14000100\tx\n");
        let found = windows(&wal, &point(3, 4));
        let timelines: Vec<_> = found
            .iter()
            .map(|(timeline, last, ..)| (*timeline, &last[16..]))
            .collect();
        assert_eq!(
            timelines,
            [(1, "00000009"), (2, "00000007"), (3, "00000008")]
        );
    }

    #[test]
    fn numbers_go_on_across_the_high_part_of_a_name() {
        let mut wal = Wal::default();
        wal.add(segment("0000000100000000000000FF"), 1);
        wal.add(segment("000000010000000100000000"), 2);
        let end = wal.window(TimelineId(1), 255);
        assert_eq!(
            (end.last.to_string().as_str(), end.gap),
            ("000000010000000100000000", None)
        );
    }
}
