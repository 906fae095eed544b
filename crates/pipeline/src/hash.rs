//! SHA-1 as the repository uses it: `checksum`, `rck`, names of WAL segments.
//!
//! Only integrity rests on it, never secrecy. Block checksums (XXH3) are in `block/checksum`.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A SHA-1 value; displayed as 40 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sha1Digest(pub [u8; 20]);

impl Sha1Digest {
    /// SHA-1 of no bytes: what a manifest entry of size 0 stands for.
    pub const EMPTY: Sha1Digest = Sha1Digest([
        0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55, 0xbf, 0xef, 0x95, 0x60, 0x18,
        0x90, 0xaf, 0xd8, 0x07, 0x09,
    ]);

    /// SHA-1 of bytes that are all at hand.
    pub fn of(bytes: &[u8]) -> Sha1Digest {
        let mut sha1 = Sha1::new();
        sha1.update(bytes);
        sha1.finish()
    }
}

impl fmt::Display for Sha1Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha1Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha1Digest {
    type Err = Error;

    /// Reads 40 hex digits of either case.
    fn from_str(text: &str) -> Result<Sha1Digest> {
        let invalid = || Error::format(format!("'{text}' is not a SHA-1 checksum"));
        let digits = text.as_bytes();
        if digits.len() != 40 {
            return Err(invalid());
        }
        let mut value = [0; 20];
        for (byte, pair) in value.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |d: u8| char::from(d).to_digit(16);
            let (high, low) = digit(pair[0]).zip(digit(pair[1])).ok_or_else(invalid)?;
            *byte = (high * 16 + low) as u8;
        }
        Ok(Sha1Digest(value))
    }
}

/// SHA-1 of bytes that come in pieces.
#[derive(Clone)]
pub struct Sha1(digest::Context);

impl fmt::Debug for Sha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha1")
    }
}

impl Default for Sha1 {
    fn default() -> Sha1 {
        Sha1::new()
    }
}

impl Sha1 {
    /// Starts with no bytes.
    pub fn new() -> Sha1 {
        Sha1(digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY))
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Sha1Digest {
        let digest = self.0.finish();
        Sha1Digest(digest.as_ref().try_into().expect("SHA-1 has 20 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_constant_is_the_digest_of_nothing() {
        assert_eq!(Sha1Digest::of(b""), Sha1Digest::EMPTY);
        assert_eq!(
            Sha1Digest::EMPTY.to_string(),
            "da39a3ee5e6b4b0d3255bfef95601890afd80709"
        );
    }

    #[test]
    fn digest_text_round_trips_and_bad_text_is_refused() {
        let digest = Sha1Digest::of(b"abc");
        assert_eq!(
            digest.to_string(),
            "a9993e364706816aba3e25717850c26c9cd0d89d"
        );
        assert_eq!(digest.to_string().parse::<Sha1Digest>(), Ok(digest));
        for bad in [
            "",
            "a9",
            "g9993e364706816aba3e25717850c26c9cd0d89d",
            "a9993e364706816aba3e25717850c26c9cd0d89dd",
        ] {
            assert!(bad.parse::<Sha1Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn info_file_bytes_hash_to_the_recorded_checksum() {
        let hashed = concat!(
            r#"{"backrest":{"backrest-format":5,"backrest-version":"2.60.0dev"},"db":{"db-id":1,"#,
            r#""db-system-id":7711582491497792841,"db-version":"15"},"db:history":{"1":{"db-id":7711582491497792841,"#,
            r#""db-version":"15"}}}"#
        );
        assert_eq!(
            Sha1Digest::of(hashed.as_bytes()).to_string(),
            "0c4b4e7edf09fabf09923587ac43f176da19ed66"
        );
    }
}
