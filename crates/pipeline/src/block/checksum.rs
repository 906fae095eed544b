//! The hash that tells whether a block has changed: XXH3-128, big-endian, cut to the first bytes.
//!
//! It detects change only; integrity rests on SHA-1 (docs/format/block-incremental.md).

use xxhash_rust::xxh3::xxh3_128;

/// Longest block checksum, in bytes: the whole hash.
pub const MAX_SIZE: usize = 16;

/// Full hash of a block; the checksum is its first `checksum_size` bytes.
pub fn of(block: &[u8]) -> [u8; MAX_SIZE] {
    xxh3_128(block).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn known_blocks_have_known_checksums() {
        assert_eq!(hex(&of(b"")), "99aa06d3014798d86001c324468d497f");
        assert_eq!(hex(&of(&[0; 8192])), "6c8a36bd5451c725620797930ab0991a");
        let pattern: Vec<u8> = (0..8192).map(|i| ((7 * i + 3) % 256) as u8).collect();
        assert_eq!(hex(&of(&pattern)), "f36491bbad0eb9174bdd498cfc5719ba");
    }
}
