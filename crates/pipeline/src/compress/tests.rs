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
    assert_eq!(packed(CompressType::Gz, 6, true, b"hello\n"), raw);
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
