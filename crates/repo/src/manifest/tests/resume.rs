//! What a backup takes from a run that was broken off.

use super::*;

#[test]
fn files_are_resumed_only_when_nothing_speaks_against_it() {
    let resumed = finished(&[
        ("pg_data/a", 10, 50),
        ("pg_data/b", 10, 50),
        ("pg_data/c", 10, 50),
        ("pg_data/z", 0, 50),
    ]);
    let mut next = built(&[
        ("pg_data/a", 10, 50),
        ("pg_data/b", 11, 50),
        ("pg_data/c", 10, 51),
        ("pg_data/n", 1, 1),
        ("pg_data/z", 0, 50),
    ]);
    let mut decide = |stored: &str, delta| {
        next.resume_file(&resumed, stored.as_bytes(), CompressType::Gz, delta, None)
    };
    assert_eq!(decide("pg_data/a.gz", false), ResumedFile::Keep);
    assert_eq!(
        decide("pg_data/a", false),
        ResumedFile::Remove("mismatched compression type")
    );
    assert_eq!(
        decide("pg_data/b.gz", false),
        ResumedFile::Remove("mismatched size")
    );
    assert_eq!(
        decide("pg_data/c.gz", false),
        ResumedFile::Remove("mismatched timestamp")
    );
    assert_eq!(decide("pg_data/c.gz", true), ResumedFile::Keep);
    assert_eq!(
        decide("pg_data/n.gz", false),
        ResumedFile::Remove("missing in resumed manifest")
    );
    assert_eq!(
        decide("pg_data/gone.gz", false),
        ResumedFile::Remove("missing in manifest")
    );
    assert_eq!(
        decide("pg_data/z.gz", false),
        ResumedFile::Remove("zero size")
    );
    let a = next.file(b"pg_data/a").unwrap();
    assert_eq!(
        (a.resume, a.repo_size, a.checksum.is_some()),
        (true, 5, true)
    );
}

#[test]
fn files_that_changed_while_a_standby_was_copied_are_resumed_by_their_checksum() {
    let files = [("pg_data/a", 10, 50), ("pg_data/b", 10, 90)];
    let mut resumed = finished(&files);
    resumed.options.online = true;
    resumed.backup.timestamp_start = 90;
    let mut next = built(&files);
    let mut by_checksum = |standby: Option<bool>, name: &str| {
        resumed.options.backup_standby = standby;
        let stored = format!("{name}.gz");
        let kept = next.resume_file(&resumed, stored.as_bytes(), CompressType::Gz, false, None);
        assert_eq!(kept, ResumedFile::Keep);
        next.file(name.as_bytes()).unwrap().data.delta
    };
    // pgBackRest does not say in an aborted backup where its files came from.
    for standby in [Some(true), None] {
        assert!(!by_checksum(standby, "pg_data/a"));
        assert!(by_checksum(standby, "pg_data/b"));
    }
    assert!(!by_checksum(Some(false), "pg_data/b"));
}

#[test]
fn files_are_not_resumed_where_they_are_stored_in_another_way_now() {
    let files = [("pg_data/a", 10, 50), ("pg_data/large", 1000, 50)];
    let resumed = finished(&files);
    let mut next = built(&files);
    let mut decide = |stored: &str, bundle_limit| {
        next.resume_file(
            &resumed,
            stored.as_bytes(),
            CompressType::Gz,
            false,
            bundle_limit,
        )
    };
    let bundled = ResumedFile::Remove("stored in a bundle now");
    assert_eq!(decide("pg_data/a.gz", Some(10)), bundled);
    assert_eq!(decide("pg_data/large.gz", Some(10)), ResumedFile::Keep);
    let without_blocks = ResumedFile::Remove("stored without blocks now");
    assert_eq!(decide("pg_data/a.pgbi", None), without_blocks);
    let mut data = next.file_at(0).data;
    data.block = Some(BlockFile {
        size: 8192,
        checksum_size: 6,
        map_size: 0,
    });
    next.update_file_at(0, &data);
    assert_eq!(
        next.resume_file(
            &resumed,
            b"pg_data/a.pgbi",
            CompressType::Gz,
            false,
            Some(9)
        ),
        ResumedFile::Keep
    );
}

#[test]
fn a_backup_of_another_program_is_not_resumed() {
    let mut resumed = finished(&[]);
    let next = built(&[]);
    assert_eq!(next.resume_obstacle(&resumed, CompressType::None), None);
    assert_eq!(
        next.resume_obstacle(&resumed, CompressType::Gz).unwrap(),
        "new compression 'gz' does not match resumable compression 'none'"
    );
    resumed.version = "2.60.0".to_owned();
    assert!(
        next.resume_obstacle(&resumed, CompressType::None)
            .unwrap()
            .contains("version '2.60.0'")
    );
}
