use super::*;
use proptest::prelude::*;

const BLOCK: usize = 8192;

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// (reference, bundle, offset, size, super block size, block, checksum)
type Row = (u32, u64, u64, u64, u64, u64, &'static str);

fn item((reference, bundle_id, offset, size, super_block_size, block, sum): Row) -> BlockMapItem {
    let mut checksum = [0; MAX_SIZE];
    checksum[..6].copy_from_slice(&unhex(sum));
    BlockMapItem {
        reference,
        bundle_id,
        offset,
        size,
        super_block_size,
        block,
        checksum,
    }
}

/// Checks that real bytes mean these rows, and that the rows are written as these bytes.
fn vector(bytes: &str, rows: &[Row]) {
    let bytes = unhex(bytes);
    let map = BlockMap::decode(&bytes, BLOCK, 6).unwrap();
    let expected: Vec<BlockMapItem> = rows.iter().copied().map(item).collect();
    assert_eq!(map.items(), expected);
    assert_eq!(map.encode(BLOCK, 6).unwrap(), bytes);
}

#[test]
fn full_backup_map_is_one_super_block() {
    vector(
        "00 03 03 83800c 06 84f806390a02 298e21c37795 e0364e8e3bc5",
        &[
            (0, 3, 0, 24576, 24576, 0, "84f806390a02"),
            (0, 3, 0, 24576, 24576, 1, "298e21c37795"),
            (0, 3, 0, 24576, 24576, 2, "e0364e8e3bc5"),
        ],
    );
}

#[test]
fn incremental_map_mixes_references() {
    vector(
        "00 16 02 c78207 878010 08 00 0a0234e01f53 1f 02 8e41 fbff07 06 071429bd0ce4 5360f259555c 55ef23f094c6",
        &[
            (2, 2, 115_015, 32768, 32768, 0, "0a0234e01f53"),
            (3, 2, 8334, 24576, 24576, 0, "071429bd0ce4"),
            (3, 2, 8334, 24576, 24576, 1, "5360f259555c"),
            (3, 2, 8334, 24576, 24576, 2, "55ef23f094c6"),
        ],
    );
}

#[test]
fn interrupted_super_block_is_continued() {
    vector(
        "00 06 03 b6ef37 878010 08 00 918b021904e8 16 02 998206 f9ff17 21f581da0895 \
         07 03 01 adbf21c93863 5ff6034819e9",
        &[
            (0, 3, 915_382, 32768, 32768, 0, "918b021904e8"),
            (2, 2, 98585, 8192, 8192, 0, "21f581da0895"),
            (0, 3, 915_382, 32768, 32768, 2, "adbf21c93863"),
            (0, 3, 915_382, 32768, 32768, 3, "5ff6034819e9"),
        ],
    );
}

#[test]
fn compressed_super_block_has_its_stored_size() {
    let bytes = "00 17 02 ea5f b319 08 0a0234e01f53 b38042347eb9 53b2d577de28 667ea5e495ac";
    vector(
        bytes,
        &[
            (2, 2, 12266, 406, 32768, 0, "0a0234e01f53"),
            (2, 2, 12266, 406, 32768, 1, "b38042347eb9"),
            (2, 2, 12266, 406, 32768, 2, "53b2d577de28"),
            (2, 2, 12266, 406, 32768, 3, "667ea5e495ac"),
        ],
    );
    let map = BlockMap::decode(&unhex(bytes), BLOCK, 6).unwrap();
    assert!(map.check(4 * 8192, BLOCK, 3).is_ok());
    assert!(map.check(3 * 8192 + 1, BLOCK, 3).is_ok());
    assert!(map.check(3 * 8192, BLOCK, 3).is_err());
    assert!(map.check(4 * 8192, BLOCK, 2).is_err());
}

#[test]
fn hostile_maps_are_refused_with_a_reason() {
    let sum = "010203040506";
    for (bytes, reason) in [
        ("", "unexpected end of block map"),
        ("01", "block map version must be zero"),
        ("00", "unexpected end of block map"),
        ("00 01", "unexpected end of block map"),
        // A super block of 2^62 blocks
        ("00 01 0b feffffffffffffff3f", "out of range"),
        // 2^40 checksums that are not there
        (
            "00 01 0f 808080808040 feffffffff3f",
            "unexpected end of block map",
        ),
        // No stored bytes
        ("00 01 01", "super block without bytes"),
        // Plain size 0
        ("00 01 0b 00", "super block size is out of range"),
        // Block 5 of a super block of one
        ("00 01 0d 01 05", "block is outside of its super block"),
        // Offset at the end of the numbers
        ("00 05 ffffffffffffffffff01 09", "position is out of range"),
        // Reference beyond 32 bits
        ("00 818080808001 09", "reference is out of range"),
    ] {
        let error = BlockMap::decode(&unhex(bytes), BLOCK, 6).unwrap_err();
        assert!(error.to_string().contains(reason), "{bytes}: {error}");
    }
    let trailing = unhex(&format!("00 01 09 {sum} 00"));
    assert!(
        BlockMap::decode(&trailing, BLOCK, 6)
            .unwrap_err()
            .to_string()
            .contains("follow")
    );
    assert!(BlockMap::decode(&trailing[..9], BLOCK, 6).is_ok());
    assert!(BlockMap::decode(&trailing, 0, 6).is_err());
    assert!(BlockMap::decode(&trailing, BLOCK, 0).is_err());
    assert!(BlockMap::decode(&trailing, BLOCK, 17).is_err());
}

#[test]
fn map_that_cannot_be_written_is_an_error() {
    let row = |reference, bundle, offset, size, plain, block| {
        item((
            reference,
            bundle,
            offset,
            size,
            plain,
            block,
            "010203040506",
        ))
    };
    for rows in [
        vec![],
        // A gap within a run
        vec![row(0, 1, 0, 100, 8192, 0), row(0, 1, 200, 100, 8192, 0)],
        // Two bundles
        vec![row(0, 1, 0, 100, 8192, 0), row(0, 2, 100, 100, 8192, 0)],
        // Backwards
        vec![
            row(0, 1, 500, 100, 8192, 0),
            row(1, 1, 0, 9, 8192, 0),
            row(0, 1, 100, 100, 8192, 0),
        ],
        // Blocks that skip or do not exist
        vec![row(0, 1, 0, 100, 32768, 0), row(0, 1, 0, 100, 32768, 2)],
        vec![row(0, 1, 0, 100, 8192, 0), row(0, 1, 0, 100, 8192, 1)],
        // Two sizes
        vec![row(0, 1, 0, 100, 32768, 0), row(0, 1, 0, 101, 32768, 1)],
        vec![row(0, 1, u64::MAX, 100, 8192, 0)],
        vec![row(0, 1, 0, u64::MAX, 8192, 0)],
        vec![row(0, 1, 0, 0, 8192, 0)],
        vec![row(0, 1, 0, 1, 0, 0)],
    ] {
        assert!(
            BlockMap::from_items(rows.clone()).encode(BLOCK, 6).is_err(),
            "{rows:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_decode_to_a_map_or_an_error(
        mut bytes in proptest::collection::vec(prop_oneof![0u8..32, any::<u8>()], 0..200),
        checksum_size in 1usize..=16,
    ) {
        if let Some(flags) = bytes.first_mut() {
            *flags = 0;
        }
        if let Ok(map) = BlockMap::decode(&bytes, BLOCK, checksum_size) {
            prop_assert!(map.len() * checksum_size < bytes.len());
            // What can be written again means the same.
            if let Ok(again) = map.encode(BLOCK, checksum_size) {
                prop_assert_eq!(BlockMap::decode(&again, BLOCK, checksum_size).unwrap(), map);
            }
        }
    }

    #[test]
    fn damaged_real_map_is_no_panic(at in 0usize..46, flip in 1u8..) {
        let mut bytes = unhex(
            "00 06 03 b6ef37 878010 08 00 918b021904e8 16 02 998206 f9ff17 21f581da0895 \
             07 03 01 adbf21c93863 5ff6034819e9",
        );
        bytes[at] ^= flip;
        let _ = BlockMap::decode(&bytes, BLOCK, 6);
        let _ = BlockMap::decode(&bytes[..at], BLOCK, 6).unwrap_err();
    }
}
