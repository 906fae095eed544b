//! Backups that end early: what they leave, and what the next run makes of it.

use pgkeep_repo::info_file::PROGRAM_VERSION;
use pgkeep_storage::Paths;
use pgkeep_storage::wrap::latency::{Latency, LatencySettings};

use super::*;

/// A full backup that is stopped after its second job.
pub(super) fn aborted(options: &[&str]) -> (Fixture, BackupLabel) {
    let fixture = Fixture::new(cluster(), options);
    let mut jobs = 0;
    let cancel = crate::run::cancel::Cancel::default();
    let stop = cancel.clone();
    let moments = Moments::at_advance(move || {
        jobs += 1;
        if jobs == 2 {
            stop.cancel(15);
        }
    });
    let mut context = fixture.context(&["--no-online", "--type=full"], moments);
    context.cancel = cancel;
    let settings = Settings::from(&context).unwrap();
    let error = make(&context, &settings, &fixture.repository, Source::open).unwrap_err();
    assert_eq!(error.code, ErrorCode::Term);
    assert!(fixture.info().entries().is_empty());
    let label = list_sets(&fixture.memory, &fixture.stanza())
        .unwrap()
        .pop()
        .unwrap();
    let exists = |path| {
        fixture
            .memory
            .info(&path, InfoLevel::Exists)
            .unwrap()
            .is_some()
    };
    assert!(!exists(layout::manifest(&fixture.stanza(), &label)));
    assert!(exists(layout::manifest_copy(&fixture.stanza(), &label)));
    (fixture, label)
}

pub(super) fn partial(fixture: &Fixture, label: &BackupLabel) -> Manifest {
    let path = layout::manifest_copy(&fixture.stanza(), label);
    Manifest::load_file(&fixture.memory, &path, fixture.info().cipher_pass.as_ref()).unwrap()
}

/// Names and places of the files that the aborted backup knows as stored.
pub(super) fn kept(fixture: &Fixture, manifest: &Manifest) -> Vec<(String, StoragePath)> {
    manifest
        .files()
        .filter(|file| file.checksum.is_some() && file.size > 0 && file.bundle.is_none())
        .map(|file| {
            (
                file.name.to_string(),
                manifest.stored_path(&fixture.stanza(), &file).unwrap(),
            )
        })
        .collect()
}

#[test]
fn an_aborted_full_backup_is_resumed_with_what_it_stored() {
    for options in [
        vec!["--compress-type=none"],
        vec!["--compress-type=zst", "--repo1-cipher-type=aes-256-cbc"],
    ] {
        let (fixture, label) = aborted(&options);
        let kept = kept(&fixture, &partial(&fixture, &label));
        assert!(!kept.is_empty());
        // A file that is stored again gets the present time.
        fixture.memory.set_now(NOW);
        fixture.backup(&["--type=full"]).unwrap();
        assert_eq!(fixture.newest(), label);
        fixture.check(&label);
        for (name, path) in kept {
            let stored = fixture
                .memory
                .info(&path, InfoLevel::Basic)
                .unwrap()
                .unwrap();
            assert!(stored.modified < NOW, "{name} was stored again");
        }
    }
}

#[test]
fn a_damaged_file_of_an_aborted_backup_is_stored_again() {
    let (fixture, label) = aborted(&[]);
    let (_, path) = kept(&fixture, &partial(&fixture, &label)).remove(0);
    pgkeep_storage::copy::write_all(&fixture.memory, &path, &Default::default(), b"damaged")
        .unwrap();
    fixture.backup(&["--type=full"]).unwrap();
    assert_eq!(fixture.newest(), label);
    fixture.check(&label);
}

#[test]
fn delta_keeps_resumed_files_only_if_the_cluster_still_has_them_so() {
    let (fixture, label) = aborted(&["--compress-type=none"]);
    let (name, _) = kept(&fixture, &partial(&fixture, &label)).remove(0);
    let below = name.strip_prefix("pg_data/").unwrap();
    let size = partial(&fixture, &label)
        .file(name.as_bytes())
        .unwrap()
        .size as usize;
    fixture.write(below, &vec![9; size], OLD);
    fixture.backup(&["--type=full", "--delta"]).unwrap();
    let manifest = fixture.check(&label);
    assert_eq!(fixture.content(&manifest, &name), vec![9; size]);
}

#[test]
fn what_cannot_be_resumed_is_removed() {
    for more in [
        vec!["--type=full", "--no-resume"],
        vec!["--type=full", "--compress-type=lz4"],
    ] {
        let (fixture, _) = aborted(&[]);
        fixture.backup(&more).unwrap();
        // The directory of the old one is gone; the new one may have got its name.
        let sets = list_sets(&fixture.memory, &fixture.stanza()).unwrap();
        assert_eq!(sets, [fixture.newest()]);
        fixture.check(&fixture.newest());
    }
}

#[test]
fn a_set_of_another_program_is_resumed_only_where_the_formats_agree() {
    for (version, resumed) in [("2.60.0", true), ("2.45", false), ("pgkeep 99.0", false)] {
        let (fixture, label) = aborted(&["--compress-type=none"]);
        let kept = kept(&fixture, &partial(&fixture, &label));
        let path = layout::manifest_copy(&fixture.stanza(), &label);
        let text = pgkeep_storage::copy::read_all(&fixture.memory, &path, 1 << 20)
            .unwrap()
            .unwrap();
        let mut manifest = Manifest::parse(&mut &text[..]).unwrap();
        manifest.version = version.to_owned();
        let mut text = Vec::new();
        manifest.write(&mut text, version).unwrap();
        pgkeep_storage::copy::write_all(&fixture.memory, &path, &Default::default(), &text)
            .unwrap();
        fixture.memory.set_now(NOW);
        fixture.backup(&["--type=full"]).unwrap();
        let found = fixture
            .memory
            .info(&kept[0].1, InfoLevel::Basic)
            .unwrap()
            .unwrap();
        assert_eq!(found.modified < NOW, resumed, "{version}");
        assert_eq!(fixture.check(&fixture.newest()).version, PROGRAM_VERSION);
    }
}

#[test]
fn a_diff_removes_what_an_aborted_full_left() {
    let fixture = Fixture::new(cluster(), &[]);
    fixture.backup(&["--type=full"]).unwrap();
    let full = fixture.newest();
    let left = layout::backup_path(&fixture.stanza()).join("20270115-090000F");
    fixture.memory.create_path(&left, 0o750).unwrap();
    fixture.write("base/1/3000", b"new", OLD + 1);
    fixture.backup(&["--type=diff"]).unwrap();
    assert!(
        fixture
            .memory
            .info(&left, InfoLevel::Exists)
            .unwrap()
            .is_none()
    );
    assert_eq!(fixture.check(&fixture.newest()).backup.prior, Some(full));
}

#[test]
fn what_is_of_no_use_goes_in_few_round_trips() {
    let (mut fixture, label) = aborted(&["--compress-type=none"]);
    let set = layout::set_path(&fixture.stanza(), &label);
    let store = |name: &str| {
        let path = set.join(name.as_bytes());
        pgkeep_storage::copy::write_all(&fixture.memory, &path, &Default::default(), b"x").unwrap();
        path
    };
    // Of files and directories that the cluster has no more.
    let stray: Vec<_> = (0..500)
        .map(|number| store(&format!("pg_data/base/1/{}", 90_000 + number)))
        .chain((0..100).map(|number| store(&format!("pg_data/base/77/{number}/file"))))
        .collect();
    let slow = Latency::new(
        Arc::new(fixture.memory.as_bucket()),
        LatencySettings::default(),
    );
    fixture.repository.storage = Arc::new(slow.clone());
    fixture.backup(&["--type=full"]).unwrap();
    assert_eq!(fixture.newest(), label);
    fixture.check(&label);
    let found = fixture.memory.info_many(&stray, InfoLevel::Exists).unwrap();
    assert!(found.iter().all(Option::is_none));
    assert!(
        slow.serial_round_trips() < 120,
        "{} round trips",
        slow.serial_round_trips()
    );
}
