//! Numbers of the block map: 7 bits a byte, low group first, high bit for more; zigzag for signed ones
//! (docs/format/block-incremental.md).

use crate::error::{Error, Result};

/// Most bytes that a 64-bit number takes.
const MAX_BYTES: u32 = 10;

/// Appends a number.
pub(super) fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number from the front of `bytes`.
pub(super) fn read(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for index in 0..MAX_BYTES {
        let Some((&byte, rest)) = bytes.split_first() else {
            return Err(Error::format("unexpected end of block map"));
        };
        *bytes = rest;
        let group = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if index + 1 == MAX_BYTES && group > 1 {
            break;
        }
        value |= group << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Error::format("number in block map is too long"))
}

/// Folds a signed number so that small ones stay small.
pub(super) fn to_zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`to_zigzag`].
pub(super) fn from_zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, value);
        bytes
    }

    #[test]
    fn known_numbers_have_known_bytes() {
        assert_eq!(written(0), [0]);
        assert_eq!(written(196_611), [0x83, 0x80, 0x0c]);
        assert_eq!(written(131_067), [0xfb, 0xff, 0x07]);
        assert_eq!(to_zigzag(-8192), 16383);
        assert_eq!(to_zigzag(-24576), 49151);
    }

    #[test]
    fn cut_and_overlong_numbers_are_refused() {
        assert!(read(&mut &[][..]).is_err());
        assert!(read(&mut &[0x80, 0x80][..]).is_err());
        assert!(read(&mut &[0xff; 11][..]).is_err());
        assert!(
            read(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02][..]).is_err()
        );
    }

    proptest! {
        #[test]
        fn numbers_round_trip(value: u64, signed: i64) {
            let bytes = written(value);
            let mut rest = &bytes[..];
            prop_assert_eq!(read(&mut rest).unwrap(), value);
            prop_assert!(rest.is_empty());
            prop_assert_eq!(from_zigzag(to_zigzag(signed)), signed);
        }
    }
}
