//! What a backup takes from the one before it.

use super::*;

#[test]
fn unchanged_files_become_references() {
    let prior = finished(&[
        ("pg_data/same", 10, 50),
        ("pg_data/touched", 10, 50),
        ("pg_data/grown", 10, 50),
        ("pg_data/z", 0, 1),
    ]);
    let mut next = built(&[
        ("pg_data/same", 10, 50),
        ("pg_data/touched", 10, 60),
        ("pg_data/grown", 20, 60),
        ("pg_data/new", 5, 60),
        ("pg_data/z", 0, 2),
    ]);
    assert_eq!(next.start_copy(false, 100, CompressType::Gz), None);
    assert_eq!(
        next.increment(prior.clone(), BackupType::Incr, None)
            .unwrap(),
        Vec::<String>::new()
    );
    next.set_label(label(INCR));
    let file = |name: &str| next.file(name.as_bytes()).unwrap();
    let reference = |name: &str| file(name).reference_label().map(|label| label.to_string());
    assert_eq!(
        (
            file("pg_data/same").copy,
            reference("pg_data/same").as_deref()
        ),
        (false, Some(FULL))
    );
    assert_eq!(
        (
            file("pg_data/same").repo_size,
            file("pg_data/same").checksum.is_some()
        ),
        (5, true)
    );
    // Same size but another time: copied, and only stored if its checksum turns out to differ.
    assert_eq!(
        (
            file("pg_data/touched").copy,
            reference("pg_data/touched").as_deref()
        ),
        (true, Some(FULL))
    );
    assert_eq!(file("pg_data/touched").timestamp, 60);
    assert_eq!(
        (file("pg_data/grown").copy, reference("pg_data/grown")),
        (true, None)
    );
    assert_eq!(
        (file("pg_data/new").copy, reference("pg_data/new")),
        (true, None)
    );
    assert_eq!(
        (file("pg_data/z").copy, reference("pg_data/z").as_deref()),
        (false, Some(FULL))
    );
    assert_eq!(next.references, [label(FULL), label(INCR)]);
    assert_eq!(next.backup.prior, Some(label(FULL)));
}

#[test]
fn a_file_that_changed_while_a_standby_was_copied_is_not_taken_for_unchanged() {
    let mut prior = finished(&[
        ("pg_data/before", 10, 50),
        ("pg_data/meanwhile", 10, 90),
        ("pg_data/meanwhile_grown", 10, 90),
    ]);
    prior.options.online = true;
    prior.backup.timestamp_start = 90;
    let refer = |standby: bool| {
        let mut prior = prior.clone();
        prior.options.backup_standby = Some(standby);
        let mut next = built(&[
            ("pg_data/before", 10, 50),
            ("pg_data/meanwhile", 10, 90),
            ("pg_data/meanwhile_grown", 20, 95),
        ]);
        next.options.online = true;
        next.start_copy(false, 100, CompressType::Gz);
        next.increment(prior, BackupType::Incr, None).unwrap();
        let file = |name: &str| {
            let file = next.file(name.as_bytes()).unwrap();
            (file.copy, file.delta)
        };
        [
            file("pg_data/before"),
            file("pg_data/meanwhile"),
            file("pg_data/meanwhile_grown"),
        ]
    };
    assert_eq!(
        refer(false),
        [(false, false), (false, false), (true, false)]
    );
    assert_eq!(refer(true), [(false, false), (true, true), (true, false)]);
}

#[test]
fn a_file_with_blocks_keeps_its_blocks_unless_it_shrank_below_one() {
    let mut prior = finished(&[("pg_data/a", 100_000, 50), ("pg_data/b", 100_000, 50)]);
    let blocks = Some(BlockFile {
        size: 16_384,
        checksum_size: 7,
        map_size: 55,
    });
    for at in 0..2 {
        let mut data = prior.file_at(at).data;
        data.block = blocks;
        prior.update_file_at(at, &data);
    }
    let mut next = built(&[("pg_data/a", 200_000, 60), ("pg_data/b", 9_000, 60)]);
    next.start_copy(false, 100, CompressType::Gz);
    next.increment(prior.clone(), BackupType::Incr, None)
        .unwrap();
    let a = next.file(b"pg_data/a").unwrap();
    assert_eq!(
        (a.size, a.size_original, a.block, a.copy),
        (100_000, 200_000, blocks, true)
    );
    let b = next.file(b"pg_data/b").unwrap();
    assert_eq!((b.size, b.block, b.reference), (9_000, None, None));
}

#[test]
fn doubtful_times_turn_delta_on_with_pgbackrests_warning() {
    let prior = finished(&[("pg_data/a", 10, 50)]);
    let warn = |files: &[(&str, u64, i64)]| {
        let mut next = built(files);
        next.start_copy(false, 100, CompressType::Gz);
        let warnings = next
            .increment(prior.clone(), BackupType::Incr, None)
            .unwrap();
        assert_eq!(next.options.delta, Some(!warnings.is_empty()));
        (warnings.join("|"), next)
    };
    let (warning, next) = warn(&[("pg_data/a", 10, 40)]);
    assert_eq!(
        warning,
        "file 'a' has timestamp earlier than prior backup (prior 50, current 40), enabling delta checksum"
    );
    assert!(next.file(b"pg_data/a").unwrap().delta);
    let (warning, _) = warn(&[("pg_data/a", 11, 50)]);
    assert_eq!(
        warning,
        "file 'a' has same timestamp (50) as prior but different size (prior 10, current 11), enabling delta checksum"
    );
    let mut next = built(&[("pg_data/a", 10, 101)]);
    assert_eq!(
        next.start_copy(false, 100, CompressType::Gz).unwrap(),
        "file 'a' has timestamp (101) in the future (relative to copy start 100), enabling delta checksum"
    );
    assert_eq!(next.options.delta, Some(true));
}

#[test]
fn a_timeline_switch_and_a_change_of_online_are_warned_of_even_with_delta() {
    let mut prior = finished(&[("pg_data/a", 10, 50)]);
    prior.backup.archive_stop = Some("000000010000000000000005".to_owned());
    let warnings = |start: Option<&str>, online: bool| {
        let mut next = built(&[("pg_data/a", 10, 50)]);
        next.options.online = online;
        next.start_copy(true, 100, CompressType::Gz);
        next.increment(prior.clone(), BackupType::Incr, start)
            .unwrap()
    };
    assert!(warnings(Some("000000010000000000000006"), false).is_empty());
    assert_eq!(
        warnings(Some("000000020000000000000006"), true),
        [format!(
            "a timeline switch has occurred since the {FULL} backup, enabling delta checksum\nHINT: this is normal after \
             restoring from backup or promoting a standby."
        )]
    );
    assert_eq!(
        warnings(None, true),
        [format!(
            "the online option has changed since the {FULL} backup, enabling delta checksum"
        )]
    );
}

#[test]
fn a_prior_without_checksums_is_refused() {
    let mut prior = built(&[("pg_data/a", 10, 50)]);
    prior.set_label(label(FULL));
    let mut next = built(&[("pg_data/a", 10, 50)]);
    next.start_copy(false, 100, CompressType::Gz);
    assert_eq!(
        next.increment(prior.clone(), BackupType::Incr, None)
            .unwrap_err()
            .kind,
        ErrorType::Format
    );
}
