//! One WAL segment: its name and the arithmetic between names and positions.
//!
//! A name has three parts of eight hex digits: timeline, the high 32 bits of the position, and the segment's number within
//! them. How many segments fit the low 32 bits depends on the segment size, which therefore is an argument, in bytes.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::lsn::Lsn;
use crate::timeline::TimelineId;
use crate::wal::name;

/// A WAL segment; orders by timeline, then by position, as the names do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalSegment {
    pub timeline: TimelineId,
    /// The high 32 bits of the positions in the segment.
    pub log: u32,
    /// The segment's number within `log`.
    pub segment: u32,
}

impl WalSegment {
    /// Reads a name of exactly 24 upper case hex digits.
    pub fn parse(text: &str) -> Result<Self> {
        if !name::is_segment(text) {
            return Err(Error::format(format!("invalid WAL segment name '{text}'")));
        }
        let part = |at: usize| {
            u32::from_str_radix(&text[at..at + 8], 16)
                .expect("eight hex digits were checked and fit 32 bits")
        };
        Ok(Self {
            timeline: TimelineId(part(0)),
            log: part(8),
            segment: part(16),
        })
    }

    /// The segment that holds a position.
    pub fn from_lsn(timeline: TimelineId, lsn: Lsn, segment_size: u32) -> Self {
        let (log, low) = ((lsn.0 >> 32) as u32, lsn.0 as u32);
        Self {
            timeline,
            log,
            segment: low / segment_size.max(1),
        }
    }

    /// The position of the first byte of the segment.
    pub fn start(self, segment_size: u32) -> Lsn {
        Lsn((u64::from(self.log) << 32)
            .wrapping_add(u64::from(self.segment) * u64::from(segment_size)))
    }

    /// The segment that follows on the same timeline.
    #[must_use]
    pub fn next(self, segment_size: u32) -> Self {
        let last = u32::MAX / segment_size.max(1);
        if self.segment >= last {
            Self {
                log: self.log.wrapping_add(1),
                segment: 0,
                ..self
            }
        } else {
            Self {
                segment: self.segment + 1,
                ..self
            }
        }
    }

    /// All segments from the one that holds `start` to the one that holds `stop`, both included.
    pub fn range(
        timeline: TimelineId,
        start: Lsn,
        stop: Lsn,
        segment_size: u32,
    ) -> impl Iterator<Item = Self> {
        let last = Self::from_lsn(timeline, stop, segment_size);
        let first = Self::from_lsn(timeline, start, segment_size);
        std::iter::successors(Some(first), move |segment| {
            (*segment < last).then(|| segment.next(segment_size))
        })
    }

    /// The name of the archive directory that holds the segment: the first 16 characters of its name.
    pub fn dir_name(self) -> String {
        format!("{:08X}{:08X}", self.timeline.0, self.log)
    }
}

impl fmt::Display for WalSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:08X}{:08X}{:08X}",
            self.timeline.0, self.log, self.segment
        )
    }
}

impl FromStr for WalSegment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u32 = 1024 * 1024;

    proptest! {
        #[test]
        fn names_survive_parsing(timeline: u32, log: u32, segment: u32) {
            let written = WalSegment { timeline: TimelineId(timeline), log, segment };
            prop_assert_eq!(WalSegment::parse(&written.to_string()).unwrap(), written);
            prop_assert_eq!(written.to_string()[..16].to_owned(), written.dir_name());
        }

        #[test]
        fn next_begins_where_its_predecessor_ends(position in 0..u64::MAX / 2, shift in 0u32..=10) {
            let size = MIB << shift;
            let segment = WalSegment::from_lsn(TimelineId(1), Lsn(position), size);
            prop_assert!(segment.start(size).0 <= position && position - segment.start(size).0 < u64::from(size));
            let next = segment.next(size);
            prop_assert!(segment < next);
            prop_assert_eq!(next.start(size).0, segment.start(size).0 + u64::from(size));
        }

        #[test]
        fn names_sort_as_segments_do(a: (u32, u32, u32), b: (u32, u32, u32)) {
            let make = |(t, log, segment)| WalSegment { timeline: TimelineId(t), log, segment };
            prop_assert_eq!(make(a).cmp(&make(b)), make(a).to_string().cmp(&make(b).to_string()));
        }
    }

    #[test]
    fn last_segment_of_a_log_depends_on_the_segment_size() {
        let next = |name: &str, size| WalSegment::parse(name).unwrap().next(size).to_string();
        assert_eq!(
            next("000000010000000100000001", 16 * MIB),
            "000000010000000100000002"
        );
        assert_eq!(
            next("0000000100000001000000FF", 16 * MIB),
            "000000010000000200000000"
        );
        assert_eq!(
            next("0000000100000001000000FF", MIB),
            "000000010000000100000100"
        );
        assert_eq!(
            next("000000010000000100000FFF", MIB),
            "000000010000000200000000"
        );
        assert_eq!(
            next("000000010000000100000003", 1024 * MIB),
            "000000010000000200000000"
        );
    }

    #[test]
    fn range_holds_both_ends() {
        let names: Vec<_> = WalSegment::range(
            TimelineId(2),
            Lsn(0x0_FE00_0028),
            Lsn(0x1_0100_0000),
            16 * MIB,
        )
        .map(|segment| segment.to_string())
        .collect();
        assert_eq!(
            names,
            [
                "0000000200000000000000FE",
                "0000000200000000000000FF",
                "000000020000000100000000",
                "000000020000000100000001"
            ]
        );
        assert_eq!(
            WalSegment::range(TimelineId(1), Lsn(0x28), Lsn(0x30), 16 * MIB).count(),
            1
        );
    }

    #[test]
    fn malformed_names_are_refused() {
        for text in [
            "",
            "0000000100000000000000a1",
            "0000000100000000000000A1.partial",
            "+00000010000000000000001",
        ] {
            assert!(WalSegment::parse(text).is_err(), "{text}");
        }
    }
}
