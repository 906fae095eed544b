//! Timelines: their number and the history file that says where each branched off.
//!
//! The text of a history file comes from the archive; PostgreSQL reads it in `src/backend/access/transam/timeline.c`.

use std::fmt;
use std::num::IntErrorKind;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::lsn::Lsn;

/// The number of a timeline, 1 for a new cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimelineId(pub u32);

impl TimelineId {
    /// The name of this timeline's history file: `00000002.history`.
    pub fn history_name(self) -> String {
        format!("{:08X}.history", self.0)
    }
}

/// Prints the decimal number, as messages have it.
impl fmt::Display for TimelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TimelineId {
    type Err = Error;

    /// Reads a decimal or a `0x` hexadecimal number, as a recovery target may give it.
    fn from_str(text: &str) -> Result<Self> {
        let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None => (text, 10),
        };
        let number = match u32::from_str_radix(digits, radix) {
            Ok(number) if number > 0 && !digits.starts_with('+') => number,
            Err(error) if *error.kind() == IntErrorKind::PosOverflow => {
                return Err(Error::format(format!("timeline '{text}' is too large")));
            }
            _ => return Err(Error::format(format!("invalid timeline '{text}'"))),
        };
        Ok(Self(number))
    }
}

/// One line of a history file: the timeline that ended and the position where its successor begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineSwitch {
    pub timeline: TimelineId,
    pub switch: Lsn,
}

/// Reads a history file: lines of timeline, switch position and reason; blank lines and comments do not count.
pub fn parse_history(text: &str) -> Result<Vec<TimelineSwitch>> {
    let mut switches = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let invalid = || Error::format(format!("invalid timeline history line '{line}'"));
        let mut fields = line.split_whitespace();
        let (Some(timeline), Some(switch)) = (fields.next(), fields.next()) else {
            return Err(invalid());
        };
        let timeline = timeline
            .parse()
            .ok()
            .filter(|&number| number > 0)
            .ok_or_else(invalid)?;
        let switch = switch.parse().map_err(|_| invalid())?;
        switches.push(TimelineSwitch {
            timeline: TimelineId(timeline),
            switch,
        });
    }
    Ok(switches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timelines_are_read_as_decimal_or_hex() {
        assert_eq!("12".parse::<TimelineId>(), Ok(TimelineId(12)));
        assert_eq!("0x1F".parse::<TimelineId>(), Ok(TimelineId(31)));
        for text in [
            "",
            "0",
            "0x",
            "1F",
            "-1",
            "+1",
            "latest",
            "4294967296",
            "0x+1",
        ] {
            assert!(text.parse::<TimelineId>().is_err(), "{text}");
        }
        assert_eq!(TimelineId(31).history_name(), "0000001F.history");
    }

    #[test]
    fn history_gives_each_switch_in_order() {
        let text = "1\t0/3000110\tno recovery target specified\n\n# comment\n2\t0/5000000\tbefore 2026-01-01\n";
        let switches = parse_history(text).unwrap();
        assert_eq!(
            switches,
            [
                TimelineSwitch {
                    timeline: TimelineId(1),
                    switch: Lsn(0x300_0110)
                },
                TimelineSwitch {
                    timeline: TimelineId(2),
                    switch: Lsn(0x500_0000)
                },
            ]
        );
    }

    #[test]
    fn malformed_history_lines_are_named() {
        let error = parse_history("1\t0/3000110\n2\tnowhere\tx\n").unwrap_err();
        assert_eq!(
            error.message(),
            "invalid timeline history line '2\tnowhere\tx'"
        );
        assert!(parse_history("1\n").is_err());
        assert!(parse_history("0\t0/1\n").is_err());
    }
}
