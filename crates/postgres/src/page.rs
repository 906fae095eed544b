//! Data pages: their checksum and whether a page is what PostgreSQL wrote.
//!
//! The checksum is that of `storage/checksum_impl.h`: 32 FNV-1a sums side by side over little-endian words, folded at
//! the end. It is written over arrays of 32 lanes so that the compiler turns it into vector instructions; nothing here
//! depends on which. Page numbers are those of the whole relation, not of one of its 1 GiB files.

use crate::error::{Error, Result};

/// Page sizes in bytes that PostgreSQL can be built with and that are supported.
pub const SIZES: [u32; 6] = [1024, 2048, 4096, 8192, 16384, 32768];

/// Sums that run side by side.
const LANES: usize = 32;
/// Bytes that one round of all lanes takes.
const ROUND: usize = LANES * 4;
/// Offset of `pd_checksum` in the page header.
const CHECKSUM: usize = 8;
/// Offset of `pd_upper` in the page header.
const UPPER: usize = 14;

const FNV_PRIME: u32 = 16_777_619;

/// Start values of the lanes (`checksumBaseOffsets`).
const START: [u32; LANES] = [
    0x5B1F_36E9,
    0xB852_5960,
    0x02AB_50AA,
    0x1DE6_6D2A,
    0x79FF_467A,
    0x9BB9_F8A3,
    0x217E_7CD2,
    0x83E1_3D2C,
    0xF8D4_474F,
    0xE39E_B970,
    0x42C6_AE16,
    0x9932_16FA,
    0x7B09_3B5D,
    0x98DA_FF3C,
    0xF718_902A,
    0x0B1C_9CDB,
    0xE58F_764B,
    0x1876_36BC,
    0x5D7B_3BB1,
    0xE73D_E7DE,
    0x92BE_C979,
    0xCCA6_C0B2,
    0x304A_0979,
    0x85AA_43D4,
    0x7831_25BB,
    0x6CA8_EAA2,
    0xE407_EAC6,
    0x4B5C_FC3E,
    0x9FBF_8C76,
    0x15CA_20BE,
    0xF2CA_9FD3,
    0x959B_D756,
];

/// Refuses a page size (in bytes) that is not supported.
pub fn check_size(size: u32) -> Result<()> {
    if SIZES.contains(&size) {
        return Ok(());
    }
    Err(Error::format(format!(
        "page size is {size} but only 1024, 2048, 4096, 8192, 16384, and 32768 are supported"
    )))
}

/// What the check of a page has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageState {
    /// All zero: allocated but never written.
    New,
    /// The checksum is right.
    Valid,
    /// Neither; the page is damaged or was being written while it was read.
    Invalid,
}

/// Checks a page. `header_check` says that the header can be trusted to be plain (not encrypted by a fork of PostgreSQL).
///
/// A page that claims to be empty (`pd_upper` is 0, or without the header check `pd_checksum`) must be all zero.
pub fn verify(page: &[u8], block_number: u32, header_check: bool) -> PageState {
    let claim = if header_check { UPPER } else { CHECKSUM };
    match page.get(claim..claim + 2) {
        None => PageState::Invalid,
        Some([0, 0]) if is_new(page) => PageState::New,
        Some([0, 0]) => PageState::Invalid,
        Some(_) if stored_checksum(page) == checksum(page, block_number) => PageState::Valid,
        Some(_) => PageState::Invalid,
    }
}

/// Whether every byte of the page is zero.
pub fn is_new(page: &[u8]) -> bool {
    page.iter().fold(0, |any, byte| any | byte) == 0
}

/// The checksum that the header of the page carries; 0 if the page is too short to have a header.
pub fn stored_checksum(page: &[u8]) -> u16 {
    page.get(CHECKSUM..CHECKSUM + 2)
        .map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
}

/// The checksum the page must carry, whatever it carries now. Bytes beyond the last multiple of 128 do not count (pages
/// have none).
pub fn checksum(page: &[u8], block_number: u32) -> u16 {
    let mut sums = START;
    let (rounds, _) = page.as_chunks::<ROUND>();
    if let Some((first, rest)) = rounds.split_first() {
        let mut head = words(first);
        // pd_checksum is the low half of this word; it counts as zero
        head[CHECKSUM / 4] &= 0xFFFF_0000;
        mix(&mut sums, &head);
        for round in rest {
            mix(&mut sums, &words(round));
        }
    }
    for _ in 0..2 {
        mix(&mut sums, &[0; LANES]);
    }
    let sum = sums.iter().fold(block_number, |fold, lane| fold ^ lane);
    // One more than the remainder, so never 0: a zero checksum means "none"
    u16::try_from(sum % 65_535 + 1).expect("a remainder of 65535 plus one fits 16 bits")
}

#[inline(always)]
fn words(round: &[u8; ROUND]) -> [u32; LANES] {
    let mut words = [0; LANES];
    for (word, bytes) in words.iter_mut().zip(round.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

#[inline(always)]
fn mix(sums: &mut [u32; LANES], words: &[u32; LANES]) {
    for (sum, word) in sums.iter_mut().zip(words) {
        let mixed = *sum ^ word;
        *sum = mixed.wrapping_mul(FNV_PRIME) ^ (mixed >> 17);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(size: usize) -> Vec<u8> {
        (0..size).map(|i| ((7 * i + 3) % 256) as u8).collect()
    }

    /// The checksum word by word, as the definition reads.
    fn plain(page: &[u8], block_number: u32) -> u16 {
        let mut page = page.to_vec();
        page[8..10].fill(0);
        let mut sums = START;
        let step = |lane: u32, word: u32| {
            let t = lane ^ word;
            t.wrapping_mul(FNV_PRIME) ^ (t >> 17)
        };
        for (index, word) in page.chunks(4).enumerate() {
            sums[index % 32] = step(
                sums[index % 32],
                u32::from_le_bytes(word.try_into().unwrap()),
            );
        }
        let sum = sums
            .iter()
            .fold(block_number, |fold, &lane| fold ^ step(step(lane, 0), 0));
        (sum % 65_535 + 1) as u16
    }

    #[test]
    fn known_pages_have_known_checksums() {
        let page = pattern(8192);
        assert_eq!(checksum(&page, 0), 0xAA4C);
        assert_eq!(checksum(&page, 131_072), 0xAA4A);
    }

    proptest! {
        #[test]
        fn all_sizes_agree_with_the_definition(size in 0usize..6, seed: u8, block: u32) {
            let page: Vec<u8> = pattern(1024 << size).iter().map(|b| b.wrapping_mul(seed | 1).wrapping_add(seed)).collect();
            prop_assert_eq!(checksum(&page, block), plain(&page, block));
        }

        #[test]
        fn any_length_is_taken_without_panic(page in proptest::collection::vec(any::<u8>(), 0..300)) {
            checksum(&page, 0);
            verify(&page, 0, true);
            verify(&page, 0, false);
        }
    }

    #[test]
    fn pages_are_judged_by_checksum_and_position() {
        let mut page = pattern(8192);
        let sum = checksum(&page, 9);
        page[8..10].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(
            checksum(&page, 9),
            sum,
            "the stored checksum must not count"
        );
        assert_eq!(verify(&page, 9, true), PageState::Valid);
        assert_eq!(verify(&page, 9, false), PageState::Valid);
        assert_eq!(verify(&page, 10, true), PageState::Invalid);
        page[5000] ^= 1;
        assert_eq!(verify(&page, 9, true), PageState::Invalid);
    }

    #[test]
    fn pages_that_claim_to_be_new_must_be_all_zero() {
        let mut page = vec![0; 8192];
        assert_eq!(verify(&page, 0, true), PageState::New);
        assert_eq!(verify(&page, 0, false), PageState::New);
        page[8191] = 1;
        assert_eq!(verify(&page, 0, true), PageState::Invalid);
        assert_eq!(verify(&page, 0, false), PageState::Invalid);
        // With pd_upper 0 even a right checksum does not help; without the header check it does
        let sum = checksum(&page, 0);
        page[8..10].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(verify(&page, 0, true), PageState::Invalid);
        assert_eq!(verify(&page, 0, false), PageState::Valid);
    }

    #[test]
    fn only_powers_of_two_from_1_to_32_kib_are_page_sizes() {
        assert!(SIZES.iter().all(|&size| check_size(size).is_ok()));
        assert!(
            [0, 512, 8191, 65536]
                .iter()
                .all(|&size| check_size(size).is_err())
        );
    }
}
