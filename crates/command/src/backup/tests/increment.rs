//! Differential and incremental backups: what is copied, referenced and promoted.

use pgkeep_repo::BackupType;

use super::*;

/// Changes the 2nd page of a relation at a time.
fn change(fixture: &Fixture, name: &str, time: i64) {
    let mut bytes =
        pgkeep_storage::copy::read_all(&*fixture.pg(), &StoragePath::from(name), 1 << 24)
            .unwrap()
            .unwrap();
    bytes[8192 + 6000] ^= 0x55;
    fixture.write(name, &bytes, time);
}

#[test]
fn an_incr_without_a_prior_backup_becomes_full() {
    let fixture = Fixture::new(cluster(), &[]);
    fixture.backup(&["--type=incr"]).unwrap();
    let manifest = fixture.check(&fixture.newest());
    assert_eq!(manifest.backup.backup_type, BackupType::Full);
    assert_eq!(manifest.backup.prior, None);
}

#[test]
fn an_incr_stores_what_changed_and_refers_to_the_rest() {
    for options in [
        vec!["--compress-type=none"],
        vec![
            "--compress-type=gz",
            "--repo1-bundle",
            "--repo1-cipher-type=aes-256-cbc",
        ],
    ] {
        let fixture = Fixture::new(cluster(), &options);
        fixture.backup(&["--type=full"]).unwrap();
        let full = fixture.newest();
        change(&fixture, "base/1/1259", OLD + 10);
        fixture.write("base/1/3000", b"new", OLD + 10);
        fixture.backup(&["--type=incr"]).unwrap();
        let incr = fixture.newest();
        let manifest = fixture.check(&incr);
        assert_eq!(manifest.references, [full.clone(), incr.clone()]);
        let mut own = own_files(&manifest);
        own.retain(|name| manifest.file(name.as_bytes()).unwrap().size > 0);
        assert_eq!(own, ["pg_data/base/1/1259", "pg_data/base/1/3000"]);
        let entry = fixture.info().find(&incr).unwrap().clone();
        assert_eq!(
            (entry.prior, entry.references),
            (Some(full.clone()), Some(vec![full.clone()]))
        );

        // A diff builds on the full, not on the incr.
        fixture.backup(&["--type=diff"]).unwrap();
        let diff = fixture.check(&fixture.newest());
        assert_eq!(
            (diff.backup.prior.as_ref(), diff.references.len()),
            (Some(&full), 2)
        );
        assert!(
            diff.file(b"pg_data/base/1/3000")
                .unwrap()
                .reference
                .is_none()
        );
    }
}

#[test]
fn a_block_incr_stores_only_changed_blocks_over_a_chain() {
    for options in [
        vec!["--compress-type=none", "--repo1-bundle", "--repo1-block"],
        vec![
            "--compress-type=zst",
            "--repo1-bundle",
            "--repo1-block",
            "--repo1-cipher-type=aes-256-cbc",
        ],
        vec![
            "--compress-type=lz4",
            "--repo1-bundle",
            "--repo1-block",
            "--repo1-bundle-limit=64KiB",
        ],
    ] {
        let fixture = Fixture::new(cluster(), &options);
        fixture.age("base/1/2619", NOW - 5);
        fixture.age("base/1/1259", NOW - 5);
        fixture.backup(&["--type=full"]).unwrap();
        let full = fixture.check(&fixture.newest());
        let whole = full.file(b"pg_data/base/1/2619").unwrap();
        assert!(whole.block_map_size() > 0);
        for round in 0..3 {
            change(&fixture, "base/1/2619", NOW - 4 + round);
            fixture.backup(&["--type=incr"]).unwrap();
            let manifest = fixture.check(&fixture.newest());
            let file = manifest.file(b"pg_data/base/1/2619").unwrap();
            assert!(file.reference.is_none() && file.block_map_size() > 0);
            assert!(
                file.repo_size < whole.repo_size / 2 + 600,
                "{} of {}",
                file.repo_size,
                whole.repo_size
            );
        }
        // Touched but not changed: nothing is stored and the file stays where it was.
        fixture.age("base/1/2619", NOW + 3);
        change(&fixture, "base/1/1259", NOW + 3);
        let before = fixture.newest();
        fixture.backup(&["--type=incr", "--delta"]).unwrap();
        let manifest = fixture.check(&fixture.newest());
        let file = manifest.file(b"pg_data/base/1/2619").unwrap();
        assert_eq!(file.reference_label(), Some(&before));
    }
}

#[test]
fn a_touched_file_is_not_stored_again() {
    for more in [vec![], vec!["--delta"]] {
        let fixture = Fixture::new(cluster(), &[]);
        fixture.backup(&["--type=full"]).unwrap();
        fixture.age("base/1/1259", OLD + 5);
        change(&fixture, "base/1/1247", OLD + 5);
        let options: Vec<&str> = std::iter::once("--type=incr").chain(more).collect();
        fixture.backup(&options).unwrap();
        assert_eq!(
            own_files(&fixture.check(&fixture.newest())),
            ["pg_data/base/1/1247"]
        );
    }
}

#[test]
fn delta_sees_a_change_that_left_time_and_size() {
    let fixture = Fixture::new(cluster(), &[]);
    fixture.backup(&["--type=full"]).unwrap();
    change(&fixture, "base/1/1259", OLD);
    fixture.backup(&["--type=incr", "--delta"]).unwrap();
    let manifest = fixture.check(&fixture.newest());
    assert_eq!(own_files(&manifest), ["pg_data/base/1/1259"]);
    assert_eq!(manifest.options.delta, Some(true));
}

#[test]
fn an_older_time_switches_delta_on() {
    let fixture = Fixture::new(cluster(), &[]);
    fixture.backup(&["--type=full"]).unwrap();
    change(&fixture, "base/1/1259", OLD);
    change(&fixture, "base/1/1247", OLD - 100);
    fixture.backup(&["--type=incr"]).unwrap();
    let manifest = fixture.check(&fixture.newest());
    assert_eq!(
        own_files(&manifest),
        ["pg_data/base/1/1247", "pg_data/base/1/1259"]
    );
    assert_eq!(manifest.options.delta, Some(true));
}

#[test]
fn nothing_changed_is_an_error_offline() {
    let fixture = Fixture::new(cluster(), &[]);
    fixture.backup(&["--type=full"]).unwrap();
    let error = fixture.backup(&["--type=incr"]).unwrap_err();
    assert_eq!(error.code, ErrorCode::FileMissing);
    assert_eq!(
        error.message,
        "no files have changed since the last backup - this seems unlikely"
    );
}

#[test]
fn compression_and_page_checks_stay_those_of_the_full() {
    let fixture = Fixture::new(cluster(), &[]);
    fixture
        .backup(&[
            "--type=full",
            "--compress-type=lz4",
            "--compress-level=4",
            "--checksum-page",
        ])
        .unwrap();
    change(&fixture, "base/1/1259", OLD + 5);
    fixture
        .backup(&["--type=incr", "--compress-type=zst", "--no-checksum-page"])
        .unwrap();
    let manifest = fixture.check(&fixture.newest());
    assert_eq!(manifest.options.compress_type, CompressType::Lz4);
    assert_eq!(
        (
            manifest.options.compress_level,
            manifest.options.checksum_page
        ),
        (Some(4), Some(true))
    );
}

#[test]
fn hard_links_complete_an_incr() {
    let fixture = Fixture::new(cluster(), &["--repo1-hardlink", "--compress-type=none"]);
    fixture.backup(&["--type=full"]).unwrap();
    change(&fixture, "base/1/1259", OLD + 5);
    fixture.backup(&["--type=incr"]).unwrap();
    let label = fixture.newest();
    let manifest = fixture.check(&label);
    for file in manifest.files() {
        let path = layout::set_path(&fixture.stanza(), &label).join(file.name.to_vec());
        assert_eq!(
            fixture
                .memory
                .info(&path, InfoLevel::Basic)
                .unwrap()
                .unwrap()
                .size,
            file.size,
            "{}",
            file.name
        );
    }
}

#[test]
fn a_second_backup_in_one_second_takes_the_next() {
    let fixture = Fixture::new(cluster(), &[]);
    fixture.backup(&["--type=full"]).unwrap();
    fixture.backup(&["--type=full"]).unwrap();
    let labels: Vec<BackupLabel> = fixture
        .info()
        .entries()
        .iter()
        .map(|entry| entry.label.clone())
        .collect();
    assert_eq!(labels[0].as_str(), "20270115-080000F");
    assert_eq!(labels[1].as_str(), "20270115-080001F");
}
