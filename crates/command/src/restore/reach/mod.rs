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
mod tests;
