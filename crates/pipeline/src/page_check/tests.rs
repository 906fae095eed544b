use super::*;
use crate::report::Report;
use crate::stage::{Pipeline, Stage};

const SIZE: usize = 8192;

fn settings() -> PageCheckSettings {
    PageCheckSettings {
        page_size: SIZE,
        segment_first_block: 0,
        header_check: true,
        reread: false,
    }
}

/// A page with a right checksum.
fn page(number: u32) -> Vec<u8> {
    let mut page: Vec<u8> = (0..SIZE).map(|i| ((7 * i + 3) % 256) as u8).collect();
    let sum = page::checksum(&page, number).to_le_bytes();
    page[8..10].copy_from_slice(&sum);
    page
}

fn file(pages: u32) -> Vec<u8> {
    (0..pages).flat_map(page).collect()
}

fn check(settings: PageCheckSettings, bytes: &[u8], piece: usize) -> PageReport {
    check_rereading(settings, None, bytes, piece)
}

fn check_rereading(
    settings: PageCheckSettings,
    reread: Option<Reread>,
    bytes: &[u8],
    piece: usize,
) -> PageReport {
    let mut running = Pipeline::new(vec![Stage::PageCheck(settings)]).start_with(SIZE, reread);
    let mut out = Vec::new();
    for piece in bytes.chunks(piece) {
        running.push(piece, &mut out).unwrap();
    }
    let reports = running.finish(&mut out).unwrap();
    assert!(out == bytes);
    match &reports[..] {
        [Report::Page(report)] => report.clone(),
        other => panic!("{other:?}"),
    }
}

fn report(errors: &[(u32, u32)], misaligned: bool) -> PageReport {
    PageReport {
        valid: errors.is_empty() && !misaligned,
        misaligned,
        errors: errors.to_vec(),
    }
}

#[test]
fn bad_pages_are_merged_whatever_the_pieces() {
    let mut bytes = file(10);
    for bad in [1, 4, 5, 6, 9] {
        bytes[bad * SIZE + 100] ^= 1;
    }
    for piece in [1000, SIZE, SIZE + 1, 100_000] {
        assert_eq!(
            check(settings(), &bytes, piece),
            report(&[(1, 1), (4, 6), (9, 9)], false)
        );
    }
    assert_eq!(check(settings(), &file(10), 5000), report(&[], false));
    assert_eq!(check(settings(), &[], 1), report(&[], false));
}

#[test]
fn later_segment_counts_pages_of_the_whole_relation() {
    let settings = PageCheckSettings {
        segment_first_block: 131_072,
        ..settings()
    };
    let mut bytes: Vec<u8> = (131_072..131_075).flat_map(page).collect();
    assert_eq!(check(settings.clone(), &bytes, SIZE), report(&[], false));
    bytes[SIZE + 9] ^= 0x40;
    assert_eq!(
        check(settings, &bytes, SIZE),
        report(&[(131_073, 131_073)], false)
    );
}

#[test]
fn new_pages_are_valid_only_if_all_zero() {
    let mut bytes = vec![0; 3 * SIZE];
    assert_eq!(check(settings(), &bytes, SIZE), report(&[], false));
    bytes[SIZE + 5000] = 1;
    assert_eq!(check(settings(), &bytes, SIZE), report(&[(1, 1)], false));
    let no_header = PageCheckSettings {
        header_check: false,
        ..settings()
    };
    assert_eq!(check(no_header, &bytes, SIZE), report(&[(1, 1)], false));
}

#[test]
fn without_header_check_an_encrypted_header_is_no_error() {
    // pd_upper is 0 here, the checksum is right.
    let mut bytes = page(0);
    bytes[14..16].fill(0);
    let sum = page::checksum(&bytes, 0).to_le_bytes();
    bytes[8..10].copy_from_slice(&sum);
    let no_header = PageCheckSettings {
        header_check: false,
        ..settings()
    };
    assert_eq!(check(no_header, &bytes, SIZE), report(&[], false));
    assert_eq!(check(settings(), &bytes, SIZE), report(&[(0, 0)], false));
}

#[test]
fn torn_last_page_is_misaligned_and_bad_but_a_crumb_only_misaligned() {
    let mut bytes = file(2);
    bytes.extend_from_slice(&[1; 512]);
    assert_eq!(check(settings(), &bytes, 3000), report(&[(2, 2)], true));
    bytes.truncate(2 * SIZE + 511);
    assert_eq!(check(settings(), &bytes, 3000), report(&[], true));
}

#[test]
fn page_that_changed_since_is_excused_and_one_that_did_not_is_not() {
    let mut bytes = file(3);
    bytes[SIZE + 100] ^= 1;
    let found = |reread, answer: fn(u64, &mut [u8]) -> Option<usize>| {
        let settings = PageCheckSettings {
            reread,
            ..settings()
        };
        check_rereading(settings, Some(Arc::new(answer)), &bytes, 1000)
    };
    let bad = report(&[(1, 1)], false);
    let same = |offset, buffer: &mut [u8]| {
        assert_eq!(offset, SIZE as u64);
        buffer.copy_from_slice(&page(1));
        buffer[100] ^= 1;
        Some(buffer.len())
    };
    assert_eq!(found(true, same), bad);
    let changed = |_, buffer: &mut [u8]| Some(buffer.len());
    assert_eq!(found(true, changed), report(&[], false));
    let truncated = |_, _: &mut [u8]| Some(0);
    assert_eq!(found(true, truncated), report(&[], false));
    let gone = |_, _: &mut [u8]| None;
    assert_eq!(found(true, gone), report(&[], false));
    // Not asked for, or not possible: bad at once.
    assert_eq!(found(false, changed), bad);
    let asked = PageCheckSettings {
        reread: true,
        ..settings()
    };
    assert_eq!(check(asked, &bytes, 1000), bad);
}
