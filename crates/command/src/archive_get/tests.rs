//! Finding and fetching in storages in memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::{ArchiveId, Stanza, layout};
use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::{Storage, StoragePath, WriteOptions};

use super::archives::{Archive, Archives};
use super::fetch::fetch;
use super::find::{Find, Found};
use super::*;
use crate::hosts::Repository;
use crate::run::cancel::Cancel;

const SEGMENT: &str = "000000010000000000000001";

fn settings() -> Settings {
    Settings {
        stanza: Stanza::new("demo").unwrap(),
        pg_key: 1,
        asynchronous: false,
        spool_path: String::new(),
        timeout: Duration::from_secs(1),
        queue_max: 1 << 27,
        missing_retry: true,
        buffer_size: 65536,
        workers: 1,
        async_log: PathBuf::new(),
    }
}

fn archives(count: u32) -> (Archives, Vec<MemoryStorage>) {
    let storages: Vec<MemoryStorage> = (0..count).map(|_| MemoryStorage::new()).collect();
    let archive = |(key, storage): (u32, &MemoryStorage)| Archive {
        repository: Repository {
            elsewhere: None,
            key,
            storage: Arc::new(storage.clone()),
            pass: None,
        },
        ids: vec![ArchiveId::new("17", 2), ArchiveId::new("17", 1)],
        pass: None,
    };
    let usable = (1..).zip(&storages).map(archive).collect();
    (
        Archives {
            usable,
            ..Archives::default()
        },
        storages,
    )
}

fn put(storage: &MemoryStorage, id: u32, name: &str, content: &[u8]) {
    let path = layout::archive_file(&settings().stanza, &ArchiveId::new("17", id), name);
    write_all(storage, &path, &WriteOptions::default(), content).unwrap();
}

fn stored_name(content: &[u8]) -> String {
    format!("{SEGMENT}-{}", Sha1Digest::of(content))
}

#[test]
fn copies_come_by_repository_and_newest_archive_first() {
    let (archives, storages) = archives(2);
    put(&storages[0], 1, &stored_name(b"x"), b"x");
    put(&storages[1], 2, &stored_name(b"x"), b"x");
    put(&storages[1], 1, "00000002.history", b"h");
    let settings = settings();
    let mut find = Find::new(&archives, &settings);
    let Ok(Found::Copies(copies, _)) = find.find(SEGMENT) else {
        panic!("it is there")
    };
    let listed: Vec<_> = copies
        .iter()
        .map(|copy| (copy.archive, copy.archive_id.as_str()))
        .collect();
    assert_eq!(listed, [(0, "17-1"), (1, "17-2")]);
    assert_eq!(
        copies[0].file,
        format!("17-1/0000000100000000/{}", stored_name(b"x"))
    );
    let Ok(Found::Copies(copies, _)) = find.find("00000002.history") else {
        panic!("it is there")
    };
    assert_eq!(copies[0].file, "17-1/00000002.history");
    assert!(matches!(
        find.find("000000010000000000000002"),
        Ok(Found::Missing)
    ));
}

#[test]
fn not_found_is_said_only_when_every_repository_was_read() {
    let (mut archives, storages) = archives(1);
    let settings = settings();
    archives
        .unread
        .push("repo2: [HostConnectError] down".to_owned());
    archives
        .warnings
        .push("repo2: [HostConnectError] down".to_owned());
    let failed = Find::new(&archives, &settings).find(SEGMENT).unwrap_err();
    assert_eq!(failed.error.code, ErrorCode::RepoInvalid);
    assert!(
        failed
            .error
            .message
            .ends_with("\nrepo2: [HostConnectError] down"),
        "{}",
        failed.error.message
    );
    // What one repository has is found whatever the state of the others.
    put(&storages[0], 2, &stored_name(b"x"), b"x");
    let Ok(Found::Copies(_, warnings)) = Find::new(&archives, &settings).find(SEGMENT) else {
        panic!("it is there")
    };
    assert_eq!(warnings, archives.warnings);
}

#[test]
fn without_any_usable_repository_the_search_fails() {
    let failed = Find::new(&Archives::default(), &settings())
        .find(SEGMENT)
        .unwrap_err();
    assert_eq!(failed.error.code, ErrorCode::RepoInvalid);
    assert_eq!(failed.error.message, "unable to find a valid repository");
}

#[test]
fn copies_that_differ_are_refused() {
    let (archives, storages) = archives(2);
    put(&storages[0], 1, &stored_name(b"x"), b"x");
    put(&storages[1], 1, &stored_name(b"y"), b"y");
    let failed = Find::new(&archives, &settings()).find(SEGMENT).unwrap_err();
    assert_eq!(failed.error.code, ErrorCode::ArchiveDuplicate);
    let (x, y) = (stored_name(b"x"), stored_name(b"y"));
    assert_eq!(
        failed.error.message,
        format!(
            "duplicates found for WAL segment {SEGMENT}:\nrepo1: 17-1/0000000100000000/{x}\nrepo2: 17-1/0000000100000000/{y}"
        )
    );
}

#[test]
fn a_damaged_copy_is_passed_over_and_never_handed_out() {
    let (archives, storages) = archives(2);
    let settings = settings();
    put(&storages[0], 1, &stored_name(b"good"), b"evil");
    put(&storages[1], 1, &stored_name(b"good"), b"good");
    let Ok(Found::Copies(copies, _)) = Find::new(&archives, &settings).find(SEGMENT) else {
        panic!("it is there")
    };
    let out = MemoryStorage::new();
    let path = StoragePath::from("RECOVERYXLOG");
    let open = || Ok(out.open_write(&path, &WriteOptions::default())?);
    let fetched = fetch(
        &archives,
        &settings,
        &Cancel::default(),
        SEGMENT,
        &copies,
        &open,
    )
    .unwrap();
    assert_eq!(fetched.copy, 1);
    assert!(
        fetched.warnings[0].contains("[ChecksumError]"),
        "{:?}",
        fetched.warnings
    );
    assert_eq!(read_all(&out, &path, 100).unwrap().unwrap(), b"good");
    out.remove(&path).unwrap();
    let error = fetch(
        &archives,
        &settings,
        &Cancel::default(),
        SEGMENT,
        &copies[..1],
        &open,
    )
    .unwrap_err();
    assert_eq!(error.code, ErrorCode::FileRead);
    assert!(
        error
            .message
            .starts_with(&format!("unable to get {SEGMENT}:\nrepo1: 17-1/"))
    );
    assert_eq!(read_all(&out, &path, 100).unwrap(), None);
}
