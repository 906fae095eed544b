use std::collections::HashMap;

use super::*;
use crate::block::delta::{DeltaBlocks, DeltaSettings, plan};
use crate::hash::Sha1Digest;
use crate::stage::{Pipeline, Stage};
use proptest::prelude::*;

const BLOCK: usize = 8192;

fn settings(reference: u32, prior: Option<BlockMap>) -> BlockSettings {
    BlockSettings {
        block_size: BLOCK,
        super_block_size: 4 * BLOCK as u64,
        checksum_size: 6,
        reference,
        bundle_id: 0,
        offset: 0,
        prior,
        compress: CompressType::None,
        level: 0,
        pass: None,
    }
}

/// Blocks whose content is the given numbers; the last one cut to `tail` bytes.
fn file(blocks: &[u8], tail: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = blocks
        .iter()
        .flat_map(|seed| (0..BLOCK).map(|i| ((i / 7) as u8).wrapping_mul(*seed)))
        .collect();
    bytes.truncate(bytes.len().saturating_sub(BLOCK - tail));
    bytes
}

fn store(settings: BlockSettings, input: &[u8], piece: usize) -> (Vec<u8>, BlockReport) {
    let stages = vec![
        Stage::Sha1,
        Stage::Size,
        Stage::BlockIncremental(settings),
        Stage::Sha1,
        Stage::Size,
    ];
    let mut running = Pipeline::new(stages).start(BUFFER_SIZE);
    let mut out = Vec::new();
    for piece in input.chunks(piece) {
        running.push(piece, &mut out).unwrap();
    }
    let reports = running.finish(&mut out).unwrap();
    assert_eq!(reports[0], Report::Sha1(Sha1Digest::of(input)));
    assert_eq!(reports[1], Report::Size(input.len() as u64));
    assert_eq!(
        reports[3],
        Report::Sha1(Sha1Digest::of(&out)),
        "rck is over what is stored"
    );
    let block = *reports[2].block().unwrap();
    assert_eq!(block.repo_size, out.len() as u64);
    (out, block)
}

fn map_of(stored: &[u8], report: BlockReport) -> BlockMap {
    BlockMap::decode(&stored[stored.len() - report.map_size as usize..], BLOCK, 6).unwrap()
}

#[test]
fn full_backup_stores_super_blocks_then_the_map() {
    let input = file(&[1, 2, 3, 4, 5], 100);
    for piece in [1000, BLOCK, 3 * BLOCK + 1, 1 << 20] {
        let (stored, report) = store(settings(0, None), &input, piece);
        assert!(
            stored.starts_with(&input),
            "plain super blocks are the file itself"
        );
        assert_eq!(report.stored_blocks, 5);
        let map = map_of(&stored, report);
        let rows: Vec<_> = map
            .items()
            .iter()
            .map(|item| (item.offset, item.size, item.super_block_size, item.block))
            .collect();
        let size = 4 * BLOCK as u64;
        assert_eq!(rows[3], (0, size, size, 3));
        assert_eq!(rows[4], (size, 100, 100, 0));
    }
}

#[test]
fn unchanged_file_writes_nothing() {
    let input = file(&[1, 2, 3], BLOCK);
    let (stored, report) = store(settings(0, None), &input, 5000);
    let (again, report) = store(settings(1, Some(map_of(&stored, report))), &input, 5000);
    assert!(again.is_empty());
    assert!(report.unchanged());
}

#[test]
fn shrunk_file_writes_a_map_alone() {
    let input = file(&[1, 2, 3], BLOCK);
    let (stored, report) = store(settings(0, None), &input, 5000);
    let (again, report) = store(
        settings(1, Some(map_of(&stored, report))),
        &input[..2 * BLOCK],
        5000,
    );
    assert_eq!(report.map_size, again.len() as u64);
    assert!(!report.unchanged());
    assert_eq!(report.stored_blocks, 0);
    assert!(
        map_of(&again, report)
            .items()
            .iter()
            .all(|item| item.reference == 0)
    );
}

#[test]
fn super_block_size_is_rounded_up_to_blocks() {
    let settings = BlockSettings {
        super_block_size: BLOCK as u64 + 1,
        ..settings(0, None)
    };
    let (stored, report) = store(settings, &file(&[1, 2, 3], BLOCK), 5000);
    let map = map_of(&stored, report);
    let plain: Vec<u64> = map
        .items()
        .iter()
        .map(|item| item.super_block_size)
        .collect();
    assert_eq!(plain, [2 * BLOCK as u64, 2 * BLOCK as u64, BLOCK as u64]);
}

#[test]
fn prior_map_that_refers_to_this_backup_is_refused() {
    let input = file(&[1], BLOCK);
    let (stored, report) = store(settings(3, None), &input, 5000);
    let mut writer = BlockWriter::new(settings(3, Some(map_of(&stored, report))));
    assert!(writer.push(&input, &mut Vec::new()).is_err());
}

#[test]
fn impossible_sizes_are_errors() {
    for bad in [
        BlockSettings {
            block_size: 0,
            ..settings(0, None)
        },
        BlockSettings {
            checksum_size: 0,
            ..settings(0, None)
        },
        BlockSettings {
            checksum_size: 17,
            ..settings(0, None)
        },
    ] {
        assert!(
            BlockWriter::new(bad)
                .push(&[0; 10], &mut Vec::new())
                .is_err()
        );
    }
    let tiny = BlockSettings {
        super_block_size: 0,
        ..settings(0, None)
    };
    let (stored, report) = store(tiny, &file(&[1, 2], BLOCK), 5000);
    assert_eq!(map_of(&stored, report).items()[1].offset, BLOCK as u64);
}

/// One generation: block contents, and how long the last block is.
#[derive(Debug, Clone)]
struct Generation {
    blocks: Vec<u8>,
    tail: usize,
    junk_before: usize,
}

fn generations() -> impl Strategy<Value = Vec<Generation>> {
    // Few contents over few blocks, so that blocks stay, change, and change back.
    let generation = (
        proptest::collection::vec(prop_oneof![4 => Just(0u8), 1 => 1u8..4], 1..24),
        prop_oneof![Just(BLOCK), 1..=BLOCK],
        0usize..50,
    );
    proptest::collection::vec(
        generation.prop_map(|(blocks, tail, junk_before)| Generation {
            blocks,
            tail,
            junk_before,
        }),
        2..6,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn chain_of_generations_is_restored_by_delta(
        generations in generations(),
        bundled: bool,
        encrypted: bool,
        kind in prop_oneof![Just(CompressType::None), Just(CompressType::Gz), Just(CompressType::Lz4), Just(CompressType::Zst)],
        super_blocks in 1u64..6,
        merge_distance in prop_oneof![Just(0u64), 1u64..100_000],
        piece in 1000usize..60_000,
        target in proptest::collection::vec(prop_oneof![2 => Just(0u8), 1 => 1u8..4], 0..24),
    ) {
        let pass = encrypted.then(|| SecretString::from("secret"));
        let mut repository: HashMap<(u32, u64), Vec<u8>> = HashMap::new();
        let mut prior: Option<BlockMap> = None;
        let mut current = vec![];
        for (reference, generation) in (0u32..).zip(&generations) {
            // Deltas of the generation before keep most blocks.
            let mut blocks = generation.blocks.clone();
            for (index, block) in blocks.iter_mut().enumerate() {
                if *block == 0 {
                    *block = current.get(index).copied().unwrap_or(9);
                }
            }
            let input = file(&blocks, generation.tail);
            current = blocks;
            let bundle_id = if bundled { u64::from(reference) + 3 } else { 0 };
            let junk = if bundled { generation.junk_before } else { 0 };
            let settings = BlockSettings {
                super_block_size: super_blocks * BLOCK as u64,
                bundle_id,
                offset: junk as u64,
                compress: kind,
                level: 1,
                pass: pass.clone(),
                ..settings(reference, prior.clone())
            };
            let (stored, report) = store(settings, &input, piece);
            if !report.unchanged() {
                let bytes = &stored[stored.len() - report.map_size as usize..];
                let stages = pass.iter().map(|pass| Stage::Decrypt { pass: pass.clone(), raw: true }).collect();
                let mut running = Pipeline::new(stages).start(BUFFER_SIZE);
                let mut plain = Vec::new();
                running.push(bytes, &mut plain).unwrap();
                running.finish(&mut plain).unwrap();
                let map = BlockMap::decode(&plain, BLOCK, 6).unwrap();
                prop_assert_eq!(map.encode(BLOCK, 6).unwrap(), plain);
                prior = Some(map);
                repository.insert((reference, bundle_id), [vec![0xee; junk], stored].concat());
            }
            let map = prior.as_ref().unwrap();
            prop_assert!(map.check(input.len() as u64, BLOCK, reference as usize + 1).is_ok());

            // Restore over a file that has some of the blocks already.
            let mut restored = file(&target, BLOCK);
            restored.resize(input.len(), 0);
            let have: Vec<[u8; 16]> = restored.chunks(BLOCK).map(checksum::of).collect();
            let needed = |number: u64, item: &BlockMapItem| have[number as usize][..6] != item.checksum[..6];
            let delta = DeltaSettings { block_size: BLOCK, compress: kind, pass: pass.clone() };
            for file in plan(map, needed, merge_distance).unwrap() {
                let bytes = &repository[&(file.reference, file.bundle_id)];
                for pair in file.reads.windows(2) {
                    prop_assert!(pair[0].offset + pair[0].size + merge_distance < pair[1].offset);
                }
                for read in &file.reads {
                    let source = &bytes[read.offset as usize..][..read.size as usize];
                    let mut blocks = DeltaBlocks::new(&delta, read, source);
                    while let Some((number, block)) = blocks.next_block().unwrap() {
                        restored[number as usize * BLOCK..][..block.len()].copy_from_slice(block);
                    }
                }
            }
            prop_assert!(restored == input);
        }
    }
}
