use super::*;
use crate::stage::{Pipeline, Stage};

fn run(stage: Stage, input: &[u8], piece: usize) -> Result<Vec<u8>> {
    let mut running = Pipeline::new(vec![stage]).start(64 * 1024);
    let mut out = Vec::new();
    for piece in input.chunks(piece) {
        running.push(piece, &mut out)?;
    }
    running.finish(&mut out)?;
    Ok(out)
}

fn packed(kind: CompressType, level: i32, raw: bool, input: &[u8]) -> Vec<u8> {
    run(Stage::Compress { kind, level, raw }, input, 50_000).unwrap()
}

fn unpacked(kind: CompressType, raw: bool, input: &[u8]) -> Result<Vec<u8>> {
    run(Stage::Decompress { kind, raw }, input, 3001)
}

fn text() -> Vec<u8> {
    (0..30_000u32)
        .flat_map(|n| (n * n).to_string().into_bytes())
        .collect()
}

#[test]
fn names_and_extensions_round_trip() {
    for kind in CompressType::ALL {
        assert_eq!(kind.name().parse::<CompressType>(), Ok(kind));
        let name = format!("000000010000000000000001-aa{}", kind.extension());
        assert_eq!(CompressType::from_extension(&name), kind);
        assert!(kind.level_range().contains(&kind.default_level()));
    }
    assert!("xz".parse::<CompressType>().is_err());
    assert_eq!(CompressType::from_extension("a.xz"), CompressType::None);
}

#[test]
fn every_level_of_every_type_round_trips() {
    let input = text();
    for kind in CompressType::ALL {
        for level in kind.level_range() {
            for raw in [false, true] {
                let packed = packed(kind, level, raw, &input);
                assert!(
                    unpacked(kind, raw, &packed).unwrap() == input,
                    "{kind} {level} {raw}"
                );
            }
        }
    }
}

#[test]
fn empty_file_is_a_valid_stream_but_no_bytes_are_not() {
    for kind in CompressType::ALL.into_iter().skip(1) {
        for level in [kind.default_level(), *kind.level_range().end()] {
            let packed = packed(kind, level, false, b"");
            assert!(!packed.is_empty());
            assert_eq!(
                unpacked(kind, false, &packed).unwrap(),
                b"",
                "{kind} {level}"
            );
        }
        let error = unpacked(kind, false, b"").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unexpected eof in compressed data",
            "{kind}"
        );
    }
}

#[test]
fn gz_vectors_are_read_and_the_wrappers_are_those_of_the_format() {
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len() / 2)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    };
    let normal = hex("1f8b0800000000000003cb48cdc9c9e7020020303a3606000000");
    let raw = hex("789ccb48cdc9c9e70200084b021f");
    assert_eq!(
        unpacked(CompressType::Gz, false, &normal).unwrap(),
        b"hello\n"
    );
    assert_eq!(unpacked(CompressType::Gz, true, &raw).unwrap(), b"hello\n");
    assert_eq!(packed(CompressType::Gz, 6, false, b"hello\n"), normal);
    // The second byte tells the level of the codec, which no reader looks at.
    let written = packed(CompressType::Gz, 6, true, b"hello\n");
    assert_eq!((written[0], &written[2..]), (raw[0], &raw[2..]));
}

#[test]
fn bytes_after_the_first_gz_or_bz2_stream_are_ignored() {
    for kind in [CompressType::Gz, CompressType::Bz2] {
        let mut stored = packed(kind, 6, false, &text());
        stored.extend_from_slice(&packed(kind, 6, false, b"second"));
        stored.extend_from_slice(b"rubbish");
        assert!(unpacked(kind, false, &stored).unwrap() == text(), "{kind}");
    }
}

#[test]
fn lz4_and_zst_frames_in_a_row_are_one_file() {
    for kind in [CompressType::Lz4, CompressType::Zst] {
        let mut stored = packed(kind, 1, false, &text());
        stored.extend_from_slice(&packed(kind, 9, true, b"second"));
        let plain = unpacked(kind, false, &stored).unwrap();
        assert!(
            plain.ends_with(b"second") && plain.len() == text().len() + 6,
            "{kind}"
        );
        stored.push(0x04);
        assert!(unpacked(kind, false, &stored).is_err(), "{kind}");
    }
}

#[test]
fn long_zst_input_becomes_several_frames_that_are_one_file() {
    const SHORT: usize = 4 << 20;
    const LONG: usize = 8 << 20;
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let plain: Vec<u8> = remainders()
        .into_iter()
        .cycle()
        .take(4 * SHORT + 2 * LONG + 1)
        .collect();
    for (length, level, frames) in [
        (0, 3, 1),
        (1, 3, 1),
        // Up to so much is gathered.
        (256 << 10, 3, 1),
        ((256 << 10) + 1, 3, 1),
        (SHORT, 3, 1),
        (SHORT + 1, 4, 2),
        (4 * SHORT, 1, 4),
        (4 * SHORT + LONG, 1, 5),
        (4 * SHORT + 2 * LONG + 1, -7, 7),
        // Slower levels compress all of it as one.
        (4 * SHORT + 2 * LONG + 1, 5, 1),
    ] {
        let plain = &plain[..length];
        let stored = packed(CompressType::Zst, level, false, plain);
        let found = stored.windows(4).filter(|bytes| *bytes == MAGIC).count();
        assert_eq!(found, frames, "{length} bytes at level {level}");
        // A descriptor of zero: neither content size nor checksum nor dictionary, as pgBackRest writes.
        assert_eq!(stored[4], 0, "{length} bytes at level {level}");
        assert!(
            unpacked(CompressType::Zst, false, &stored).unwrap() == plain,
            "{length} bytes at level {level}"
        );
    }
}

#[test]
fn lz4_frame_has_a_content_checksum_unless_raw() {
    for level in [1, 9] {
        let flags = |raw| packed(CompressType::Lz4, level, raw, &text())[4];
        assert_eq!(
            flags(false),
            0x44,
            "version 1, linked blocks, content checksum"
        );
        assert_eq!(flags(true), 0x40, "version 1, linked blocks");
    }
}

#[test]
fn damaged_lz4_content_is_found_by_its_checksum() {
    let mut stored = packed(CompressType::Lz4, 1, false, &[0x41; 10]);
    let literal = stored.iter().rposition(|&byte| byte == 0x41).unwrap();
    stored[literal] = 0x42;
    let error = unpacked(CompressType::Lz4, false, &stored).unwrap_err();
    assert_eq!(
        error.to_string(),
        "lz4 error: [-18] ERROR_contentChecksum_invalid"
    );
}

#[test]
fn foreign_bytes_are_named_by_each_codec() {
    let junk = [0x55; 64];
    for (kind, message) in [
        (CompressType::Gz, "zlib threw error: [-3] data error"),
        (CompressType::Bz2, "bz2 error: [-5] data error magic"),
        (
            CompressType::Lz4,
            "lz4 error: [-13] ERROR_frameType_unknown",
        ),
        (
            CompressType::Zst,
            "zst error: [-10] Unknown frame descriptor",
        ),
    ] {
        assert_eq!(
            unpacked(kind, false, &junk).unwrap_err().to_string(),
            message
        );
    }
}

/// What the files in `golden` hold; more than one lz4 block.
fn remainders() -> Vec<u8> {
    (0..60_000u64)
        .flat_map(|n| (n * n % 251).to_string().into_bytes())
        .collect()
}

#[test]
fn files_of_the_usual_programs_are_read() {
    for (kind, raw, stored) in [
        (
            CompressType::Gz,
            false,
            &include_bytes!("golden/remainders.gz")[..],
        ),
        (
            CompressType::Gz,
            true,
            include_bytes!("golden/remainders.zlib"),
        ),
        (
            CompressType::Bz2,
            false,
            include_bytes!("golden/remainders.bz2"),
        ),
        (
            CompressType::Zst,
            false,
            include_bytes!("golden/remainders.zst"),
        ),
        (
            CompressType::Lz4,
            false,
            include_bytes!("golden/remainders.lz4"),
        ),
        // Linked blocks, block checksums and a content size
        (
            CompressType::Lz4,
            false,
            include_bytes!("golden/linked.lz4"),
        ),
    ] {
        assert!(
            unpacked(kind, raw, stored).unwrap() == remainders(),
            "{kind} {raw}"
        );
        for piece in [1, 70_000] {
            assert!(run(Stage::Decompress { kind, raw }, stored, piece).unwrap() == remainders());
        }
        let cut = unpacked(kind, raw, &stored[..stored.len() - 1]).unwrap_err();
        assert_eq!(cut.to_string(), "unexpected eof in compressed data");
    }
}

#[test]
fn skippable_lz4_frames_are_skipped() {
    let mut stored = vec![0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5];
    assert!(unpacked(CompressType::Lz4, false, &stored[..12]).is_err());
    stored.extend_from_slice(include_bytes!("golden/linked.lz4"));
    stored.extend_from_slice(&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
    assert!(unpacked(CompressType::Lz4, false, &stored).unwrap() == remainders());
}

#[test]
fn flaws_of_an_lz4_frame_are_named() {
    let good = include_bytes!("golden/linked.lz4");
    let flawed = |at: usize, byte: u8| {
        let mut stored = good.to_vec();
        stored[at] = byte;
        unpacked(CompressType::Lz4, false, &stored)
            .unwrap_err()
            .to_string()
    };
    for (at, byte, name) in [
        (4, 0x9c, "[-6] ERROR_headerVersion_wrong"),
        (4, 0x5e, "[-8] ERROR_reservedFlag_set"),
        (5, 0x30, "[-2] ERROR_maxBlockSize_invalid"),
        (6, 1, "[-17] ERROR_headerChecksum_invalid"),
        // Low byte of the first block's size: longer than a block may be
        (17, 0x7f, "[-2] ERROR_maxBlockSize_invalid"),
        (19, !good[19], "[-7] ERROR_blockChecksum_invalid"),
    ] {
        assert!(
            flawed(at, byte).contains(name),
            "{name}: {}",
            flawed(at, byte)
        );
    }
}

#[test]
fn gz_levels_order_by_size() {
    let size = |level| packed(CompressType::Gz, level, false, &text()).len();
    assert_eq!(size(-1), size(6));
    assert!(size(6) < size(1) && size(1) < size(0));
}

#[test]
fn what_became_of_a_stream_does_not_touch_the_next_one() {
    let input = text();
    for kind in CompressType::ALL {
        let (fast, slow) = (*kind.level_range().start(), *kind.level_range().end());
        let expected = packed(kind, slow, false, &input);
        // Given up in the middle, with another level, and a stream that is none.
        let compress = Stage::Compress {
            kind,
            level: fast,
            raw: false,
        };
        let mut left = Pipeline::new(vec![compress]).start(1000);
        left.push(&input[..70_000], &mut Vec::new()).unwrap();
        drop(left);
        let _ = unpacked(kind, false, &expected[..expected.len() / 2]);
        let _ = unpacked(kind, false, &[7; 5000]);
        assert!(packed(kind, slow, false, &input) == expected, "{kind}");
        assert!(unpacked(kind, false, &expected).unwrap() == input, "{kind}");
    }
}
