//! Full backups of made-up clusters: every layout, compression and cipher.

use pgkeep_repo::BackupType;
use pgkeep_repo::manifest::{PageCheck, PageRange};
use pgkeep_storage::wrap::latency::{Latency, LatencySettings};

use super::*;

#[test]
fn a_full_backup_holds_every_file_in_every_form() {
    for compress in compress_options() {
        for options in [
            vec![compress.as_str()],
            vec![compress.as_str(), "--repo1-bundle"],
            vec![
                compress.as_str(),
                "--repo1-bundle",
                "--repo1-block",
                "--repo1-cipher-type=aes-256-cbc",
            ],
        ] {
            let fixture = Fixture::new(cluster(), &options);
            fixture.backup(&["--type=full", "--process-max=2"]).unwrap();
            let label = fixture.newest();
            let manifest = fixture.check(&label);
            assert_eq!(label.backup_type(), BackupType::Full);
            assert_eq!(own_files(&manifest).len(), manifest.file_count());
            assert_eq!(
                manifest.file(b"pg_data/base/1/1259").unwrap().size,
                12 * 8192
            );
            assert!(
                manifest
                    .file(b"pg_data/pg_wal/000000010000000000000001")
                    .is_some(),
                "offline: WAL is included"
            );
            let entry = fixture.info().entries()[0].clone();
            assert_eq!(
                (entry.error, entry.archive_start, entry.option_online),
                (Some(false), None, false)
            );
        }
    }
}

#[test]
fn files_of_a_full_backup_without_bundles_lie_as_in_the_cluster() {
    let fixture = Fixture::new(cluster(), &["--compress-type=none"]);
    fixture.backup(&["--type=full"]).unwrap();
    let set = layout::set_path(&fixture.stanza(), &fixture.newest());
    let stored = |name: &str| {
        fixture
            .memory
            .info(&set.join(name), InfoLevel::Basic)
            .unwrap()
    };
    assert_eq!(stored("pg_data/base/1/2620").unwrap().size, 0);
    assert_eq!(
        stored("pg_data/pg_notify").unwrap().kind,
        FileType::Path,
        "empty directories exist"
    );
    assert_eq!(stored("pg_data/global/pg_control").unwrap().size, 8192);
}

#[test]
fn bundles_hold_small_files_and_no_empty_ones() {
    let options = [
        "--compress-type=none",
        "--repo1-bundle",
        "--repo1-bundle-limit=64KiB",
        "--repo1-bundle-size=1MiB",
    ];
    let fixture = Fixture::new(cluster(), &options);
    fixture.backup(&["--type=full"]).unwrap();
    let manifest = fixture.check(&fixture.newest());
    let bundle = |name: &str| {
        manifest
            .file(name.as_bytes())
            .unwrap()
            .bundle
            .map(|slice| slice.id)
    };
    assert_eq!(bundle("pg_data/base/1/1247"), Some(1));
    assert_eq!(bundle("pg_data/base/1/2619"), None, "above the limit");
    assert_eq!(bundle("pg_data/base/1/2620"), None, "empty");
    let mut offsets: Vec<(u64, u64)> = manifest
        .files()
        .filter_map(|file| file.bundle.map(|slice| (slice.offset, file.repo_size)))
        .collect();
    offsets.sort_unstable();
    let gapless = offsets
        .windows(2)
        .all(|pair| pair[0].0 + pair[0].1 == pair[1].0);
    assert!(gapless && offsets[0].0 == 0, "{offsets:?}");
}

#[test]
fn bad_pages_are_recorded_and_do_not_end_the_backup() {
    let fixture = Fixture::new(cluster(), &["--checksum-page"]);
    let path = StoragePath::from("base/1/2619");
    let mut bytes = pgkeep_storage::copy::read_all(&*fixture.pg(), &path, 1 << 20)
        .unwrap()
        .unwrap();
    for page in [3, 4, 9] {
        bytes[page * 8192 + 5000] ^= 1;
    }
    fixture.write("base/1/2619", &bytes, OLD);
    bytes.truncate(8192 + 100);
    fixture.write("base/1/1247", &bytes, OLD);
    fixture.backup(&["--type=full"]).unwrap();
    let manifest = fixture.check(&fixture.newest());
    let page_check = |name: &str| manifest.file(name.as_bytes()).unwrap().data.page_check;
    let range = |first, last| PageRange { first, last };
    assert_eq!(
        page_check("pg_data/base/1/2619"),
        PageCheck::Invalid(Some([range(3, 4), range(9, 9)].into_iter().collect()))
    );
    assert_eq!(page_check("pg_data/base/1/1247"), PageCheck::Invalid(None));
    assert_eq!(page_check("pg_data/base/1/1259"), PageCheck::Valid);
    assert_eq!(page_check("pg_data/PG_VERSION"), PageCheck::None);
    assert_eq!(fixture.info().entries()[0].error, Some(true));
}

#[test]
fn files_that_vanish_shrink_or_grow_meanwhile_are_taken_as_they_are() {
    let options = ["--compress-type=lz4", "--repo1-bundle"];
    let fixture = Fixture::new(cluster(), &options);
    let pg = fixture.pg();
    let moments = Moments::at_begin(move || {
        let path = |name: &str| StoragePath::from(name);
        pg.remove(&path("base/1/1259")).unwrap();
        let write = |name: &str, content: &[u8]| {
            pgkeep_storage::copy::write_all(&*pg, &path(name), &Default::default(), content)
                .unwrap();
        };
        write("base/1/1247", b"");
        write("base/1/an = odd \"name\"", b"odd, but longer");
        write("base/1/2619", &[1; 100]);
    });
    fixture.backup_with(&["--type=full"], moments).unwrap();
    let manifest = fixture.check(&fixture.newest());
    assert!(manifest.file(b"pg_data/base/1/1259").is_none());
    let truncated = manifest.file(b"pg_data/base/1/1247").unwrap();
    assert_eq!(
        (truncated.size, truncated.bundle, truncated.reference),
        (0, None, None)
    );
    assert_eq!(
        fixture.content(&manifest, "pg_data/base/1/an = odd \"name\""),
        b"odd"
    );
    let shrunk = manifest.file(b"pg_data/base/1/2619").unwrap();
    assert_eq!((shrunk.size, shrunk.size_original), (100, 40 * 8192));
}

#[test]
fn a_file_that_may_not_vanish_ends_the_backup() {
    let fixture = Fixture::new(cluster(), &[]);
    let pg = fixture.pg();
    let moments = Moments::at_begin(move || {
        pg.remove(&StoragePath::from("postgresql.conf")).unwrap();
    });
    let error = fixture.backup_with(&["--type=full"], moments).unwrap_err();
    assert_eq!(error.code, ErrorCode::FileMissing);
    assert!(
        error.message.starts_with("unable to open missing file '"),
        "{}",
        error.message
    );
    assert!(fixture.info().entries().is_empty());
}

#[test]
fn exclusions_and_annotations_reach_the_manifest() {
    let fixture = Fixture::new(cluster().file("junk/a", b"x".to_vec()), &[]);
    fixture
        .backup(&[
            "--type=full",
            "--exclude=junk/",
            "--exclude=base/1/1259",
            "--annotation=why=test",
        ])
        .unwrap();
    let manifest = fixture.check(&fixture.newest());
    assert!(manifest.path(b"pg_data/junk").is_some() && manifest.file(b"pg_data/junk/a").is_none());
    assert!(manifest.file(b"pg_data/base/1/1259").is_none());
    assert_eq!(
        manifest.annotations.get(&b"why"[..]).map(Vec::as_slice),
        Some(&b"test"[..])
    );
}

#[test]
fn a_cluster_of_another_stanza_is_refused() {
    let fixture = Fixture::new(cluster(), &[]);
    fixture.write(
        "global/pg_control",
        &cluster().system_id(8).pg_control(),
        OLD,
    );
    let error = fixture.backup(&["--type=full"]).unwrap_err();
    assert_eq!(error.code, ErrorCode::BackupMismatch);
    assert!(
        error
            .message
            .contains("system-id 8 do not match stanza version 17"),
        "{}",
        error.message
    );
}

#[test]
fn a_running_server_forbids_an_offline_backup_unless_forced() {
    let fixture = Fixture::new(cluster().file("postmaster.pid", b"1".to_vec()), &[]);
    assert_eq!(
        fixture.backup(&["--type=full"]).unwrap_err().code,
        ErrorCode::PgRunning
    );
    fixture.backup(&["--type=full", "--force"]).unwrap();
    assert!(
        fixture
            .check(&fixture.newest())
            .file(b"pg_data/postmaster.pid")
            .is_none()
    );
}

#[test]
fn a_thousand_small_files_take_under_four_seconds_at_fifty_milliseconds_a_round_trip() {
    let mut builder = DataDirBuilder::new("17").unwrap();
    for number in 0..1000 {
        builder = builder.file(
            format!("base/1/{}", 20_000 + number),
            vec![number as u8; 300],
        );
    }
    let mut fixture = Fixture::new(builder, &["--compress-type=zst", "--process-max=1"]);
    let slow = Latency::new(Arc::new(fixture.memory.clone()), LatencySettings::default());
    fixture.repository.storage = Arc::new(slow.clone());
    fixture.backup(&["--type=full"]).unwrap();
    assert!(
        slow.elapsed().as_secs_f64() < 4.0,
        "{:?}, {} round trips",
        slow.elapsed(),
        slow.serial_round_trips()
    );
    assert!(slow.requests() > 1000, "the network was used");
    fixture.check(&fixture.newest());
}

#[test]
fn a_backup_needs_no_directories_and_no_links_of_its_repository() {
    let mut fixture = Fixture::new(cluster(), &["--compress-type=none"]);
    fixture.repository.storage = Arc::new(fixture.memory.as_bucket());
    fixture.backup(&["--type=full"]).unwrap();
    fixture.write("base/1/1259", &[1; 8192], OLD + 5);
    fixture
        .backup(&["--type=incr", "--repo1-hardlink"])
        .unwrap();
    fixture.check(&fixture.newest());
}
