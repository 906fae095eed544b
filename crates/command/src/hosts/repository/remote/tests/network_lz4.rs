//! Files that nothing has compressed are compressed for the way between the hosts, and only those.

use pgkeep_pipeline::Sha1Digest;

use super::push::{SEGMENT, encrypted};
use super::*;
use crate::wal::stored_content::Content;

const SIZE: usize = 1_000_000;

fn rows() -> Vec<u8> {
    (0..SIZE as u32).map(|n| (n % 251) as u8).collect()
}

fn write(compressible: bool) -> WriteOptions {
    WriteOptions {
        compressible,
        ..WriteOptions::default()
    }
}

fn read(storage: &RemoteStorage, options: &ReadOptions) -> pgkeep_storage::Result<Vec<u8>> {
    let mut found = Vec::new();
    let mut read = storage.open_read(&at("file"), options)?;
    let ended = read.read_to_end(&mut found);
    ended.map_err(|error| pgkeep_storage::Error::from_stream(Operation::Read, "file", error))?;
    Ok(found)
}

/// Bytes that cross when a file is written, and when it and a piece of it are read.
fn crossing(host: &Arc<InMemory>, level: i32, compressible: bool) -> (usize, usize) {
    let storage = remote(host).with_network_level(level);
    let bytes = rows();
    let before = host.cut.crossed().len();
    write_all(&storage, &at("file"), &write(compressible), &bytes).unwrap();
    let written = host.cut.crossed().len();
    let mut options = ReadOptions {
        compressible,
        ..ReadOptions::default()
    };
    assert!(read(&storage, &options).unwrap() == bytes);
    options.lazy_open = true;
    options.ranges = vec![
        Range {
            offset: 999_000,
            length: None,
        },
        Range {
            offset: 3,
            length: Some(400_000),
        },
    ];
    let found = read(&storage, &options).unwrap();
    assert!(found == [&bytes[999_000..], &bytes[3..400_003]].concat());
    (written - before, host.cut.crossed().len() - written)
}

#[test]
fn only_what_is_as_it_was_is_compressed_for_the_way() {
    let memory = Arc::new(MemoryStorage::new());
    let plain = host(memory.clone());
    let (written, got) = crossing(&plain, 1, true);
    assert!(written < SIZE / 20 && got < SIZE / 20, "{written}, {got}");
    // It is stored as it was.
    let stored = read_all(&*memory, &at("file"), 1 << 20).unwrap();
    assert!(stored.as_ref() == Some(&rows()));
    let (_, encrypted) = encrypted();
    for (host, level, compressible) in [
        (plain.clone(), 1, false),
        (plain, 0, true),
        (host_of(encrypted), 1, true),
    ] {
        let (written, got) = crossing(&host, level, compressible);
        assert!(written > SIZE && got > SIZE, "{written}, {got}");
    }
}

#[test]
fn a_pushed_segment_is_compressed_for_the_way_before_it_is_encrypted() {
    let (memory, repository) = encrypted();
    let host = host_of(repository);
    let storage = remote(&host).with_network_level(1);
    let (_, identity) = storage.archive_identity().unwrap();
    let bytes = rows();
    let file = format!("{SEGMENT}-{}", Sha1Digest::of(&bytes));
    let before = host.cut.crossed().len();
    let mut pushed = storage.push_segment(&identity, &file, true).unwrap();
    pushed.write_all(&bytes).unwrap();
    pushed.stage().unwrap();
    pushed.finish().unwrap().wait().unwrap();
    assert!(host.cut.crossed().len() - before < SIZE / 20);
    let stored = read_all(&*memory, &push::path(&file), 2 << 20).unwrap();
    assert!(stored.is_some_and(|stored| stored.len() > SIZE));
    let found = storage.find_segment(SEGMENT).unwrap().unwrap();
    assert_eq!(storage.check_segment(&found).unwrap(), Content::Intact);
}

#[test]
fn a_file_of_very_many_pieces_goes_as_it_is() {
    let host = host(Arc::new(MemoryStorage::new()));
    let storage = remote(&host).with_network_level(1);
    let bytes = rows();
    write_all(&storage, &at("file"), &write(true), &bytes).unwrap();
    let ranges = (0..10_000).map(|offset| Range {
        offset,
        length: Some(1),
    });
    let options = ReadOptions {
        ranges: ranges.collect(),
        compressible: true,
        ..ReadOptions::default()
    };
    assert!(read(&storage, &options).unwrap() == bytes[..10_000]);
}

#[test]
fn what_is_compressed_for_the_way_and_cut_anywhere_is_never_shorter() {
    let place = tempfile::tempdir().unwrap();
    let bytes = rows();
    let file = place.path().join("file");
    let act = |storage: RemoteStorage| {
        let storage = storage.with_network_level(1);
        write_all(&storage, &at("file"), &write(true), &bytes)?;
        let options = ReadOptions {
            compressible: true,
            ..ReadOptions::default()
        };
        assert!(read(&storage, &options)? == bytes);
        Ok(())
    };
    let check = |done: bool| {
        match std::fs::read(&file) {
            Ok(found) => assert!(found == bytes),
            Err(_) => assert!(!done),
        }
        let _ = std::fs::remove_file(&file);
    };
    cut_everywhere(
        place.path(),
        &|storage| {
            act(RemoteStorage::new(
                Arc::clone(&storage.reach.link),
                "/unknown",
            ))
        },
        &check,
    );
}
