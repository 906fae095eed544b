use pgkeep_pipeline::block::size_map::BlockRules;
use pgkeep_postgres::PgVersion;
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::{Paths, Storage, StoragePath, SymbolicLinks};

use super::*;
use crate::error::ErrorType;
use crate::manifest::{PageCheck, TargetKind};

const TABLESPACE_DIR: &str = "PG_17_202406281";

fn settings() -> BuildSettings {
    BuildSettings {
        pg_path: b"/pg".to_vec(),
        version: PgVersion::V17,
        catalog_version: 202_406_281,
        control_version: 1700,
        timestamp_start: 1_700_000_000,
        online: true,
        checksum_page: true,
        bundle: false,
        block: None,
        exclude: Vec::new(),
        tablespaces: None,
    }
}

/// Files (a slash at the end makes a directory) below `/`.
fn storage(names: &[&str]) -> MemoryStorage {
    let storage = MemoryStorage::new();
    storage
        .create_path(&StoragePath::from("pg"), 0o700)
        .unwrap();
    for name in names {
        add(&storage, name, 10);
    }
    storage
}

fn add(storage: &MemoryStorage, name: &str, size: usize) {
    use std::io::Write;
    if name.ends_with('/') {
        storage
            .create_path(&StoragePath::from(name), 0o700)
            .unwrap();
        return;
    }
    let mut write = storage
        .open_write(
            &StoragePath::from(name),
            &pgkeep_storage::WriteOptions::default(),
        )
        .unwrap();
    write.write_all(&vec![7; size]).unwrap();
    write.finish().unwrap().wait().unwrap();
}

fn link(storage: &MemoryStorage, name: &str, destination: &str) {
    storage
        .link(&StoragePath::from(name), destination.as_bytes())
        .unwrap();
}

fn files(built: &Built) -> Vec<String> {
    built
        .manifest
        .files()
        .map(|file| file.name.to_string())
        .collect()
}

fn paths(built: &Built) -> Vec<String> {
    built
        .manifest
        .paths()
        .iter()
        .map(|path| String::from_utf8(path.name.clone()).unwrap())
        .collect()
}

fn refused(storage: &MemoryStorage) -> (ErrorType, String) {
    let error = build(storage, &settings()).unwrap_err();
    (error.kind, error.text())
}

#[test]
fn what_a_server_makes_anew_stays_out() {
    let storage = storage(&[
        "pg/PG_VERSION",
        "pg/postmaster.pid",
        "pg/backup_label",
        "pg/standby.signal",
        "pg/pg_replslot/slot/state",
        "pg/pg_wal/000000010000000000000001",
        "pg/pg_wal/archive_status/x.ready",
        "pg/pg_wal/summaries/y",
        "pg/base/1/1259",
        "pg/base/1/pg_internal.init",
        "pg/base/1/t3_16400",
        "pg/base/pgsql_tmp/x",
        "pg/global/pg_control",
        "pg/base/1/16390",
        "pg/base/1/16390.1",
        "pg/base/1/16390_fsm",
        "pg/base/1/16390_init",
        "pg/base/1/163901",
    ]);
    let built = build(&storage, &settings()).unwrap();
    assert_eq!(
        files(&built),
        [
            "pg_data/PG_VERSION",
            "pg_data/base/1/1259",
            "pg_data/base/1/163901",
            "pg_data/base/1/16390_init",
            "pg_data/global/pg_control",
            "pg_data/pg_wal/summaries/y",
        ]
    );
    assert_eq!(
        paths(&built),
        [
            "pg_data",
            "pg_data/base",
            "pg_data/base/1",
            "pg_data/global",
            "pg_data/pg_replslot",
            "pg_data/pg_wal",
            "pg_data/pg_wal/archive_status",
            "pg_data/pg_wal/summaries",
        ]
    );
    let page_check = |name: &[u8]| built.manifest.file(name).unwrap().data.page_check;
    assert_eq!(page_check(b"pg_data/base/1/1259"), PageCheck::Valid);
    assert_eq!(page_check(b"pg_data/global/pg_control"), PageCheck::None);
    assert_eq!(page_check(b"pg_data/PG_VERSION"), PageCheck::None);
}

#[test]
fn offline_the_wal_comes_along() {
    let storage = storage(&[
        "pg/pg_wal/000000010000000000000001",
        "pg/pg_wal/archive_status/x.ready",
    ]);
    let built = build(
        &storage,
        &BuildSettings {
            online: false,
            ..settings()
        },
    )
    .unwrap();
    assert_eq!(
        files(&built),
        [
            "pg_data/pg_wal/000000010000000000000001",
            "pg_data/pg_wal/archive_status/x.ready"
        ]
    );
}

#[test]
fn tablespaces_are_walked_under_their_own_name() {
    let storage = storage(&[
        "pg/PG_VERSION",
        "pg/pg_tblspc/",
        &format!("ts/{TABLESPACE_DIR}/5/16400"),
        "ts/PG_16_1/5/1",
        "ts/junk",
    ]);
    link(&storage, "pg/pg_tblspc/16384", "/ts");
    let tablespaces = Some(vec![TablespaceName {
        oid: 16_384,
        name: b"space".to_vec(),
    }]);
    let built = build(
        &storage,
        &BuildSettings {
            tablespaces,
            ..settings()
        },
    )
    .unwrap();
    let file = format!("pg_tblspc/16384/{TABLESPACE_DIR}/5/16400");
    assert_eq!(files(&built), ["pg_data/PG_VERSION", &file]);
    assert_eq!(
        built
            .manifest
            .file(file.as_bytes())
            .unwrap()
            .data
            .page_check,
        PageCheck::Valid
    );
    assert!(paths(&built).ends_with(&[
        "pg_data/pg_tblspc".to_owned(),
        "pg_tblspc".to_owned(),
        "pg_tblspc/16384".to_owned(),
        format!("pg_tblspc/16384/{TABLESPACE_DIR}"),
        format!("pg_tblspc/16384/{TABLESPACE_DIR}/5"),
    ]));
    let target = built.manifest.target(b"pg_tblspc/16384").unwrap();
    assert_eq!(
        target.kind,
        TargetKind::Tablespace {
            oid: 16_384,
            name: b"space".to_vec()
        }
    );
    assert_eq!(
        built
            .manifest
            .link(b"pg_data/pg_tblspc/16384")
            .unwrap()
            .destination,
        b"/ts"
    );
}

#[test]
fn a_tablespace_that_the_cluster_does_not_know_is_refused_and_offline_gets_a_name() {
    let storage = storage(&["pg/pg_tblspc/", &format!("ts/{TABLESPACE_DIR}/5/16400")]);
    link(&storage, "pg/pg_tblspc/16384", "../../ts");
    let built = build(&storage, &settings()).unwrap();
    let target = built.manifest.target(b"pg_tblspc/16384").unwrap();
    assert_eq!(
        target.kind,
        TargetKind::Tablespace {
            oid: 16_384,
            name: b"ts16384".to_vec()
        }
    );
    assert_eq!(built.manifest.target_path(target), b"/ts");
    let error = build(
        &storage,
        &BuildSettings {
            tablespaces: Some(Vec::new()),
            ..settings()
        },
    )
    .unwrap_err();
    assert_eq!(error.kind, ErrorType::Assert);
}

#[test]
fn links_to_directories_and_files_are_followed_under_their_own_name() {
    let storage = storage(&[
        "conf/sub/a",
        "other/b.conf",
        "waldir/000000010000000000000001",
        "waldir/sub/x",
    ]);
    link(&storage, "pg/conf", "/conf");
    link(&storage, "pg/b.conf", "../other/b.conf");
    link(&storage, "pg/pg_wal", "/waldir");
    let built = build(&storage, &settings()).unwrap();
    assert_eq!(
        files(&built),
        [
            "pg_data/b.conf",
            "pg_data/conf/sub/a",
            "pg_data/pg_wal/sub/x"
        ]
    );
    assert_eq!(
        paths(&built),
        [
            "pg_data",
            "pg_data/conf",
            "pg_data/conf/sub",
            "pg_data/pg_wal",
            "pg_data/pg_wal/sub"
        ]
    );
    let target = built.manifest.target(b"pg_data/b.conf").unwrap();
    assert_eq!(
        (target.path.as_slice(), target.file()),
        (&b"../other"[..], Some(&b"b.conf"[..]))
    );
}

#[test]
fn bad_links_are_refused_with_pgbackrests_message() {
    let base = || storage(&["pg/base/x", "a/b/f", "a/g"]);
    let tree = base();
    link(&tree, "pg/inside", "base");
    assert_eq!(
        refused(&tree),
        (
            ErrorType::LinkDestination,
            "link 'inside' destination '/pg/base' is in PGDATA".to_owned()
        )
    );
    let tree = base();
    link(&tree, "pg/one", "/a/b");
    link(&tree, "pg/two", "/a/b");
    assert_eq!(
        refused(&tree).1,
        "link 'two' (/a/b) destination is the same directory as link 'one' (/a/b)"
    );
    let tree = base();
    link(&tree, "pg/one", "/a");
    link(&tree, "pg/two", "/a/b");
    assert_eq!(
        refused(&tree).1,
        "link 'two' (/a/b) destination is a subdirectory of link 'one' (/a)"
    );
    let tree = base();
    link(&tree, "pg/one", "/a/b");
    link(&tree, "pg/two", "/a");
    assert_eq!(
        refused(&tree).1,
        "link 'one' (/a/b) destination is a subdirectory of link 'two' (/a)"
    );
    let tree = base();
    link(&tree, "pg/one", "/a/g");
    link(&tree, "pg/two", "/a/g");
    assert_eq!(
        refused(&tree).1,
        "link 'two' (/a/g) destination is the same file as link 'one' (/a/g)"
    );
    let tree = base();
    link(&tree, "chain", "/a");
    link(&tree, "pg/one", "/chain");
    assert_eq!(
        refused(&tree).1,
        "link '/pg/one' cannot reference another link '/chain'"
    );
    let tree = base();
    link(&tree, "pg/one", "/nowhere");
    assert!(
        refused(&tree)
            .1
            .starts_with("unable to get info for missing path/file")
    );
}

#[test]
fn several_files_of_one_directory_may_be_linked_and_a_directory_beside_them() {
    let tree = storage(&["a/b/f", "a/g", "a/h"]);
    link(&tree, "pg/one", "/a/g");
    link(&tree, "pg/two", "/a/h");
    link(&tree, "pg/three", "/a/b");
    let built = build(&tree, &settings()).unwrap();
    assert_eq!(
        files(&built),
        ["pg_data/one", "pg_data/three/f", "pg_data/two"]
    );
    check_links(&built.manifest).unwrap();
}

#[test]
fn the_directory_of_tablespaces_holds_only_links() {
    for name in ["pg/pg_tblspc/1/x", "pg/pg_tblspc/1"] {
        let (kind, text) = refused(&storage(&[name]));
        assert_eq!(kind, ErrorType::LinkExpected);
        assert_eq!(
            text,
            "'pg_data/pg_tblspc/1' is not a symlink - pg_tblspc should contain only symlinks"
        );
    }
}

#[test]
fn exclusions_are_exact_and_logged() {
    let storage = storage(&["pg/a", "pg/ab", "pg/dir/x", "pg/whole/y"]);
    let exclude = vec![b"a".to_vec(), b"dir/".to_vec(), b"whole".to_vec()];
    let built = build(
        &storage,
        &BuildSettings {
            exclude,
            ..settings()
        },
    )
    .unwrap();
    assert_eq!(files(&built), ["pg_data/ab"]);
    assert_eq!(paths(&built), ["pg_data", "pg_data/dir"]);
    assert_eq!(
        built.notices,
        [
            Notice::Info("exclude '/pg/a' from backup using 'a' exclusion".to_owned()),
            Notice::Info(
                "exclude contents of '/pg/dir' from backup using 'dir/' exclusion".to_owned()
            ),
            Notice::Info("exclude '/pg/whole' from backup using 'whole' exclusion".to_owned()),
        ]
    );
}

#[test]
fn empty_files_are_not_copied_into_bundles_and_large_ones_get_blocks() {
    let storage = storage(&[]);
    add(&storage, "pg/empty", 0);
    add(&storage, "pg/large", 20_000);
    let plain = build(&storage, &settings()).unwrap().manifest;
    assert!(plain.file(b"pg_data/empty").unwrap().copy);
    let built = build(
        &storage,
        &BuildSettings {
            bundle: true,
            block: Some(BlockRules::default()),
            ..settings()
        },
    )
    .unwrap();
    let empty = built.manifest.file(b"pg_data/empty").unwrap();
    assert!(!empty.copy && empty.checksum.is_some());
    assert_eq!(
        built
            .manifest
            .file(b"pg_data/large")
            .unwrap()
            .block
            .unwrap()
            .size,
        8192
    );
    assert!(built.manifest.backup.bundle_raw);
}

#[test]
fn a_missing_data_directory_is_an_error() {
    let error = build(&MemoryStorage::new(), &settings()).unwrap_err();
    assert!(error.is_missing());
}
