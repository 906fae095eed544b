use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use pgkeep_pipeline::Pipeline;

use super::*;
use crate::copy::{copy_file, read_all, write_all};
use crate::memory::MemoryStorage;
use crate::options::WriteMode;

const ROUND_TRIP: Duration = Duration::from_millis(50);

fn slow() -> Latency {
    Latency::new(Arc::new(MemoryStorage::new()), LatencySettings::default())
}

/// A slow storage with files made for nothing.
fn slow_with_files(count: usize) -> (Latency, Vec<StoragePath>) {
    let storage = slow();
    let paths: Vec<_> = (0..count)
        .map(|n| StoragePath::new(format!("dir/{n:05}")))
        .collect();
    for path in &paths {
        write_all(
            &**storage.inner(),
            path,
            &WriteOptions::default(),
            b"content",
        )
        .unwrap();
    }
    assert_eq!(storage.elapsed(), Duration::ZERO);
    (storage, paths)
}

fn at(path: &str) -> StoragePath {
    StoragePath::new(path)
}

/// What one worker does with a thousand small files while the main thread gathers their tickets in one channel.
fn write_a_thousand_files(write: &WriteOptions) -> Latency {
    let source = MemoryStorage::new();
    write_all(
        &source,
        &at("small"),
        &WriteOptions::default(),
        &[7; 16 * 1024],
    )
    .unwrap();
    let storage = slow();
    let (send, receive) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..1000 {
                let mut read = source
                    .open_read(&at("small"), &ReadOptions::default())
                    .unwrap();
                let writer = storage
                    .open_write(&at(&format!("set/{number}")), write)
                    .unwrap();
                let running = Pipeline::new(Vec::new()).start(65_536);
                let (_, ticket) = copy_file(&mut read, writer, running, 65_536).unwrap();
                let send = send.clone();
                ticket.notify(move |result| send.send(result).unwrap());
            }
            drop(send);
        });
        let sizes: Vec<_> = receive.iter().map(|result| result.unwrap().size).collect();
        assert_eq!(sizes, [16 * 1024; 1000]);
    });
    storage
}

#[test]
fn a_thousand_small_files_are_written_in_less_than_four_seconds() {
    for mode in [WriteMode::InPlace, WriteMode::Atomic] {
        let storage = write_a_thousand_files(&WriteOptions {
            mode,
            ..WriteOptions::default()
        });
        storage.sync_paths(&[at("set")]).unwrap();
        assert!(
            storage.elapsed() < Duration::from_secs(4),
            "{:?}",
            storage.elapsed()
        );
        // And the model does not give them away: 64 at a time, at least open and data.
        assert!(
            storage.elapsed() >= ROUND_TRIP * (2 * 1000 / 64),
            "{:?}",
            storage.elapsed()
        );
        assert!(storage.requests() >= 2000);
    }
}

#[test]
fn waiting_for_each_ticket_costs_each_its_round_trips() {
    let storage = slow();
    storage.create_path(&at("set"), 0o750).unwrap();
    let before = storage.serial_round_trips();
    for number in 0..20 {
        write_all(
            &storage,
            &at(&format!("set/{number}")),
            &WriteOptions::default(),
            b"x",
        )
        .unwrap();
    }
    assert_eq!(
        storage.serial_round_trips() - before,
        20 * 3,
        "open, data, rename"
    );
}

#[test]
fn listing_and_removing_five_thousand_files_takes_less_than_a_second() {
    let (storage, paths) = slow_with_files(5000);
    assert_eq!(
        storage
            .list(&at("dir"), &ListOptions::default())
            .unwrap()
            .unwrap()
            .len(),
        5000
    );
    assert!(
        storage
            .remove_many(&paths)
            .unwrap()
            .iter()
            .all(|removed| *removed == Removed::Removed)
    );
    assert!(
        storage.elapsed() < Duration::from_secs(1),
        "{:?}",
        storage.elapsed()
    );
    assert!(
        storage.elapsed() > ROUND_TRIP * 10,
        "{:?}",
        storage.elapsed()
    );

    let (storage, _) = slow_with_files(5000);
    assert_eq!(storage.remove_tree(&at("dir")).unwrap(), Removed::Removed);
    assert!(
        storage.elapsed() < Duration::from_secs(1),
        "{:?}",
        storage.elapsed()
    );
}

#[test]
fn a_loop_of_single_calls_shows() {
    let (storage, paths) = slow_with_files(100);
    for path in &paths {
        storage.remove(path).unwrap();
    }
    assert_eq!(storage.serial_round_trips(), 100);
    let (storage, paths) = slow_with_files(100);
    storage.info_many(&paths, InfoLevel::Basic).unwrap();
    assert_eq!((storage.serial_round_trips(), storage.requests()), (1, 100));
}

#[test]
fn reads_opened_ahead_overlap() {
    let (storage, paths) = slow_with_files(50);
    let lazy = ReadOptions {
        lazy_open: true,
        ..ReadOptions::default()
    };
    let reads: Vec<_> = paths
        .iter()
        .map(|path| storage.open_read(path, &lazy).unwrap())
        .collect();
    assert_eq!(storage.elapsed(), Duration::ZERO);
    for mut read in reads {
        let mut content = Vec::new();
        read.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"content");
    }
    assert_eq!(
        storage.serial_round_trips(),
        2,
        "open and read of all files at once"
    );

    let (storage, paths) = slow_with_files(50);
    for path in &paths {
        read_all(&storage, path, 100).unwrap().unwrap();
    }
    assert_eq!(
        storage.serial_round_trips(),
        100,
        "one file after the other"
    );
}

#[test]
fn a_big_file_is_streamed_a_window_each_round_trip() {
    let storage = slow();
    storage.create_path(&at("set"), 0o750).unwrap();
    let before = storage.serial_round_trips();
    let mut writer = storage
        .open_write(&at("set/big"), &WriteOptions::default())
        .unwrap();
    for _ in 0..40 {
        writer.write_all(&[1; 1 << 20]).unwrap();
    }
    writer.finish().unwrap().wait().unwrap();
    let written = storage.serial_round_trips() - before;
    assert_eq!(written, 1 + 10 + 1, "open, ten windows of 4 MiB, rename");
    read_all(&storage, &at("set/big"), 1 << 30)
        .unwrap()
        .unwrap();
    assert_eq!(
        storage.serial_round_trips() - before - written,
        1 + 10,
        "open, ten windows"
    );
}

#[test]
fn syncing_directories_waits_for_the_files_in_them() {
    let storage = slow();
    storage.create_path(&at("set"), 0o750).unwrap();
    let before = storage.elapsed();
    let mut writer = storage
        .open_write(&at("set/file"), &WriteOptions::default())
        .unwrap();
    writer.write_all(b"x").unwrap();
    writer
        .finish()
        .unwrap()
        .notify(|written| assert!(written.is_ok()));
    assert_eq!(storage.network.now(), before, "nothing was waited for yet");
    storage.sync_paths(&[at("set")]).unwrap();
    assert_eq!(storage.network.now() - before, ROUND_TRIP * 4);
}

#[test]
fn a_slow_storage_keeps_the_contract() {
    let ran = crate::conformance::run(&mut |_| Box::new(slow()));
    assert_eq!(ran.len(), crate::conformance::cases().len());
}
