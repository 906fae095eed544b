//! Expiry of made-up repositories in memory.

#[cfg(feature = "faulty")]
mod meanwhile;

use std::sync::Arc;

use pgkeep_config::Program;
use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::manifest::{BackupHeader, BackupOptions, FileData};
use pgkeep_repo::{ArchiveInfo, BackupLabel, Manifest};
use pgkeep_storage::copy::write_all;
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::protection::KeptUntil;
use pgkeep_storage::wrap::latency::{Latency, LatencySettings};
use pgkeep_storage::{InfoLevel, ListOptions, StoragePath, WriteOptions};

use super::*;
use crate::run::test_context::{self, NOW};
use crate::run::test_stanza;

fn context(options: &[&str]) -> Context {
    test_context::new(Program::PgBackRest, "expire", options)
}

fn stanza() -> Stanza {
    Stanza::new("demo").unwrap()
}

fn label(text: &str) -> BackupLabel {
    text.parse().unwrap()
}

/// `count` full backups, one a day; each is followed by an incr and needs the two segments from 100 × its number on.
fn repository(count: u32, segments: u32) -> MemoryStorage {
    let memory = MemoryStorage::new();
    let history = test_stanza::history();
    let mut info = BackupInfo::new(history.clone(), None);
    ArchiveInfo::new(history, None)
        .save(&memory, &stanza(), None)
        .unwrap();
    for number in 1..=count {
        let full = label(&format!("202601{number:02}-000000F"));
        let incr = label(&format!("{full}_202601{number:02}-120000I"));
        for (label, prior) in [(full.clone(), None), (incr, Some(full))] {
            let stop = NOW - i64::from(count - number) * 86_400 - 7200;
            let manifest = manifest(&label, prior, number, (1_700_000_000, stop));
            manifest.save(&memory, &stanza(), &label, None).unwrap();
            info.add(manifest.backup_entry().unwrap());
        }
    }
    info.save(&memory, &stanza(), None).unwrap();
    for number in 0..segments {
        store_segment(&memory, number);
    }
    memory
}

fn store_segment(memory: &MemoryStorage, number: u32) {
    let name = format!("{}-{}.gz", segment(number), Sha1Digest::EMPTY);
    let path = layout::archive_file(&stanza(), &"17-1".parse().unwrap(), &name);
    write_all(memory, &path, &WriteOptions::default(), b"x").unwrap();
}

/// Of a backup that began and ended at these times and needs the two segments from 100 × `number` on.
fn manifest(
    label: &BackupLabel,
    prior: Option<BackupLabel>,
    number: u32,
    (start, stop): (i64, i64),
) -> Manifest {
    let mut header = BackupHeader::new(label.backup_type(), start);
    header.prior = prior;
    header.timestamp_stop = stop;
    header.archive_start = Some(segment(number * 100));
    header.archive_stop = Some(segment(number * 100 + 1));
    let mut manifest = test_stanza::manifest(label, header, BackupOptions::default());
    let checksum = Some(Sha1Digest::EMPTY);
    manifest.add_file(
        b"pg_data/PG_VERSION",
        &FileData {
            checksum,
            ..FileData::default()
        },
    );
    manifest
}

fn segment(number: u32) -> String {
    format!("00000001{:08X}{:08X}", number / 256, number % 256)
}

/// What another host does with stanza demo in this storage.
pub(crate) fn expire(storage: Arc<dyn Storage>, options: &[&str]) -> Result<()> {
    let context = context(options);
    let settings = Settings::from(&context).unwrap();
    let repository = Repository {
        elsewhere: None,
        key: 1,
        storage,
        pass: None,
    };
    Expire::new(
        &context,
        &settings,
        &repository,
        Retention::of(&context.config, 1),
        &Removed::default(),
    )
    .run(&mut false, true)
}

fn names(memory: &MemoryStorage) -> Vec<String> {
    let mut names = Vec::new();
    let options = ListOptions {
        level: InfoLevel::Type,
        sort: true,
    };
    memory
        .list_tree(&StoragePath::root(), &options, &mut |info| {
            names.push(info.name.to_string());
            Ok(())
        })
        .unwrap();
    names
}

#[test]
fn old_sets_go_with_their_wal_and_kept_ones_keep_theirs() {
    let memory = repository(3, 330);
    expire(Arc::new(memory.clone()), &["--repo1-retention-full=2"]).unwrap();
    let info = BackupInfo::load(&memory, &stanza(), None).unwrap();
    let left: Vec<&str> = info
        .entries()
        .iter()
        .map(|entry| entry.label.as_str())
        .collect();
    assert_eq!(left.len(), 4);
    assert_eq!(left[0], "20260102-000000F");
    let names = names(&memory);
    assert!(
        !names.iter().any(|name| name.contains("20260101")),
        "{names:?}"
    );
    let wal = |number| {
        names
            .iter()
            .any(|name| name.contains(&format!("{}-", segment(number))))
    };
    assert!(!wal(0) && !wal(199));
    assert!(wal(200) && wal(329));
}

#[test]
fn wal_that_came_after_a_backup_stays_where_its_first_segment_is_a_claim() {
    for (closed, latency) in [(true, false), (true, true), (false, false)] {
        // The second backup says that it begins with segment 200, and the cluster goes on with 150.
        let memory = repository(2, 150);
        let mut info = BackupInfo::load(&memory, &stanza(), None).unwrap();
        info.closed = Some(closed);
        info.save(&memory, &stanza(), None).unwrap();
        memory.set_now(NOW);
        for number in (150..160).chain([200, 300]) {
            store_segment(&memory, number);
        }
        let mut storage: Arc<dyn Storage> = Arc::new(memory.clone());
        if latency {
            storage = Arc::new(Latency::new(storage, LatencySettings::default()));
        }
        expire(storage, &["--repo1-retention-full=1"]).unwrap();
        let names = names(&memory);
        let wal = |number| {
            let wanted = format!("{}-", segment(number));
            names.iter().any(|name| name.contains(&wanted))
        };
        assert!(!wal(0) && !wal(149) && wal(200) && wal(300));
        assert_eq!((wal(150), wal(159)), (closed, closed));
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    let memory = repository(3, 330);
    let before = names(&memory);
    let storage = Arc::new(ReadOnly::new(Arc::new(memory.clone())));
    expire(
        storage,
        &[
            "--repo1-retention-full=1",
            "--repo1-retention-history=0",
            "--dry-run",
        ],
    )
    .unwrap();
    assert_eq!(names(&memory), before);
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    let memory = repository(3, 0);
    // Killed after the first manifest, before the list was saved.
    let incr = label("20260101-000000F_20260101-120000I");
    memory.remove(&layout::manifest(&stanza(), &incr)).unwrap();
    // Killed while a directory was removed.
    write_all(
        &memory,
        &StoragePath::new("backup/demo/20251231-000000F/x"),
        &WriteOptions::default(),
        b"x",
    )
    .unwrap();
    expire(Arc::new(memory.clone()), &["--repo1-retention-full=3"]).unwrap();
    let names = names(&memory);
    assert!(
        !names
            .iter()
            .any(|name| name.contains(incr.as_str()) || name.contains("20251231")),
        "{names:?}"
    );
    assert_eq!(
        BackupInfo::load(&memory, &stanza(), None)
            .unwrap()
            .entries()
            .len(),
        5
    );
}

#[test]
fn nothing_goes_if_the_oldest_backup_left_has_bad_pages() {
    let memory = repository(2, 0);
    let mut info = BackupInfo::load(&memory, &stanza(), None).unwrap();
    let mut entry = info.find(&label("20260102-000000F")).unwrap().clone();
    entry.error = Some(true);
    info.add(entry);
    info.save(&memory, &stanza(), None).unwrap();
    let before = names(&memory);
    let error = expire(Arc::new(memory.clone()), &["--repo1-retention-full=1"]).unwrap_err();
    assert_eq!(error.code, ErrorCode::Checksum);
    assert_eq!(names(&memory), before);
    expire(
        Arc::new(memory.clone()),
        &["--repo1-retention-full=1", "--no-checksum-page-error"],
    )
    .unwrap();
    assert!(!names(&memory).iter().any(|name| name.contains("20260101")));
}

#[test]
fn the_last_full_backup_cannot_be_named() {
    let memory = repository(1, 0);
    let error = expire(Arc::new(memory), &["--set=20260101-000000F"]).unwrap_err();
    assert_eq!(error.code, ErrorCode::BackupSetInvalid);
}

#[test]
fn a_slow_line_costs_no_round_trip_a_file() {
    let memory = repository(25, 5000);
    let slow = Latency::new(Arc::new(memory.clone()), LatencySettings::default());
    expire(Arc::new(slow.clone()), &["--repo1-retention-full=1"]).unwrap();
    assert!(
        !names(&memory)
            .iter()
            .any(|name| name.contains(&format!("{}-", segment(2499))))
    );
    assert!(
        slow.serial_round_trips() < 150,
        "{} round trips",
        slow.serial_round_trips()
    );
}

fn labels(memory: &MemoryStorage) -> Vec<String> {
    let info = BackupInfo::load(memory, &stanza(), None).unwrap();
    let labels = info.entries().iter().map(|entry| entry.label.to_string());
    labels.collect()
}

#[test]
fn a_locked_backup_stays_listed_and_whole_with_what_it_depends_on() {
    let memory = repository(4, 430);
    let bucket = memory.as_bucket();
    // The incr of the second set is locked, the full it rests on not any more.
    let locked = label("20260102-000000F_20260102-120000I");
    let until = KeptUntil::Time(NOW + 86_400);
    memory.lock(&layout::manifest(&stanza(), &locked), until);
    let before = names(&memory);
    expire(Arc::new(bucket.clone()), &["--repo1-retention-full=1"]).unwrap();
    assert_eq!(
        labels(&memory),
        [
            "20260102-000000F",
            locked.as_str(),
            "20260104-000000F",
            "20260104-000000F_20260104-120000I"
        ]
    );
    let after = names(&memory);
    let of = |names: &[String]| -> Vec<String> {
        let own = names.iter().filter(|name| name.contains("20260102"));
        own.cloned().collect()
    };
    assert_eq!(of(&after), of(&before), "nothing of it is missing");
    assert!(
        !after.iter().any(|name| name.contains("20260103")),
        "{after:?}"
    );
    let wal = |number| {
        let wanted = format!("{}-", segment(number));
        after.iter().any(|name| name.contains(&wanted))
    };
    assert!(wal(200) && wal(201), "WAL that it needs to be consistent");
    assert!(!wal(199) && !wal(202) && !wal(399) && wal(400));

    // A dry run and the backup named by the user look at locks too.
    let read_only = Arc::new(ReadOnly::new(Arc::new(bucket.clone())));
    expire(read_only, &["--repo1-retention-full=1", "--dry-run"]).unwrap();
    expire(Arc::new(bucket.clone()), &["--set=20260102-000000F"]).unwrap();
    assert_eq!(labels(&memory).len(), 4);

    // The lock's time has come.
    memory.unlock(&layout::manifest(&stanza(), &locked));
    expire(Arc::new(bucket), &["--repo1-retention-full=1"]).unwrap();
    assert_eq!(labels(&memory).len(), 2);
    assert!(!names(&memory).iter().any(|name| name.contains("20260102")));
}

#[test]
fn what_is_kept_for_a_lock_is_told_at_the_end() {
    let memory = repository(2, 0);
    let bucket = memory.as_bucket();
    let full = label("20260101-000000F");
    memory.lock(&layout::manifest(&stanza(), &full), KeptUntil::Hold);
    let context = context(&["--repo1-retention-full=1"]);
    let settings = Settings::from(&context).unwrap();
    let removed = Removed::default();
    let repository = Repository {
        elsewhere: None,
        key: 1,
        storage: Arc::new(bucket),
        pass: None,
    };
    let retention = Retention::of(&context.config, 1);
    Expire::new(&context, &settings, &repository, retention, &removed)
        .run(&mut false, true)
        .unwrap();
    assert_eq!(labels(&memory).len(), 4);
    assert_eq!(removed.text(), None);
    assert_eq!(
        removed.kept().as_deref(),
        Some("2 expired backups kept, still locked")
    );
}
