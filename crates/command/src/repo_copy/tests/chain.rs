//! What is read of a chain that an earlier run copied, on a network.

use pgkeep_pipeline::block::{BlockMap, BlockMapItem};
use pgkeep_repo::manifest::BlockFile;
use pgkeep_storage::wrap::latency::{Latency, LatencySettings};

use super::super::chain::{Chain, Side};
use super::*;

const BLOCK: u64 = 8192;
const CHECKSUM: usize = 6;
/// Stored bytes of each file before its map.
const STORED: u64 = 100;
const FILES_IN_BLOCKS: u64 = 40;

/// A full backup of files of one block each.
fn in_blocks() -> Place {
    let place = Place::new();
    let set = label(FULL);
    let header = BackupHeader::new(set.backup_type(), 1_700_000_000);
    let mut manifest = test_stanza::manifest(&set, header, BackupOptions::default());
    let map = BlockMap::from_items(vec![BlockMapItem {
        reference: 0,
        bundle_id: 0,
        offset: 0,
        size: STORED,
        super_block_size: BLOCK,
        block: 0,
        checksum: [7; 16],
    }]);
    let map = map
        .encode(usize::try_from(BLOCK).unwrap(), CHECKSUM)
        .unwrap();
    let bytes = [vec![b'x'; usize::try_from(STORED).unwrap()], map.clone()].concat();
    for number in 0..FILES_IN_BLOCKS {
        let name = format!("pg_data/base/{number}");
        let data = FileData {
            size: BLOCK,
            size_original: BLOCK,
            repo_size: bytes.len() as u64,
            checksum: Some(Sha1Digest::of(&bytes)),
            block: Some(BlockFile {
                size: BLOCK,
                checksum_size: u32::try_from(CHECKSUM).unwrap(),
                map_size: map.len() as u64,
            }),
            ..FileData::default()
        };
        manifest.add_file(name.as_bytes(), &data);
        let file = manifest.file(name.as_bytes()).unwrap();
        let path = manifest.stored_path(&stanza(), &file).unwrap();
        write(&place.memory, &path.to_string(), &bytes);
    }
    manifest.save(&place.memory, &stanza(), &set, None).unwrap();
    place
}

#[test]
fn block_maps_of_a_chain_are_read_without_a_round_trip_for_each() {
    let place = in_blocks();
    let (near, far): (Arc<dyn Storage>, _) = (
        Arc::new(place.memory.clone()),
        Latency::new(Arc::new(place.memory.clone()), LatencySettings::default()),
    );
    let options = [
        "--repo1-path=/one",
        "--repo2-path=/two",
        "--repo=1",
        "--repo-to=2",
    ];
    let context = test_context::new(Program::PgKeep, "repo-copy", &options);
    let settings = Settings::from(&context).unwrap();
    let repository = |key, storage| Repository {
        key,
        storage,
        pass: None,
        elsewhere: None,
    };
    let info = place.info();
    let source = repository(1, Arc::new(far.clone()));
    let target = repository(2, near);
    let side = |repository| Side {
        repository,
        info: &info,
    };
    let mut chain = Chain::new(label(FULL), None);
    chain
        .load(&settings, (side(&source), side(&target)), &label(FULL))
        .unwrap();
    for number in 0..FILES_IN_BLOCKS {
        let name = format!("pg_data/base/{number}");
        let found = chain.super_block(&label(FULL), name.as_bytes(), 0).unwrap();
        assert_eq!((found.new, found.size), (0, STORED));
    }
    // The manifest and its parts, and one more: all maps are on their way before the first is read.
    let trips = far.serial_round_trips();
    assert!(trips < 10, "{trips} round trips");
}
