use super::*;
use crate::block::checksum::MAX_SIZE;
use crate::error::ErrorKind;

const BLOCK: u64 = 10;

fn item(reference: u32, offset: u64, size: u64, super_block_size: u64, block: u64) -> BlockMapItem {
    BlockMapItem {
        reference,
        bundle_id: 1,
        offset,
        size,
        super_block_size,
        block,
        checksum: [0; MAX_SIZE],
    }
}

fn settings(compress: CompressType) -> DeltaSettings {
    DeltaSettings {
        block_size: BLOCK as usize,
        compress,
        pass: None,
    }
}

fn ranges(files: &[DeltaFile]) -> Vec<(u32, Vec<(u64, u64)>)> {
    files
        .iter()
        .map(|file| {
            (
                file.reference,
                file.reads
                    .iter()
                    .map(|read| (read.offset, read.size))
                    .collect(),
            )
        })
        .collect()
}

/// Reference 0 holds three super blocks of two blocks at 100, 120 and 150; reference 1 one block.
fn map() -> BlockMap {
    BlockMap::from_items(vec![
        item(0, 100, 20, 20, 0),
        item(1, 7, 10, 10, 0),
        item(0, 100, 20, 20, 1),
        item(0, 120, 20, 20, 0),
        item(0, 120, 20, 20, 1),
        item(0, 150, 15, 15, 0),
        item(0, 150, 15, 15, 1),
    ])
}

#[test]
fn neighbours_are_one_read_and_gaps_are_bridged_up_to_the_distance() {
    let all = |_: u64, _: &BlockMapItem| true;
    let plan = |distance| ranges(&plan(&map(), all, distance).unwrap());
    assert_eq!(
        plan(0),
        [(0, vec![(100, 40), (150, 15)]), (1, vec![(7, 10)])]
    );
    assert_eq!(plan(9), plan(0));
    assert_eq!(plan(10), [(0, vec![(100, 65)]), (1, vec![(7, 10)])]);
}

#[test]
fn only_super_blocks_with_needed_blocks_are_read() {
    let files = plan(&map(), |number, _| number == 2 || number == 6, 0).unwrap();
    assert_eq!(ranges(&files), [(0, vec![(100, 20), (150, 15)])]);
    assert_eq!(files[0].reads[0].super_blocks[0].blocks, [(1, 2)]);
    assert!(plan(&map(), |_, _| false, 0).unwrap().is_empty());
}

#[test]
fn blocks_come_out_of_a_read_with_a_gap_in_it() {
    let repository: Vec<u8> = (0..=255).collect();
    let files = plan(
        &map(),
        |number, item| item.reference == 0 && number != 3,
        10,
    )
    .unwrap();
    let read = &files[0].reads[0];
    let source = &repository[read.offset as usize..][..read.size as usize];
    let settings = settings(CompressType::None);
    let mut blocks = DeltaBlocks::new(&settings, read, source);
    let mut got = Vec::new();
    while let Some((number, block)) = blocks.next_block().unwrap() {
        got.push((number, block[0], block.len()));
    }
    assert_eq!(
        got,
        [
            (0, 100, 10),
            (2, 110, 10),
            (4, 130, 10),
            (5, 150, 10),
            (6, 160, 5)
        ]
    );
    assert!(blocks.next_block().unwrap().is_none());
}

#[test]
fn overlapping_super_blocks_are_refused() {
    let bad = |second| BlockMap::from_items(vec![item(0, 100, 20, 20, 0), second]);
    for second in [
        item(0, 110, 20, 20, 0),
        item(0, 100, 21, 20, 1),
        item(0, u64::MAX, 20, 20, 0),
    ] {
        assert!(plan(&bad(second), |_, _| true, 0).is_err(), "{second:?}");
    }
}

fn error(map: &BlockMap, compress: CompressType, stored: &[u8]) -> Error {
    let files = plan(map, |_, _| true, 0).unwrap();
    let settings = settings(compress);
    let mut blocks = DeltaBlocks::new(&settings, &files[0].reads[0], stored);
    loop {
        match blocks.next_block() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error"),
            Err(error) => return Error::from_io(&error).unwrap().clone(),
        }
    }
}

#[test]
fn data_that_does_not_fit_the_map_is_a_format_error() {
    let one = |size, plain, block| BlockMap::from_items(vec![item(0, 0, size, plain, block)]);
    let cases = [
        (one(10, 10, 0), CompressType::None, 9, "shorter"),
        (one(10, 20, 1), CompressType::None, 10, "shorter"),
        (one(12, 10, 0), CompressType::None, 12, "longer"),
        (
            one(10, 10, 1),
            CompressType::None,
            10,
            "outside of its super block",
        ),
        (
            one(10, u64::MAX, u64::MAX),
            CompressType::None,
            10,
            "outside of its super block",
        ),
        (
            one(10, u64::MAX, 1 << 60),
            CompressType::None,
            10,
            "shorter",
        ),
        (one(10, 10, 0), CompressType::Zst, 10, "zst error"),
    ];
    for (map, compress, size, message) in cases {
        let error = error(&map, compress, &vec![1; size]);
        assert_eq!(error.kind(), ErrorKind::Format);
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn source_that_ends_before_the_next_super_block_is_an_error() {
    let map = BlockMap::from_items(vec![item(0, 0, 20, 20, 0), item(0, 20, 20, 20, 0)]);
    assert!(
        error(&map, CompressType::None, &[1; 15])
            .to_string()
            .contains("unexpected eof")
    );
}
