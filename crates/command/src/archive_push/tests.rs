//! Pushing into storages in memory and directories made for a test; the binary with real clusters is tested elsewhere.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pgkeep_pipeline::{CompressType, Sha1Digest};
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::{ArchiveId, Stanza, layout};
use pgkeep_storage::ErrorKind;
use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::wrap::faulty::{Fault, FaultPlan, Faulty, FaultySettings};
use pgkeep_testkit::data_dir::DataDirBuilder;

use super::repositories::{Identity, Target};
use super::segment::compress::{CachedSegment, compression};
use super::segment::duplicate::{self, Content, Presence, check_content};
use super::segment::store::{ArchiveWrite, write_to_all};
use super::*;
use crate::hosts::Repository;
use crate::run::cancel::Cancel;

pub(super) const SEGMENT: &str = "000000010000000000000001";

pub(super) fn settings() -> Settings {
    Settings {
        stanza: Stanza::new("demo").unwrap(),
        pg_key: 1,
        pg_path_set: true,
        asynchronous: false,
        spool_path: String::new(),
        timeout: Duration::from_secs(1),
        timeout_text: "1".to_owned(),
        header_check: true,
        mode_check: true,
        version_force: None,
        compress: CompressType::Gz,
        level: 6,
        buffer_size: 65536,
        queue_max: None,
        batch_size: 1 << 30,
        workers: 1,
        async_log: PathBuf::new(),
    }
}

pub(super) fn target(key: u32, pass: Option<&str>) -> (Target, MemoryStorage) {
    let storage = MemoryStorage::new();
    let repository = Repository {
        elsewhere: None,
        key,
        storage: Arc::new(storage.clone()),
        pass: None,
    };
    let target = Target {
        told: None,
        repository,
        archive_id: ArchiveId::new("17", 1),
        pass: pass.map(Into::into),
    };
    (target, storage)
}

pub(super) fn identity(system_id: u64) -> Identity {
    Identity {
        version: "17".to_owned(),
        system_id,
    }
}

/// A segment of a made-up cluster.
#[allow(clippy::disallowed_methods)] // files for the test
pub(super) fn segment(dir: &tempfile::TempDir) -> (WalFile, Vec<u8>) {
    let bytes = DataDirBuilder::new("17")
        .unwrap()
        .system_id(7)
        .wal_segment_size(1 << 20)
        .wal_segment(9);
    let path = dir.path().join(SEGMENT);
    std::fs::write(&path, &bytes).unwrap();
    (WalFile::new(&path), bytes)
}

#[test]
fn a_segment_is_stored_compressed_under_its_checksum_and_encrypted_where_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (file, bytes) = segment(&dir);
    let (settings, cached) = (settings(), CachedSegment::default());
    let checksum = cached
        .checksum(&file, &settings, &identity(7), &Cancel::default())
        .unwrap();
    assert_eq!(checksum, Sha1Digest::of(&bytes));
    let chunks = cached
        .compressed(&settings, &Cancel::default())
        .unwrap()
        .unwrap();
    let name = file.stored_name(Some(checksum), settings.compress);
    assert_eq!(name, format!("{SEGMENT}-{checksum}.gz"));
    let ((plain, plain_storage), (secret, secret_storage)) =
        (target(1, None), target(2, Some("pass")));
    let writes =
        [&plain, &secret].map(|target| ArchiveWrite::open(&settings, target, &name).unwrap());
    let mut input = chunks.iter().cloned().map(Ok);
    let errors = write_to_all(writes.into(), &mut input, &Cancel::default()).unwrap();
    assert!(errors.is_empty());
    let path = layout::archive_file(&settings.stanza, &plain.archive_id, &name);
    let stored = |storage: &MemoryStorage| read_all(storage, &path, 1 << 24).unwrap().unwrap();
    let joined: Vec<u8> = chunks
        .iter()
        .flat_map(|chunk| chunk.iter().copied())
        .collect();
    assert_eq!(stored(&plain_storage), joined);
    assert!(stored(&secret_storage).starts_with(b"Salted__"));
}

#[test]
fn a_segment_of_another_cluster_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (file, _) = segment(&dir);
    let error = CachedSegment::default()
        .checksum(&file, &settings(), &identity(8), &Cancel::default())
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::ArchiveMismatch);
    assert!(
        error
            .message
            .ends_with("version 17, system-id 7 do not match stanza version 17, system-id 8")
    );
    let lenient = Settings {
        header_check: false,
        ..settings()
    };
    CachedSegment::default()
        .checksum(&file, &lenient, &identity(8), &Cancel::default())
        .unwrap();
}

#[test]
fn an_identical_duplicate_is_a_warning_and_a_different_one_an_error() {
    let (target, _) = target(2, None);
    let checksum = Sha1Digest::of(b"x");
    let compare = |stored: Option<&str>, settings: &Settings| {
        let stored = stored.map(|checksum| {
            StoredSegment::parse(&format!("{SEGMENT}-{checksum}.gz")).expect("a stored name")
        });
        duplicate::compare(settings, &target, SEGMENT, stored.as_ref(), checksum)
    };
    assert_eq!(compare(None, &settings()).unwrap(), Presence::Missing);
    let same = checksum.to_string();
    let Presence::Same(Some(warning)) = compare(Some(&same), &settings()).unwrap() else {
        panic!("it is the same")
    };
    assert!(warning.starts_with(&format!(
        "WAL file '{SEGMENT}' already exists in the repo2 archive with the same checksum\nHINT: "
    )));
    let quiet = Settings {
        mode_check: false,
        ..settings()
    };
    assert_eq!(compare(Some(&same), &quiet).unwrap(), Presence::Same(None));
    let other = Sha1Digest::of(b"y").to_string();
    let error = compare(Some(&other), &settings()).unwrap_err();
    assert_eq!(error.code, ErrorCode::ArchiveDuplicate);
    assert!(error.hints.is_empty());
}

#[test]
fn a_different_duplicate_that_nobody_here_can_remove_has_a_hint() {
    let (mut target, storage) = target(2, None);
    target.repository.storage = Arc::new(storage.as_only_adding());
    let stored = format!("{SEGMENT}-{}.gz", Sha1Digest::of(b"y"));
    let found = StoredSegment::parse(&stored);
    let checksum = Sha1Digest::of(b"x");
    let error = duplicate::compare(&settings(), &target, SEGMENT, found.as_ref(), checksum);
    let error = error.unwrap_err();
    assert_eq!(error.code, ErrorCode::ArchiveDuplicate);
    let room = format!(
        "repo-rm --repo=2 archive/demo/17-1/{}/{stored}",
        &SEGMENT[..16]
    );
    assert!(error.hints[1].ends_with(&room), "{error:?}");
}

#[test]
fn only_bytes_that_have_the_checksum_of_the_name_count_as_stored() {
    let dir = tempfile::tempdir().unwrap();
    let (file, bytes) = segment(&dir);
    let cancel = Cancel::default();
    for pass in [None, Some("pass")] {
        for compress in [
            CompressType::None,
            CompressType::Gz,
            CompressType::Lz4,
            CompressType::Zst,
            CompressType::Bz2,
        ] {
            let settings = Settings {
                compress,
                level: 1,
                ..settings()
            };
            let (target, storage) = target(1, pass);
            let name = file.stored_name(Some(Sha1Digest::of(&bytes)), compress);
            let stored = StoredSegment::parse(&name).unwrap();
            let mut write = ArchiveWrite::open(&settings, &target, &name).unwrap();
            let mut running = compression(&settings);
            let mut out = Vec::new();
            running.push(&bytes, &mut out).unwrap();
            running.finish(&mut out).unwrap();
            write.push(&out).unwrap();
            write.finish().unwrap().wait().unwrap();
            let content = || check_content(&settings, &target, &stored, &cancel).unwrap();
            assert_eq!(content(), Content::Intact, "{name}");
            let path = layout::archive_file(&settings.stanza, &target.archive_id, &name);
            let whole = read_all(&storage, &path, 1 << 24).unwrap().unwrap();
            for damaged in [
                Vec::new(),
                whole[..whole.len() / 2].to_vec(),
                whole[..whole.len() - 1].to_vec(),
                [
                    &whole[..whole.len() / 2],
                    &vec![7; whole.len() - whole.len() / 2],
                ]
                .concat(),
            ] {
                write_all(&storage, &path, &Default::default(), &damaged).unwrap();
                assert!(matches!(content(), Content::Damaged(_)), "{name}");
            }
        }
    }
    // A new one of another compression would stand beside it.
    let (target, _) = target(1, None);
    let stored = StoredSegment::parse(&format!("{SEGMENT}-{}.lz4", Sha1Digest::of(b"x"))).unwrap();
    let error = duplicate::replaced_warning(&settings(), &target, &stored, "cut").unwrap_err();
    assert_eq!(error.code, ErrorCode::Checksum);
}

#[test]
fn a_repository_that_fails_leaves_the_others_their_file() {
    let settings = settings();
    let mut failures = 0;
    for at in 1.. {
        let (good, storage) = target(1, None);
        let (mut bad, broken) = target(2, None);
        let plan = FaultPlan::new(FaultySettings {
            at,
            fault: Fault::Error(ErrorKind::Broken),
        });
        bad.repository.storage = Arc::new(Faulty::new(Arc::new(broken.clone()), Arc::clone(&plan)));
        let name = "00000002.history";
        let path = layout::archive_file(&settings.stanza, &good.archive_id, name);
        let opened = [&good, &bad].map(|target| ArchiveWrite::open(&settings, target, name));
        let mut failed = usize::from(opened[1].is_err());
        let writes = opened.into_iter().filter_map(Result::ok).collect();
        let mut chunks = [Ok(Arc::new(b"1\t0/5000000\n".to_vec()))].into_iter();
        let errors = write_to_all(writes, &mut chunks, &Cancel::default()).unwrap();
        assert!(
            errors.iter().all(|error| error.starts_with("repo2: [")),
            "{errors:?}"
        );
        failed += errors.len();
        let stored = |storage: &MemoryStorage| read_all(storage, &path, 100).unwrap();
        assert_eq!(stored(&storage).unwrap(), b"1\t0/5000000\n");
        // Without an error the file is there; after one it may be (its last step may have failed).
        assert!(failed > 0 || stored(&broken).is_some(), "operation {at}");
        failures += failed;
        if plan.operations() < at {
            break;
        }
    }
    assert!(failures >= 2, "opening and publishing can fail at least");
}

/// A WAL directory in which these files are ready, with this content.
#[allow(clippy::disallowed_methods)] // files for the test
fn ready(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let status = dir.path().join("archive_status");
    std::fs::create_dir_all(&status).unwrap();
    for (name, content) in files {
        std::fs::write(dir.path().join(name), content).unwrap();
        std::fs::write(status.join(format!("{name}.ready")), "").unwrap();
    }
    let ready = queue::ready_list(dir.path()).unwrap();
    (dir, ready)
}

const MIB: u64 = 1 << 20;

#[test]
#[allow(clippy::disallowed_methods)] // files for the test
fn the_queue_is_what_postgresql_will_hand_over_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let error = queue::ready_list(dir.path()).unwrap_err();
    assert_eq!(error.code, ErrorCode::PathMissing);
    let files: [(&str, &[u8]); 5] = [
        (SEGMENT, b""),
        ("00000002.history", b""),
        ("000000010000000000000000.partial", b""),
        ("000000010000000000000001.00000028.backup", b""),
        ("000000010000000000000001 (copy)", b""),
    ];
    let (dir, found) = ready(&files);
    let done = dir
        .path()
        .join("archive_status/000000010000000000000009.done");
    std::fs::write(done, "").unwrap();
    assert_eq!(queue::ready_list(dir.path()).unwrap(), found);
    assert_eq!(
        found,
        [
            "000000010000000000000000.partial",
            SEGMENT,
            "000000010000000000000001.00000028.backup",
            "00000002.history",
        ]
    );
    assert_eq!(
        queue::drop_warning(SEGMENT, 1 << 30),
        format!("dropped WAL file '{SEGMENT}' because archive queue exceeded 1GB")
    );
}

#[test]
fn after_a_promotion_the_queue_is_not_measured_by_a_history_file() {
    let segment = DataDirBuilder::new("17")
        .unwrap()
        .wal_segment_size(1 << 20)
        .wal_segment(1);
    let (dir, found) = ready(&[
        ("00000002.history", b"1\t0/5000000\n"),
        ("000000020000000000000005", &segment),
        ("000000020000000000000006", &segment),
        ("000000020000000000000007", &segment),
    ]);
    assert_eq!(found[0], "00000002.history");
    let size = queue::segment_size(None, None, dir.path(), &found);
    assert_eq!(size, Some(MIB), "as the header says");
    assert!(!queue::exceeds(dir.path(), &found, size, 3 * MIB + 12).unwrap());
    assert!(queue::exceeds(dir.path(), &found, size, 3 * MIB + 11).unwrap());
    assert!(queue::exceeds(dir.path(), &found, size, 2 * MIB).unwrap());
}

#[test]
fn the_size_of_a_segment_comes_from_the_control_file_or_a_header_and_never_from_a_damaged_segment()
{
    let segment = DataDirBuilder::new("17")
        .unwrap()
        .wal_segment_size(4 << 20)
        .wal_segment(1);
    // What a crash can leave: nothing, zeros, a part.
    let (dir, found) = ready(&[
        ("000000010000000000000001", b""),
        ("000000010000000000000002", &[0; 8192]),
        ("000000010000000000000003", &segment[..8192]),
        ("000000010000000000000004.partial", &segment),
    ]);
    let size = |control| queue::segment_size(control, None, dir.path(), &found);
    assert_eq!(size(Some(1 << 24)), Some(16 * MIB));
    assert_eq!(size(None), Some(4 * MIB));
    assert!(queue::exceeds(dir.path(), &found, size(None), 16 * MIB - 1).unwrap());
    assert!(!queue::exceeds(dir.path(), &found, size(None), 16 * MIB).unwrap());
    // Nothing says it: then it is what the disk holds.
    let none = queue::segment_size(None, None, dir.path(), &found[..2]);
    assert_eq!(none, None);
    assert!(queue::exceeds(dir.path(), &found[..2], none, 8191).unwrap());
    assert!(!queue::exceeds(dir.path(), &found[..2], none, 8192).unwrap());
}

#[test]
fn a_batch_is_as_many_segments_as_were_asked_for_whatever_lies_between() {
    let all = [
        "000000010000000000000004.partial",
        "00000002.history",
        "000000020000000000000004",
        "000000020000000000000004.00000028.backup",
        "000000020000000000000005",
        "000000020000000000000006",
    ];
    for (most, kept) in [(1, 2), (2, 4), (3, 5), (4, 6), (9, 6)] {
        let mut names: Vec<String> = all.map(str::to_owned).into();
        queue::truncate(&mut names, most);
        assert_eq!(names, all[..kept], "{most} segments");
    }
}
