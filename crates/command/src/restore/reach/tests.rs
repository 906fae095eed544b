//! What is reached, what is not, and what stays open.

use pgkeep_postgres::recovery::RecoveryTarget;
use pgkeep_postgres::timeline::{TimelineId, parse_history};
use pgkeep_postgres::{Lsn, WalSegment};

use super::*;
use crate::restore::timeline::Line;

const SIZE: u32 = 16 << 20;
/// Microseconds.
const SECOND: i64 = 1_000_000;

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
    super::verdict(
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
        super::verdict(&needs, &found, &facts(2_000_086_672)),
        Verdict::Reached
    );
    assert_eq!(
        super::verdict(&needs, &found, &facts(2_000_120_000)).name(),
        "unsure"
    );
    let doubted = Verdict::Unreachable("it ends".to_owned()).doubted("repo2 could not be read");
    assert_eq!(
        doubted,
        Verdict::Unsure("it ends; but repo2 could not be read".to_owned())
    );
}
