//! Whether a target lies within the WAL of a set.
//!
//! Invariant: a target that can be reached is never called unreachable. What only replaying would show is left open; what is
//! likely to fail but need not is unsure. Names of PostgreSQL's own rules are those of `xlogrecovery.c`.

use pgkeep_postgres::Lsn;
use pgkeep_postgres::recovery::RecoveryTarget;

use super::extent::{Extent, Gap, Needs};

/// Whether the target is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::restore) enum Verdict {
    Reached,
    /// Only replaying shows; nothing speaks against it.
    Open(String),
    /// Something speaks against it.
    Unsure(String),
    Unreachable(String),
}

impl Verdict {
    /// For programs.
    pub(in crate::restore) fn name(&self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Open(_) => "open",
            Self::Unsure(_) => "unsure",
            Self::Unreachable(_) => "unreachable",
        }
    }

    /// Why.
    pub(in crate::restore) fn reason(&self) -> Option<&str> {
        match self {
            Self::Reached => None,
            Self::Open(text) | Self::Unsure(text) | Self::Unreachable(text) => Some(text),
        }
    }

    /// Where more may be there than is known, nothing is unreachable.
    #[must_use]
    pub(in crate::restore) fn doubted(self, why: &str) -> Self {
        match self {
            Self::Unreachable(text) => Self::Unsure(format!("{text}; but {why}")),
            other => other,
        }
    }
}

/// The last transaction that ended in the WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::restore) enum Last {
    /// Microseconds since 1970.
    At(i64),
    /// None did since the backup ended.
    NoneSince,
    Unknown,
}

/// What is known of the target beside the WAL.
pub(in crate::restore) struct Facts<'a> {
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

/// Whether the target is reached.
pub(in crate::restore) fn verdict(needs: &Needs, extent: &Extent, facts: &Facts<'_>) -> Verdict {
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
