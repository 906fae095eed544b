//! Behaviour of `open_read`.

use std::io::Read;

use super::case::{at, behaviors, content, put, says};
use crate::error::{Error, ErrorKind, Operation};
use crate::options::{Range, ReadOptions};
use crate::storage::Storage;

behaviors! {
    dyn Storage:
    a_missing_file_is_not_found_at_open,
    a_missing_file_may_be_found_out_at_the_first_read,
    files_of_many_sizes_come_back,
    ranges_are_delivered_in_the_order_asked,
    a_range_beyond_the_end_delivers_what_there_is,
    a_file_is_read_in_small_steps,
}

fn read(storage: &dyn Storage, path: &str, ranges: &[(u64, Option<u64>)]) -> Vec<u8> {
    let ranges = ranges
        .iter()
        .map(|&(offset, length)| Range { offset, length })
        .collect();
    let options = ReadOptions {
        ranges,
        ..ReadOptions::default()
    };
    let mut out = Vec::new();
    storage
        .open_read(&at(path), &options)
        .unwrap()
        .read_to_end(&mut out)
        .unwrap();
    out
}

/// Bytes without a short period, so that a piece in the wrong place shows.
fn pattern(size: usize) -> Vec<u8> {
    (0..size)
        .map(|n| u8::try_from((n * 7 + n / 251 + n / 65_521) % 256).expect("below 256"))
        .collect()
}

fn a_missing_file_is_not_found_at_open(storage: &dyn Storage) {
    for path in ["missing", "missing/below"] {
        let Err(error) = storage.open_read(&at(path), &ReadOptions::default()) else {
            panic!("{path} was opened")
        };
        assert_eq!(
            (error.kind(), error.operation),
            (ErrorKind::NotFound, Operation::OpenRead)
        );
        let name = storage.display(&at(path));
        says(
            &error,
            &format!("unable to open missing file '{name}' for read"),
        );
    }
}

fn a_missing_file_may_be_found_out_at_the_first_read(storage: &dyn Storage) {
    let options = ReadOptions {
        lazy_open: true,
        ..ReadOptions::default()
    };
    let outcome = storage
        .open_read(&at("missing"), &options)
        .and_then(|mut read| {
            read.read(&mut [0; 8])
                .map_err(|error| Error::from_stream(Operation::Read, "", error))
        });
    let error = outcome.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation),
        (ErrorKind::NotFound, Operation::OpenRead)
    );
}

fn files_of_many_sizes_come_back(storage: &dyn Storage) {
    for size in [
        0,
        1,
        4095,
        32_768,
        32_769,
        261_120,
        262_144,
        1 << 20,
        (3 << 20) + 17,
    ] {
        let bytes = pattern(size);
        put(storage, "file", &bytes);
        assert!(
            content(storage, "file") == Some(bytes),
            "{size} bytes come back as they were"
        );
    }
}

fn ranges_are_delivered_in_the_order_asked(storage: &dyn Storage) {
    let bytes = pattern(600_000);
    put(storage, "file", &bytes);
    let piece = |offset: usize, length: usize| bytes[offset..offset + length].to_vec();
    let found = read(
        storage,
        "file",
        &[
            (500_000, Some(10)),
            (0, Some(3)),
            (3, Some(100_000)),
            (100_010, Some(1)),
        ],
    );
    assert!(
        found
            == [
                piece(500_000, 10),
                piece(0, 3),
                piece(3, 100_000),
                piece(100_010, 1)
            ]
            .concat()
    );
    assert!(read(storage, "file", &[(599_990, None)]) == piece(599_990, 10));
    assert!(
        read(storage, "file", &[(5, Some(0)), (7, Some(2)), (7, Some(2))])
            == [piece(7, 2), piece(7, 2)].concat()
    );
    assert!(
        read(storage, "file", &[(5, Some(0))]).is_empty(),
        "an empty range is not the whole file"
    );
}

fn a_range_beyond_the_end_delivers_what_there_is(storage: &dyn Storage) {
    put(storage, "file", b"0123456789");
    assert_eq!(read(storage, "file", &[(8, Some(100))]), b"89");
    assert_eq!(read(storage, "file", &[(10, None)]), b"");
    assert_eq!(read(storage, "file", &[(1000, Some(5))]), b"");
    assert_eq!(
        read(storage, "file", &[(8, Some(100)), (0, Some(2))]),
        b"8901",
        "the next range follows"
    );
}

fn a_file_is_read_in_small_steps(storage: &dyn Storage) {
    let bytes = pattern(10_000);
    put(storage, "file", &bytes);
    let mut reader = storage
        .open_read(
            &at("file"),
            &ReadOptions {
                expect: Some(10_000),
                ..Default::default()
            },
        )
        .unwrap();
    let mut found = Vec::new();
    let mut step = [0; 7];
    loop {
        let got = reader.read(&mut step).unwrap();
        if got == 0 {
            break;
        }
        found.extend_from_slice(&step[..got]);
    }
    assert!(found == bytes);
    assert_eq!(reader.read(&mut step).unwrap(), 0, "the end stays the end");
}
