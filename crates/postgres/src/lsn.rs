//! A position in the write-ahead log.
//!
//! The text form is what servers up to 18 print: `<high 32 bits>/<low 32 bits>` in upper case hex without padding. Later
//! servers pad the low part to eight digits ([`Lsn::as_printed_by`]); both forms are read.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::version::PgVersion;

/// A byte position in the write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// The text of a server of this version, which pgBackRest passes on as it is.
    pub fn as_printed_by(self, version: PgVersion) -> String {
        if version < PgVersion::V19 {
            return self.to_string();
        }
        format!("{:X}/{:08X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl FromStr for Lsn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let half = |part: &str| -> Option<u64> {
            // from_str_radix alone would also take a sign
            let valid =
                (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
            valid.then(|| u64::from_str_radix(part, 16).ok()).flatten()
        };
        let (high, low) = text
            .split_once('/')
            .ok_or_else(|| Error::format(format!("lsn requires two parts: '{text}'")))?;
        match (half(high), half(low)) {
            (Some(high), Some(low)) => Ok(Self(high << 32 | low)),
            _ => Err(Error::format(format!("invalid lsn '{text}'"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_position_survives_text(position: u64) {
            let text = Lsn(position).to_string();
            prop_assert_eq!(text.parse::<Lsn>().unwrap(), Lsn(position));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,24}") {
            let _ = text.parse::<Lsn>();
        }
    }

    #[test]
    fn positions_print_as_servers_print_them() {
        assert_eq!(Lsn(0x400_0028).to_string(), "0/4000028");
        for (version, text) in [
            (PgVersion::V18, "0/4000028"),
            (PgVersion::V19, "0/04000028"),
        ] {
            assert_eq!(Lsn(0x400_0028).as_printed_by(version), text);
        }
        assert_eq!("1A/FF000000".parse::<Lsn>().unwrap(), Lsn(0x1A_FF00_0000));
        assert_eq!("0/04000028".parse::<Lsn>().unwrap(), Lsn(0x400_0028));
    }

    #[test]
    fn malformed_positions_are_refused() {
        for text in [
            "",
            "1",
            "/",
            "1/",
            "/1",
            "1/2/3",
            "+1/2",
            "123456789/0",
            "g/0",
            "1 /2",
        ] {
            assert!(text.parse::<Lsn>().is_err(), "{text}");
        }
    }
}
