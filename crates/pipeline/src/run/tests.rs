use std::io::{Cursor, Read};

use super::*;
use crate::compress::CompressType;
use crate::error::{Error, ErrorKind};
use crate::hash::Sha1Digest;
use crate::reader::RunningReader;
use crate::stage::{Pipeline, Stage};
use proptest::prelude::*;
use secrecy::SecretString;

fn pass() -> SecretString {
    SecretString::from("secret")
}

fn there(kind: CompressType, level: i32, raw: bool) -> Vec<Stage> {
    vec![
        Stage::Size,
        Stage::Sha1,
        Stage::Compress { kind, level, raw },
        Stage::Encrypt { pass: pass(), raw },
        Stage::Size,
    ]
}

fn back(kind: CompressType, raw: bool) -> Vec<Stage> {
    vec![
        Stage::Decrypt { pass: pass(), raw },
        Stage::Decompress { kind, raw },
        Stage::Size,
        Stage::Sha1,
    ]
}

/// Pushes in pieces of the given sizes, over and over.
fn run(
    stages: Vec<Stage>,
    input: &[u8],
    sizes: &[usize],
    buffer_size: usize,
) -> Result<(Vec<u8>, Vec<Report>)> {
    let mut running = Pipeline::new(stages).start(buffer_size);
    let mut out = Vec::new();
    let mut rest = input;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(rest.len().min(*size));
        running.push(piece, &mut out)?;
        rest = after;
    }
    let reports = running.finish(&mut out)?;
    Ok((out, reports))
}

fn patterned(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    (0..size)
        .map(|index| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if index % 64 < 40 {
                (index / 64) as u8
            } else {
                state as u8
            }
        })
        .collect()
}

#[test]
fn reports_come_in_the_order_of_the_stages() {
    let input = patterned(300_000, 1);
    let (out, reports) = run(
        there(CompressType::Zst, 3, false),
        &input,
        &[70_000],
        64 * 1024,
    )
    .unwrap();
    assert_eq!(
        reports,
        [
            Report::Size(300_000),
            Report::Sha1(Sha1Digest::of(&input)),
            Report::None,
            Report::None,
            Report::Size(out.len() as u64),
        ]
    );
}

#[test]
fn stage_that_does_nothing_still_reports() {
    let stages = vec![
        Stage::Compress {
            kind: CompressType::None,
            level: 0,
            raw: false,
        },
        Stage::Sha1,
        Stage::Decompress {
            kind: CompressType::None,
            raw: false,
        },
    ];
    let (out, reports) = run(stages, b"abc", &[2], 10).unwrap();
    assert_eq!(out, b"abc");
    assert_eq!(
        reports,
        [
            Report::None,
            Report::Sha1(Sha1Digest::of(b"abc")),
            Report::None
        ]
    );
}

/// Remembers the largest piece it was given.
struct Largest(usize, u64);

impl Write for Largest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.max(bytes.len());
        self.1 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn short_input_that_unpacks_to_much_stays_within_the_buffers() {
    let size = 40_000_000;
    for kind in CompressType::ALL.into_iter().skip(1) {
        let (packed, _) = run(
            vec![Stage::Compress {
                kind,
                level: 1,
                raw: false,
            }],
            &vec![0; size],
            &[1 << 20],
            1 << 16,
        )
        .unwrap();
        let mut largest = Largest(0, 0);
        let mut running = Pipeline::new(vec![Stage::Decompress { kind, raw: false }, Stage::Size])
            .start(256 * 1024);
        running.push_into(&packed, &mut largest).unwrap();
        let reports = running.finish_into(&mut largest).unwrap();
        assert_eq!(reports[1], Report::Size(size as u64), "{kind}");
        assert!(largest.0 <= 1 << 20, "{kind}: {}", largest.0);

        let running = Pipeline::new(vec![Stage::Decompress { kind, raw: false }]).start(256 * 1024);
        let mut reader = RunningReader::new(Cursor::new(packed), running, 256 * 1024);
        assert_eq!(
            io::copy(&mut reader, &mut io::sink()).unwrap(),
            size as u64,
            "{kind}"
        );
        assert_eq!(reader.reports(), Some(&[Report::None][..]));
    }
}

#[test]
fn recompression_in_one_pipeline_keeps_the_data() {
    let input = patterned(700_000, 3);
    let (gz, _) = run(there(CompressType::Gz, 6, true), &input, &[1000], 4096).unwrap();
    let mut stages = back(CompressType::Gz, true);
    stages.extend(there(CompressType::Lz4, 9, false));
    let (lz4, reports) = run(stages, &gz, &[777, 10_000], 4096).unwrap();
    assert_eq!(reports[3], Report::Sha1(Sha1Digest::of(&input)));
    let (plain, _) = run(back(CompressType::Lz4, false), &lz4, &[99_999], 4096).unwrap();
    assert!(plain == input);
}

#[test]
fn observers_write_through_without_a_copy() {
    let mut running = Pipeline::new(vec![Stage::Sha1, Stage::Size]).start(16);
    assert!(running.passes_through());
    let mut largest = Largest(0, 0);
    running.push_into(&[7; 5000], &mut largest).unwrap();
    assert_eq!(
        largest.0, 5000,
        "the input was handed on as it was, whatever the buffer size"
    );
    assert_eq!(
        running.finish_into(&mut largest).unwrap()[1],
        Report::Size(5000)
    );
}

#[test]
fn reader_gives_stage_errors_that_can_be_told_apart() {
    let running = Pipeline::new(vec![Stage::Decompress {
        kind: CompressType::Gz,
        raw: false,
    }])
    .start(100);
    let mut reader = RunningReader::new(Cursor::new(b"not gz".to_vec()), running, 100);
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(Error::from_io(&error).unwrap().kind(), ErrorKind::Format);
    assert_eq!(reader.reports(), None);
}

#[test]
fn debug_output_holds_no_passphrase() {
    let stages = there(CompressType::Gz, 6, false);
    let pipeline = Pipeline::new(stages);
    let text = format!("{pipeline:?} {:?}", pipeline.clone().start(10));
    assert!(
        text.contains("Encrypt") && !text.contains("secret"),
        "{text}"
    );
}

fn any_compression() -> impl Strategy<Value = (CompressType, i32, bool)> {
    (1usize..5, any::<bool>())
        .prop_flat_map(|(index, raw)| {
            let kind = CompressType::ALL[index];
            // The highest zst levels want hundreds of MB; they have a test of their own.
            let range = *kind.level_range().start()..=(*kind.level_range().end()).min(15);
            (Just(kind), range, Just(raw))
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn compressed_and_encrypted_data_comes_back(
        (kind, level, raw) in any_compression(),
        size in 0usize..400_000,
        seed: u64,
        sizes in proptest::collection::vec(1usize..100_000, 1..5),
        buffer_size in 1usize..100_000,
    ) {
        let input = patterned(size, seed);
        let (stored, _) = run(there(kind, level, raw), &input, &sizes, buffer_size).unwrap();
        let (plain, reports) = run(back(kind, raw), &stored, &sizes, buffer_size).unwrap();
        prop_assert!(plain == input);
        prop_assert_eq!(&reports[3], &Report::Sha1(Sha1Digest::of(&input)));
        let running = Pipeline::new(back(kind, raw)).start(buffer_size);
        let mut read = Vec::new();
        RunningReader::new(Cursor::new(&stored), running, sizes[0]).read_to_end(&mut read).unwrap();
        prop_assert!(read == input);
    }

    #[test]
    fn damaged_data_is_an_error_or_other_data_but_no_panic(
        (kind, level, raw) in any_compression(),
        size in 1usize..50_000,
        at: prop::sample::Index,
        flip in 1u8..,
        cut: prop::sample::Index,
    ) {
        let compress = vec![Stage::Compress { kind, level, raw }];
        let (mut packed, _) = run(compress, &patterned(size, 5), &[size], 4096).unwrap();
        let decompress = || vec![Stage::Decompress { kind, raw }];
        let cut = cut.index(packed.len());
        let error = run(decompress(), &packed[..cut], &[1000], 4096).unwrap_err();
        prop_assert_eq!(error.to_string(), "unexpected eof in compressed data");
        let at = at.index(packed.len());
        packed[at] ^= flip;
        let _ = run(decompress(), &packed, &[1000], 4096);
        let _ = run(decompress(), &packed[at..], &[1000], 4096);
    }
}
