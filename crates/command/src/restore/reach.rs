//! How far the WAL of a set leads, and whether the target lies within.
//!
//! Invariant: a target that can be reached is never called unreachable. What only replaying would show is left open; what is
//! likely to fail but need not is unsure. Names of PostgreSQL's own rules are those of `xlogrecovery.c`.

use pgkeep_postgres::recovery::RecoveryTarget;
use pgkeep_postgres::timeline::TimelineId;
use pgkeep_postgres::{Lsn, WalSegment};

use super::timeline::Line;

/// What a set needs to be consistent.
#[derive(Debug, Clone)]
pub(super) struct Needs {
    pub start: WalSegment,
    pub stop: WalSegment,
    /// Where it is consistent.
    pub lsn: Lsn,
    /// When the backup ended, seconds since 1970.
    pub time: i64,
    /// The backup holds a copy of this WAL.
    pub holds_wal: bool,
}

/// Segments that are missing, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub timeline: TimelineId,
    pub first: u64,
    pub last: u64,
}

/// The WAL of a set on its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    /// Missing of what makes the set consistent.
    pub missing: Vec<Gap>,
    /// The last segment that can be replayed.
    pub last: (TimelineId, u64),
    /// Whatever lies before this is there.
    pub sure: Lsn,
    /// From here on nothing is.
    pub most: Lsn,
    /// What is missing before WAL goes on: in a gap, or where a timeline begins.
    pub gap: Option<Gap>,
    /// The timelines part before the set is consistent, here.
    pub parts: Option<Lsn>,
}

/// Follows the line from the end of the set. `first_from`: the first segment of a timeline that is there, from a number on.
pub(super) fn follow(
    line: &Line,
    needs: &Needs,
    size: u32,
    first_from: &dyn Fn(TimelineId, u64) -> Option<u64>,
) -> Extent {
    let number = |lsn: Lsn| lsn.0 / u64::from(size);
    let position = |number: u64| Lsn(number.saturating_mul(u64::from(size)));
    let has = |timeline, number| first_from(timeline, number) == Some(number);
    let (start, stop) = (
        number(needs.start.start(size)),
        number(needs.stop.start(size)),
    );
    let mut extent = Extent {
        missing: Vec::new(),
        last: (line.from, stop),
        sure: needs.lsn,
        most: position(stop + 1),
        gap: None,
        parts: None,
    };
    if !needs.holds_wal {
        extent.missing = gaps(line.from, start, stop, first_from);
    }
    let left = line
        .history
        .iter()
        .skip_while(|item| item.timeline != line.from);
    let legs = left
        .map(|item| (item.timeline, Some(item.switch)))
        .chain([(line.to, None)]);
    let mut next = stop + 1;
    for (timeline, switch) in legs {
        if let Some(switch) = switch.filter(|switch| *switch < needs.lsn) {
            extent.parts = Some(switch);
            return extent;
        }
        // The segment in which a timeline branches off is read from the one that goes on.
        let end = switch.map(number);
        while end.is_none_or(|end| next < end) && has(timeline, next) {
            extent.last = (timeline, next);
            next += 1;
        }
        if end.is_none_or(|end| next < end) {
            extent.sure = extent.sure.max(position(next - 1));
            extent.most = position(next);
            let later =
                first_from(timeline, next).filter(|later| end.is_none_or(|end| *later < end));
            let first = Gap {
                timeline,
                first: next,
                last: next,
            };
            extent.gap = match (later, end) {
                (Some(later), _) => Some(Gap {
                    last: later - 1,
                    ..first
                }),
                (None, Some(end)) => Some(Gap {
                    last: end - 1,
                    ..first
                }),
                (None, None) => None,
            };
            return extent;
        }
        if let Some(switch) = switch {
            next = number(switch);
            let follower = following(line, timeline);
            if !has(follower, next) {
                // Up to the switch the segment of the parent may do, if it is there.
                extent.sure = extent.sure.max(position(next));
                extent.most = switch.max(needs.lsn);
                extent.gap = Some(Gap {
                    timeline: follower,
                    first: next,
                    last: next,
                });
                return extent;
            }
        }
    }
    extent
}

/// The timeline that goes on where `timeline` is left.
fn following(line: &Line, timeline: TimelineId) -> TimelineId {
    let mut after = line
        .history
        .iter()
        .skip_while(|item| item.timeline != timeline);
    after.next();
    after.next().map_or(line.to, |item| item.timeline)
}

fn gaps(
    timeline: TimelineId,
    first: u64,
    last: u64,
    first_from: &dyn Fn(TimelineId, u64) -> Option<u64>,
) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut next = first;
    while next <= last {
        let there = first_from(timeline, next).filter(|there| *there <= last);
        let until = there.unwrap_or(last + 1);
        if until > next {
            gaps.push(Gap {
                timeline,
                first: next,
                last: until - 1,
            });
        }
        next = until + 1;
    }
    gaps
}

/// Whether the target is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Reached,
    /// Only replaying shows; nothing speaks against it.
    Open(String),
    /// Something speaks against it.
    Unsure(String),
    Unreachable(String),
}

impl Verdict {
    /// For programs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Open(_) => "open",
            Self::Unsure(_) => "unsure",
            Self::Unreachable(_) => "unreachable",
        }
    }

    /// Why.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Reached => None,
            Self::Open(text) | Self::Unsure(text) | Self::Unreachable(text) => Some(text),
        }
    }

    /// Where more may be there than is known, nothing is unreachable.
    #[must_use]
    pub(super) fn doubted(self, why: &str) -> Self {
        match self {
            Self::Unreachable(text) => Self::Unsure(format!("{text}; but {why}")),
            other => other,
        }
    }
}

/// The last transaction that ended in the WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// Microseconds since 1970.
    At(i64),
    /// None did since the backup ended.
    NoneSince,
    Unknown,
}

/// What is known of the target beside the WAL.
pub(super) struct Facts<'a> {
    pub target: &'a RecoveryTarget,
    /// The target as microseconds since 1970.
    pub time: Option<i64>,
    pub last_transaction: Last,
    pub show_time: &'a dyn Fn(i64) -> String,
    pub show_gap: &'a dyn Fn(&Gap) -> String,
}

/// Seconds by which times in WAL may be out of order.
const ORDER: i64 = 2;

const SECOND: i64 = 1_000_000;

/// Most bytes of the record that ends a backup, page header included.
const END_RECORD: u64 = 128;

/// Judges the target.
pub(super) fn judge(needs: &Needs, extent: &Extent, facts: &Facts<'_>) -> Verdict {
    use RecoveryTarget as Target;
    if matches!(facts.target, Target::None) {
        return match needs.holds_wal {
            true => Verdict::Reached,
            false => Verdict::Unsure(
                "without recovery settings PostgreSQL finds the WAL of the backup only in pg_wal, where this restore \
                 puts none"
                    .to_owned(),
            ),
        };
    }
    if let Some(parts) = extent.parts {
        let text = format!(
            "the timeline branched off at {parts}, before the set is consistent at {}",
            needs.lsn
        );
        return match facts.target {
            // Its settings may follow another one.
            Target::Preserve => Verdict::Unsure(text),
            _ => Verdict::Unreachable(text),
        };
    }
    if !extent.missing.is_empty() {
        let gaps: Vec<String> = extent.missing.iter().map(facts.show_gap).collect();
        let text = format!(
            "WAL that makes the set consistent is not in the archive: {}",
            gaps.join(", ")
        );
        return match facts.target {
            // It may come from the primary, or by settings that are not ours.
            Target::Standby | Target::Preserve => Verdict::Unsure(text),
            _ => Verdict::Unreachable(text),
        };
    }
    let end = || {
        let mut text = format!("the WAL ends at {}", extent.most);
        if let Some(gap) = &extent.gap {
            text.push_str(&format!(", then {} is missing", (facts.show_gap)(gap)));
        }
        text
    };
    match facts.target {
        Target::Lsn(target) => match target.parse::<Lsn>() {
            Ok(target) if target < needs.lsn => {
                let text = format!(
                    "the target lies before {}, where the set is consistent: an older set is needed",
                    needs.lsn
                );
                // Recovery stops at the first record that begins at the target or later: behind the last one of the
                // backup that is where the set is consistent.
                match target.0 + END_RECORD < needs.lsn.0 {
                    true => Verdict::Unreachable(text),
                    false => Verdict::Unsure(text),
                }
            }
            Ok(target) if target >= extent.most => Verdict::Unreachable(end()),
            Ok(target) if target >= extent.sure => Verdict::Open(format!(
                "it lies in the last segment, which may not be full; {}",
                end()
            )),
            Ok(_) => Verdict::Reached,
            Err(_) => Verdict::Open("the target is no LSN".to_owned()),
        },
        Target::Time(_) => by_time(needs, facts, &end),
        Target::Name(_) => Verdict::Open(format!(
            "whether the WAL has the restore point shows only when it is replayed; {}",
            end()
        )),
        Target::Xid(_) => Verdict::Open(format!(
            "whether the WAL has the end of the transaction shows only when it is replayed; {}",
            end()
        )),
        _ => Verdict::Reached,
    }
}

fn by_time(needs: &Needs, facts: &Facts<'_>, end: &dyn Fn() -> String) -> Verdict {
    let Some(time) = facts.time else {
        return Verdict::Open("the time is left to PostgreSQL to read".to_owned());
    };
    if time.div_euclid(SECOND) < needs.time {
        return Verdict::Unsure(format!(
            "the target lies before {}, when the backup ended: PostgreSQL refuses it if a transaction ended between",
            (facts.show_time)(needs.time)
        ));
    }
    let (last, what) = match facts.last_transaction {
        Last::Unknown => {
            return Verdict::Open(format!("no transaction was found near the end; {}", end()));
        }
        // Recovery stops at the first transaction that ended later than the target.
        Last::At(last) if last > time => return Verdict::Reached,
        Last::At(last) => {
            let last = last.div_euclid(SECOND);
            let what = format!(
                "the last transaction in the WAL ended at {}",
                (facts.show_time)(last)
            );
            (last, what)
        }
        Last::NoneSince => {
            let what = format!(
                "no transaction in the WAL ended after the backup did at {}",
                (facts.show_time)(needs.time)
            );
            (needs.time, what)
        }
    };
    if last + ORDER < time.div_euclid(SECOND) {
        Verdict::Unreachable(format!("{what}; {}", end()))
    } else {
        Verdict::Unsure(format!(
            "{what}, and recovery stops only at a later one; {}",
            end()
        ))
    }
}

#[cfg(test)]
mod tests {
    use pgkeep_postgres::timeline::parse_history;

    use super::*;

    const SIZE: u32 = 16 << 20;

    fn segment(timeline: u32, number: u32) -> WalSegment {
        WalSegment {
            timeline: TimelineId(timeline),
            log: 0,
            segment: number,
        }
    }

    fn needs(start: u32, stop: u32) -> Needs {
        Needs {
            start: segment(1, start),
            stop: segment(1, stop),
            lsn: Lsn(u64::from(stop) * u64::from(SIZE) + 0x100),
            time: 1_000,
            holds_wal: false,
        }
    }

    fn line(to: u32, history: &str) -> Line {
        Line {
            from: TimelineId(1),
            to: TimelineId(to),
            history: parse_history(history).unwrap(),
        }
    }

    type There<'a> = &'a [(u32, std::ops::RangeInclusive<u64>)];

    fn extent(line: &Line, needs: &Needs, there: There<'_>) -> Extent {
        follow(line, needs, SIZE, &|timeline, number| {
            let numbers = there.iter().filter(|(of, _)| *of == timeline.0);
            numbers
                .filter(|(_, range)| number <= *range.end())
                .map(|(_, range)| number.max(*range.start()))
                .min()
        })
    }

    fn verdict(
        needs: &Needs,
        extent: &Extent,
        target: &RecoveryTarget,
        time: Option<i64>,
        last: Option<i64>,
    ) -> Verdict {
        judge(
            needs,
            extent,
            &Facts {
                target,
                time: time.map(|time| time * SECOND),
                last_transaction: last.map_or(Last::Unknown, |last| Last::At(last * SECOND)),
                show_time: &|time| time.to_string(),
                show_gap: &|gap| format!("{}/{}-{}", gap.timeline, gap.first, gap.last),
            },
        )
    }

    fn lsn(number: u64, offset: u64) -> RecoveryTarget {
        RecoveryTarget::Lsn(Lsn(number * u64::from(SIZE) + offset).to_string())
    }

    #[test]
    fn a_position_is_reached_up_to_the_first_segment_that_is_missing() {
        let needs = needs(2, 3);
        let found = extent(&line(1, ""), &needs, &[(1, 1..=5), (1, 8..=9)]);
        assert_eq!(
            (found.last, found.most),
            ((TimelineId(1), 5), Lsn(6 * u64::from(SIZE)))
        );
        let judged = |target| verdict(&needs, &found, &target, None, None);
        assert_eq!(judged(lsn(4, 0)), Verdict::Reached);
        assert_eq!(judged(lsn(4, 0xFF_FFFF)), Verdict::Reached);
        assert_eq!(judged(lsn(5, 0)).name(), "open");
        assert_eq!(judged(lsn(3, 0x100)).name(), "reached");
        assert_eq!(judged(lsn(3, 0xFF)).name(), "unsure");
        assert_eq!(judged(lsn(3, 0)).name(), "unreachable");
        let Verdict::Unreachable(text) = judged(lsn(6, 0)) else {
            panic!("the WAL ends");
        };
        assert_eq!(text, "the WAL ends at 0/6000000, then 1/6-7 is missing");
        assert_eq!(
            verdict(&needs, &found, &RecoveryTarget::Default, None, None),
            Verdict::Reached
        );
    }

    #[test]
    fn a_set_without_its_own_wal_reaches_nothing_but_as_a_standby_or_with_a_copy() {
        let mut needs = needs(2, 4);
        let there: There<'_> = &[(1, 1..=2), (1, 4..=9)];
        let found = extent(&line(1, ""), &needs, there);
        let judged = |target| verdict(&needs, &found, &target, None, None).name();
        for target in [
            RecoveryTarget::Default,
            RecoveryTarget::Immediate,
            lsn(6, 0),
            RecoveryTarget::Name("x".into()),
        ] {
            assert_eq!(judged(target), "unreachable");
        }
        for target in [
            RecoveryTarget::Standby,
            RecoveryTarget::Preserve,
            RecoveryTarget::None,
        ] {
            assert_eq!(judged(target), "unsure");
        }
        needs.holds_wal = true;
        let found = extent(&line(1, ""), &needs, there);
        assert_eq!(
            verdict(&needs, &found, &RecoveryTarget::Default, None, None),
            Verdict::Reached
        );
        assert_eq!(
            verdict(&needs, &found, &RecoveryTarget::None, None, None),
            Verdict::Reached
        );
        assert_eq!(found.last, (TimelineId(1), 9));
    }

    #[test]
    fn a_branch_is_followed_as_far_as_its_wal_is_there() {
        let needs = needs(2, 3);
        let to_three = line(3, "1\t0/5000100\tx\n2\t0/7000100\tx\n");
        let at = |there: There<'_>| {
            let found = extent(&to_three, &needs, there);
            (
                found.last.0.0,
                found.last.1,
                found.most,
                found.gap.map(|gap| (gap.timeline.0, gap.first, gap.last)),
            )
        };
        let whole: There<'_> = &[(1, 1..=9), (2, 5..=7), (3, 7..=8)];
        assert_eq!(at(whole), (3, 8, Lsn(0x900_0000), None));
        // The parent's WAL after the switch is of no use, nor is what lies behind a gap.
        assert_eq!(
            at(&[(1, 1..=9), (2, 6..=7)]),
            (1, 4, Lsn(0x500_0100), Some((2, 5, 5)))
        );
        assert_eq!(
            at(&[(1, 1..=9), (2, 5..=5), (3, 7..=8)]),
            (2, 5, Lsn(0x600_0000), Some((2, 6, 6)))
        );
        assert_eq!(
            at(&[(1, 1..=3), (2, 5..=7), (3, 7..=8)]),
            (1, 3, Lsn(0x400_0000), Some((1, 4, 4)))
        );
        // In the segment of the switch the parent's copy may do.
        let found = extent(&to_three, &needs, &[(1, 1..=9), (2, 5..=7)]);
        assert_eq!((found.sure, found.most), (Lsn(0x700_0000), Lsn(0x700_0100)));
        assert_eq!(
            verdict(&needs, &found, &lsn(7, 0x80), None, None).name(),
            "open"
        );
        assert_eq!(
            verdict(&needs, &found, &lsn(7, 0x100), None, None).name(),
            "unreachable"
        );
        // Branched off while the backup ran: start and stop lie on different sides.
        let early = extent(
            &line(2, "1\t0/3000080\tx\n"),
            &needs,
            &[(1, 1..=9), (2, 3..=7)],
        );
        assert_eq!(
            verdict(&needs, &early, &RecoveryTarget::Default, None, None).name(),
            "unreachable"
        );
        assert_eq!(
            verdict(&needs, &early, &RecoveryTarget::Preserve, None, None).name(),
            "unsure"
        );
        // A branch in the very segment in which the backup ended.
        let same = extent(
            &line(2, "1\t0/3000200\tx\n"),
            &needs,
            &[(1, 1..=3), (2, 3..=7)],
        );
        assert_eq!((same.last, same.gap), ((TimelineId(2), 7), None));
    }

    #[test]
    fn a_time_is_reached_if_a_transaction_ended_later() {
        let needs = needs(2, 3);
        let found = extent(&line(1, ""), &needs, &[(1, 1..=5)]);
        let target = RecoveryTarget::Time("x".to_owned());
        let judged = |time, last| verdict(&needs, &found, &target, time, last).name();
        assert_eq!(judged(Some(2_000), Some(2_001)), "reached");
        assert_eq!(judged(Some(2_000), Some(2_000)), "unsure");
        assert_eq!(judged(Some(2_000), Some(1_998)), "unsure");
        assert_eq!(judged(Some(2_000), Some(1_997)), "unreachable");
        assert_eq!(judged(Some(2_000), None), "open");
        assert_eq!(judged(None, Some(1)), "open");
        assert_eq!(judged(Some(999), Some(2_001)), "unsure");
        // Within one second too.
        let facts = |time| Facts {
            target: &target,
            time: Some(time),
            last_transaction: Last::At(2_000_120_000),
            show_time: &|time| time.to_string(),
            show_gap: &|_| String::new(),
        };
        assert_eq!(
            judge(&needs, &found, &facts(2_000_086_672)),
            Verdict::Reached
        );
        assert_eq!(
            judge(&needs, &found, &facts(2_000_120_000)).name(),
            "unsure"
        );
        let doubted = Verdict::Unreachable("it ends".to_owned()).doubted("repo2 could not be read");
        assert_eq!(
            doubted,
            Verdict::Unsure("it ends; but repo2 could not be read".to_owned())
        );
    }
}
