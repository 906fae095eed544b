use super::*;
use proptest::prelude::*;

fn rules(version: PgVersion, online: bool) -> Rules {
    Rules::new(version, 202_406_281, online)
}

#[test]
fn directories_that_a_server_makes_anew_are_kept_empty() {
    let rules = rules(PgVersion::V17, true);
    for name in EMPTIED {
        assert!(rules.keeps_directory_empty(PG_DATA, name));
        assert!(!rules.keeps_directory_empty(b"pg_data/base", name));
    }
    for name in [
        "base",
        "global",
        "pg_wal",
        "pg_stat",
        "pg_logical",
        "pg_xact",
        "pg_twophase",
    ] {
        assert!(
            !rules.keeps_directory_empty(PG_DATA, name.as_bytes()),
            "{name}"
        );
    }
}

#[test]
fn wal_is_left_to_the_archive_only_online() {
    for (version, wal) in [
        (PgVersion::V17, "pg_data/pg_wal"),
        (PgVersion::V9_6, "pg_data/pg_xlog"),
    ] {
        for online in [true, false] {
            let rules = rules(version, online);
            let wal = wal.as_bytes();
            assert_eq!(
                rules.skips_file(wal, b"000000010000000000000001", false),
                online
            );
            assert_eq!(rules.keeps_directory_empty(wal, b"archive_status"), online);
            assert!(!rules.keeps_directory_empty(wal, b"summaries"));
            assert!(!rules.skips_file(&[wal, b"/summaries"].concat(), b"x.summary", false));
        }
    }
    assert!(!rules(PgVersion::V17, true).skips_file(b"pg_data/pg_xlog", b"x", false));
}

#[test]
fn files_of_the_root_are_skipped_by_version() {
    let all: Vec<&str> = SKIPPED
        .iter()
        .map(|(name, ..)| std::str::from_utf8(name).unwrap())
        .collect();
    let skipped = |version: PgVersion| -> Vec<&str> {
        let rules = rules(version, true);
        all.iter()
            .copied()
            .filter(|name| rules.skips_file(PG_DATA, name.as_bytes(), false))
            .collect()
    };
    let always = [
        "postgresql.auto.conf.tmp",
        "backup_label",
        "backup_label.old",
        "postmaster.opts",
        "postmaster.pid",
    ];
    for (version, more) in [
        (PgVersion::V11, &["recovery.conf", "recovery.done"][..]),
        (PgVersion::V12, &["recovery.signal", "standby.signal"]),
        (
            PgVersion::V13,
            &[
                "recovery.signal",
                "standby.signal",
                "backup_manifest",
                "backup_manifest.tmp",
            ],
        ),
        (
            PgVersion::V18,
            &[
                "recovery.signal",
                "standby.signal",
                "backup_manifest",
                "backup_manifest.tmp",
            ],
        ),
    ] {
        let (mut found, mut expected) = (skipped(version), [&always[..], more].concat());
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{version}");
    }
    let rules = rules(PgVersion::V17, true);
    for name in [
        "tablespace_map",
        "postgresql.auto.conf",
        "postgresql.conf",
        "PG_VERSION",
        "backup_label.older",
    ] {
        assert!(!rules.skips_file(PG_DATA, name.as_bytes(), false), "{name}");
    }
    assert!(!rules.skips_file(b"pg_data/extra", b"postmaster.pid", false));
}

#[test]
fn database_directories_are_recognised_in_base_and_tablespaces() {
    let rules = rules(PgVersion::V17, true);
    for path in [
        "pg_data/global",
        "pg_data/base/1",
        "pg_data/base/16384",
        "pg_tblspc/16400/PG_17_202406281/5",
    ] {
        assert!(rules.is_database_dir(path.as_bytes()), "{path}");
    }
    for path in [
        "pg_data",
        "pg_data/base",
        "pg_data/base/",
        "pg_data/base/1/2",
        "pg_data/base/1x",
        "pg_data/global/1",
        "pg_tblspc/16400/PG_16_202307071/5",
        "pg_tblspc/16400/PG_17_202406281",
        "pg_tblspc/x/PG_17_202406281/5",
        "pg_tblspc/1/PG_17_202406281/5/6",
        "",
    ] {
        assert!(!rules.is_database_dir(path.as_bytes()), "{path}");
    }
}

#[test]
fn temporary_relations_and_relation_caches_are_skipped_in_database_directories() {
    let rules = rules(PgVersion::V17, false);
    let skips =
        |name: &str, in_database| rules.skips_file(b"pg_data/base/1", name.as_bytes(), in_database);
    for name in [
        "pg_internal.init",
        "pg_internal.init.123",
        "t1_16384",
        "t10_16384_fsm",
        "t1_16384_vm.2",
        "t1_16384.1",
    ] {
        assert!(skips(name, true), "{name}");
        assert!(!skips(name, false), "{name}");
    }
    for name in [
        "pg_internal.init.tmp",
        "pg_internal.initial",
        "t_16384",
        "t1_",
        "t1_16384_init",
        "t1_16384.x",
        "t1_16384_fsm_vm",
        "x1_16384",
        "16384",
        "pg_filenode.map",
    ] {
        assert!(!skips(name, true), "{name}");
    }
}

#[test]
fn temporary_names_begin_with_their_prefix() {
    assert!(
        is_temporary(b"pgsql_tmp")
            && is_temporary(b"pgsql_tmp123.4")
            && is_temporary(b"pgsql_tmp\xFF")
    );
    assert!(!is_temporary(b"pgsql_tm") && !is_temporary(b"a_pgsql_tmp"));
}

#[test]
fn unlogged_relations_are_told_by_their_init_fork() {
    for name in ["16391", "16391.1", "16391_fsm", "16391_vm.12"] {
        assert_eq!(
            unlogged_candidate(name.as_bytes()).as_deref(),
            Some(&b"16391_init"[..]),
            "{name}"
        );
    }
    for name in [
        "16391_init",
        "16391_x",
        "16391.",
        "16391.x",
        "t1_16391",
        "pg_control",
        "",
        "16391é",
    ] {
        assert_eq!(unlogged_candidate(name.as_bytes()), None, "{name}");
    }
}

#[test]
fn relation_files_know_their_first_page() {
    assert_eq!(first_page(b"16391", 8192), 0);
    assert_eq!(first_page(b"pg_data/base/1/16391.1", 8192), 131_072);
    assert_eq!(first_page(b"16391_fsm.3", 32_768), 98_304);
    assert_eq!(first_page(b"16391.2", 1024), 2_097_152);
    assert_eq!(first_page(b"16391.x", 8192), 0);
    assert_eq!(first_page(b"x.99999999999", 8192), 0);
    assert_eq!(first_page(b"x.4294967295", 0), u32::MAX);
}

#[test]
fn page_checksums_are_for_relations_only() {
    let rules = rules(PgVersion::V17, true);
    assert!(rules.has_page_checksums(b"pg_data/base/1/1259"));
    assert!(rules.has_page_checksums(b"pg_data/base/1/pg_control"));
    for path in [
        "pg_data/global/pg_control",
        "pg_data/global/pg_filenode.map",
        "pg_data/base/1/PG_VERSION",
    ] {
        assert!(!rules.has_page_checksums(path.as_bytes()), "{path}");
    }
}

#[test]
fn files_that_replay_brings_back_may_vanish() {
    let new = rules(PgVersion::V17, true);
    for path in [
        "pg_data/base/1/1259",
        "pg_data/global/1260",
        "pg_data/pg_xact/0000",
        "pg_data/pg_multixact/offsets/0000",
        "pg_tblspc/16400/PG_17_202406281/5/16401",
    ] {
        assert!(new.may_vanish(path.as_bytes()), "{path}");
    }
    for path in [
        "pg_data/global/pg_control",
        "pg_data/PG_VERSION",
        "pg_data/pg_clog/0000",
        "pg_data/base",
        "pg_data/baser/1",
    ] {
        assert!(!new.may_vanish(path.as_bytes()), "{path}");
    }
    let old = rules(PgVersion::V9_6, true);
    assert!(old.may_vanish(b"pg_data/pg_clog/0000") && !old.may_vanish(b"pg_data/pg_xact/0000"));
}

#[test]
fn databases_of_the_cluster_itself_are_system_databases() {
    assert!(is_system_database("postgres", 20_000) && is_system_database("template1", 20_000));
    assert!(is_system_database("mine", 16_383) && !is_system_database("mine", 16_384));
    assert!(is_template_database("template0") && !is_template_database("postgres"));
}

proptest! {
    #[test]
    fn arbitrary_names_never_panic(parent in proptest::collection::vec(any::<u8>(), 0..40), name in proptest::collection::vec(any::<u8>(), 0..20)) {
        let rules = rules(PgVersion::V17, true);
        rules.skips_file(&parent, &name, true);
        rules.is_database_dir(&parent);
        rules.may_vanish(&parent);
        unlogged_candidate(&name);
        first_page(&name, 8192);
    }
}
