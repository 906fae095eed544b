//! How far the WAL of a set leads: along the timelines that recovery follows, up to the first gap.

use pgkeep_postgres::timeline::TimelineId;
use pgkeep_postgres::{Lsn, WalSegment};

use crate::restore::timeline::Line;

/// What a set needs to be consistent.
#[derive(Debug, Clone)]
pub(in crate::restore) struct Needs {
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
pub(in crate::restore) struct Gap {
    pub timeline: TimelineId,
    pub first: u64,
    pub last: u64,
}

/// The WAL of a set and of the timelines that recovery follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::restore) struct Extent {
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

/// Follows the timelines from the end of the set. `first_from`: the first segment of a timeline that is there, from a number on.
pub(in crate::restore) fn follow(
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
