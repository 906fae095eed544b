//! The queue in a directory of the test.

#![allow(clippy::disallowed_methods)] // states of the spool for the test

use std::path::PathBuf;

use super::*;
use crate::archiving::spool::{Queue, Status};
use pgkeep_repo::Stanza;
use pgkeep_testkit::data_dir::DataDirBuilder;

fn queue_of(dir: &tempfile::TempDir, names: &[&str]) -> Spool {
    let spool = Spool::new(
        dir.path().to_str().unwrap(),
        &Stanza::new("demo").unwrap(),
        Queue::In,
    );
    spool.create().unwrap();
    for name in names {
        let file = std::fs::File::create(path(dir, name)).unwrap();
        if name::is_segment(name) {
            file.set_len(u64::from(MIB16)).unwrap();
        }
    }
    spool
}

const MIB16: u32 = 16 << 20;

fn path(dir: &tempfile::TempDir, name: &str) -> PathBuf {
    dir.path().join("archive/demo/in").join(name)
}

#[test]
fn the_queue_begins_with_what_was_asked_for_and_crosses_the_end_of_a_log() {
    let dir = tempfile::tempdir().unwrap();
    let spool = queue_of(&dir, &[]);
    let wanted = prepare(&spool, "0000000100000001000000FE", false, 48 << 20, MIB16).unwrap();
    assert_eq!(
        wanted,
        [
            "0000000100000001000000FE",
            "0000000100000001000000FF",
            "000000010000000200000000"
        ]
    );
    let wanted = prepare(&spool, "0000000100000001000000FE", true, 0, MIB16).unwrap();
    assert_eq!(
        wanted,
        ["0000000100000001000000FF", "000000010000000200000000"]
    );
}

#[test]
fn what_is_not_wanted_goes_and_what_is_there_is_not_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    let spool = queue_of(
        &dir,
        &[
            "000000010000000100000001",
            "000000010000000100000001.ok",
            "000000010000000100000003",
            "000000010000000100000003.ok",
            "000000010000000100000004.ok",
            "000000010000000100000004.pgbackrest.tmp",
            "global.error",
        ],
    );
    let wanted = prepare(&spool, "000000010000000100000002", false, 48 << 20, MIB16).unwrap();
    assert_eq!(
        wanted,
        ["000000010000000100000002", "000000010000000100000004"]
    );
    assert_eq!(
        spool.names().unwrap(),
        ["000000010000000100000003", "000000010000000100000003.ok"]
    );
    assert_eq!(count(&spool).unwrap(), 1);
}

#[test]
fn a_process_is_past_a_segment_when_its_workers_are_all_at_later_ones() {
    let dir = tempfile::tempdir().unwrap();
    let spool = queue_of(
        &dir,
        &[
            "000000010000000100000002.ok",
            "000000010000000100000003",
            "000000010000000100000004.pgbackrest.tmp",
            "000000010000000100000004.0123456789abcdef0.pgbackrest.tmp",
        ],
    );
    let past = |segment, workers| is_past(&spool, segment, workers).unwrap();
    assert!(past("000000010000000100000001", 2));
    assert!(!past("000000010000000100000001", 3));
    // It is on its way, or there.
    assert!(!past("000000010000000100000003", 1));
    assert!(!past("000000010000000100000004", 0));
}

const SEGMENT: &str = "000000010000000100000003";

/// A way to spoil a segment in the queue.
type Spoil = fn(&std::path::Path, &[u8]);

/// States that a crash of the machine, or somebody's hand, leaves, and whether they are found out by the directory alone.
const SPOILT: [(&str, Spoil, bool); 12] = [
    ("empty", |path, _| std::fs::write(path, "").unwrap(), true),
    (
        "short",
        |path, whole| std::fs::write(path, &whole[..8192]).unwrap(),
        true,
    ),
    (
        "short by a byte",
        |path, whole| std::fs::write(path, &whole[1..]).unwrap(),
        true,
    ),
    (
        "long",
        |path, whole| std::fs::write(path, [whole, b"x"].concat()).unwrap(),
        true,
    ),
    (
        "of another size of segments",
        |path, _| std::fs::write(path, builder().wal_segment_size(2 << 20).wal_segment(1)).unwrap(),
        true,
    ),
    (
        "a directory",
        |path, _| std::fs::create_dir_all(path.join("x/y")).unwrap(),
        true,
    ),
    (
        "a dangling link",
        |path, _| std::os::unix::fs::symlink("/nowhere/at/all", path).unwrap(),
        true,
    ),
    (
        "a link to a whole one",
        |path, whole| {
            let other = path.with_extension("other");
            std::fs::write(&other, whole).unwrap();
            std::os::unix::fs::symlink(other, path).unwrap();
        },
        true,
    ),
    (
        "from before the machine started",
        |path, whole| {
            std::fs::write(path, whole).unwrap();
            let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(BOOT);
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(old).unwrap();
        },
        true,
    ),
    (
        "zeros",
        |path, whole| std::fs::write(path, vec![0; whole.len()]).unwrap(),
        false,
    ),
    (
        "of another cluster",
        |path, _| std::fs::write(path, builder().system_id(8).wal_segment(1)).unwrap(),
        false,
    ),
    (
        "without its first block",
        |path, whole| std::fs::write(path, [&[0; 4096], &whole[4096..]].concat()).unwrap(),
        false,
    ),
];

const BOOT: u64 = 1_700_000_000;

fn builder() -> DataDirBuilder {
    let builder = DataDirBuilder::new("17").unwrap();
    builder.system_id(7).wal_segment_size(1 << 20)
}

#[test]
fn only_a_whole_segment_of_this_cluster_is_handed_over_and_all_else_is_fetched_again() {
    let control = ControlFile::parse(&builder().pg_control(), None).unwrap();
    let whole = builder().wal_segment(9);
    for (state, spoil, seen) in SPOILT {
        for checked in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let spool = queue_of(&dir, &[]).since(BOOT as i64);
            spoil(&path(&dir, SEGMENT), &whole);
            if checked {
                let queued = check(&spool, SEGMENT, &control).unwrap();
                let expected = if seen {
                    Queued::Missing
                } else {
                    Queued::Foreign
                };
                assert_eq!(queued, expected, "{state}");
                assert_eq!(spool.info(SEGMENT).unwrap(), None, "{state}");
            }
            let wanted = prepare(&spool, SEGMENT, false, 0, 1 << 20).unwrap();
            assert_eq!(
                wanted.contains(&SEGMENT.to_owned()),
                checked || seen,
                "{state}"
            );
            if checked || seen {
                assert_eq!(spool.info(SEGMENT).unwrap(), None, "{state}");
                std::fs::write(path(&dir, SEGMENT), &whole).unwrap();
            }
            let queued = check(&spool, SEGMENT, &control).unwrap();
            assert_eq!(queued == Queued::Whole, checked || seen, "{state}");
        }
    }
}

#[test]
fn what_a_segment_is_left_with_is_removed_with_it() {
    let left = ["", ".ok", ".error", ".pgbackrest.tmp"].map(|end| format!("{SEGMENT}{end}"));
    for name in left
        .iter()
        .map(String::as_str)
        .chain(["global.error", "x", "lost+found"])
    {
        let dir = tempfile::tempdir().unwrap();
        let spool = queue_of(&dir, &[]);
        std::fs::create_dir_all(path(&dir, name).join("x")).unwrap();
        assert!(spool.status(SEGMENT).unwrap().is_none(), "{name}");
        let wanted = prepare(&spool, SEGMENT, false, 0, MIB16).unwrap();
        assert_eq!(wanted.len(), 2, "{name}");
        assert!(spool.list().unwrap().is_empty(), "{name}");
        spool.write_ok(SEGMENT, &[]).unwrap();
        assert!(matches!(
            spool.status(SEGMENT).unwrap(),
            Some(Status::Ok { warning: None })
        ));
    }
}
