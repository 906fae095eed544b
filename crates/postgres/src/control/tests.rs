use super::*;
use proptest::prelude::*;

/// A whole control file of one version, made field by field.
fn control(version: PgVersion) -> Vec<u8> {
    let layout = layout::for_version(version).unwrap();
    let mut bytes = vec![0; DATA_SIZE];
    put(&mut bytes, SYSTEM_ID, 0x0605_0403);
    put(&mut bytes, SYSTEM_ID + 4, 0x6999_0201);
    put(&mut bytes, CONTROL_VERSION, layout.control_version);
    put(&mut bytes, CATALOG_VERSION, layout.catalog_version);
    put(&mut bytes, CHECKPOINT, 0x400_0028);
    put(&mut bytes, layout.timeline, 5);
    put(&mut bytes, layout.page_size, 8192);
    put(&mut bytes, layout.wal_segment_size, 1 << 24);
    put(&mut bytes, layout.data_checksum_version, 1);
    let sum = checksum(&bytes[..layout.crc], version);
    put(&mut bytes, layout.crc, sum);
    bytes
}

fn put(bytes: &mut [u8], offset: usize, value: u32) {
    bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
}

fn seal(bytes: &mut [u8], crc: usize) {
    let sum = crc32_iscsi(&bytes[..crc]);
    put(bytes, crc, sum);
}

#[test]
fn crc_is_castagnoli_and_before_9_5_the_servers_own() {
    assert_eq!(checksum(b"123456789", PgVersion::V9_5), 0xE306_9283);
    assert_eq!(
        LEGACY_TABLE[..4],
        [0, 0x7707_3096, 0xEE0E_612C, 0x9909_51BA]
    );
    // One byte by hand: the table's entry for 0xff ^ 'a', over the start value moved up by a byte.
    let entry = LEGACY_TABLE[usize::from(0xff ^ b'a')];
    assert_eq!(checksum(b"a", PgVersion::V9_4), !(entry ^ 0xffff_ff00));
}

#[test]
fn every_version_is_recognised_and_read() {
    for layout in &layout::LAYOUTS {
        let expected = ControlFile {
            version: layout.version,
            system_id: 0x6999_0201_0605_0403,
            control_version: layout.control_version,
            catalog_version: layout.catalog_version,
            checkpoint: Lsn(0x400_0028),
            timeline: TimelineId(5),
            page_size: 8192,
            wal_segment_size: 1 << 24,
            data_checksum_version: 1,
        };
        assert_eq!(
            ControlFile::parse(&control(layout.version), None),
            Ok(expected)
        );
    }
}

#[test]
fn unknown_version_is_refused_unless_forced() {
    let mut bytes = control(PgVersion::V17);
    put(&mut bytes, CATALOG_VERSION, 202_401_011);
    seal(&mut bytes, 288);
    let error = ControlFile::parse(&bytes, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Version);
    assert_eq!(
        error.message(),
        "unexpected control version = 1700 and catalog version = 202401011"
    );
    assert_eq!(
        error.hints(),
        [
            "is this version of PostgreSQL supported?",
            "is pgBackRest up to date on all hosts?"
        ]
    );
    let forced = ControlFile::parse(&bytes, Some(PgVersion::V17)).unwrap();
    assert_eq!(
        (forced.version, forced.catalog_version),
        (PgVersion::V17, 202_401_011)
    );
}

#[test]
fn forced_version_finds_a_later_crc() {
    let mut bytes = control(PgVersion::V15);
    put(&mut bytes, 288, 0x1234_5678);
    seal(&mut bytes, 300);
    assert_eq!(
        ControlFile::parse(&bytes, None).unwrap_err().kind(),
        ErrorKind::Checksum
    );
    assert!(ControlFile::parse(&bytes, Some(PgVersion::V15)).is_ok());
    invalidate_checkpoint(&mut bytes, PgVersion::V15).unwrap();
    assert!(
        ControlFile::parse(&bytes, Some(PgVersion::V15))
            .unwrap()
            .is_checkpoint_invalid()
    );
}

#[test]
fn damage_is_reported_with_both_sums() {
    let mut bytes = control(PgVersion::V15);
    bytes[100] ^= 1;
    let error = ControlFile::parse(&bytes, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Checksum);
    assert_eq!(
        error.message(),
        "calculated pg_control checksum does not match expected value"
    );
    let (calculated, expected) = (crc32_iscsi(&bytes[..288]), field_u32(&bytes, 288));
    assert_eq!(
        error.hints()[0],
        format!("calculated 0x{calculated:x} but expected value is 0x{expected:x}")
    );
    assert_eq!(error.hints().len(), 3);

    let before = bytes.clone();
    assert!(invalidate_checkpoint(&mut bytes, PgVersion::V15).is_err());
    assert_eq!(bytes, before);
    assert_eq!(
        ControlFile::parse(&bytes, Some(PgVersion::V15))
            .unwrap_err()
            .hints()
            .len(),
        4
    );
}

#[test]
fn impossible_sizes_are_refused() {
    let mut bytes = control(PgVersion::V15);
    put(&mut bytes, 228, 3 << 20);
    seal(&mut bytes, 288);
    let error = ControlFile::parse(&bytes, None).unwrap_err();
    assert!(
        error
            .message()
            .starts_with("wal segment size is 3145728 but must be"),
        "{error}"
    );

    let mut bytes = control(PgVersion::V15);
    put(&mut bytes, 216, 4095);
    seal(&mut bytes, 288);
    let error = ControlFile::parse(&bytes, None).unwrap_err();
    assert_eq!(
        error.message(),
        "page size is 4095 but only 1024, 2048, 4096, 8192, 16384, and 32768 are supported"
    );

    assert_eq!(
        ControlFile::parse(&bytes[..511], None).unwrap_err().kind(),
        ErrorKind::Format
    );
}

#[test]
fn checksums_in_progress_count_as_none_from_19_on() {
    for (version, found, expected) in [
        (PgVersion::V18, 1, Ok(1)),
        (
            PgVersion::V18,
            2,
            Err("page checksum version is 2 but must be <= 1"),
        ),
        (PgVersion::V19, 1, Ok(1)),
        (PgVersion::V19, 2, Ok(0)),
        (PgVersion::V19, 3, Ok(0)),
        (
            PgVersion::V19,
            4,
            Err("page checksum version is 4 but must be <= 3"),
        ),
    ] {
        let layout = layout::for_version(version).unwrap();
        let mut bytes = control(version);
        put(&mut bytes, layout.data_checksum_version, found);
        seal(&mut bytes, layout.crc);
        let parsed = ControlFile::parse(&bytes, None);
        let parsed = parsed
            .as_ref()
            .map(|control| control.data_checksum_version)
            .map_err(Error::message);
        assert_eq!(parsed, expected);
    }
}

#[test]
fn invalidated_checkpoint_keeps_everything_else() {
    for layout in &layout::LAYOUTS {
        let mut bytes = padded(&control(layout.version)).unwrap();
        let before = ControlFile::parse(&bytes, None).unwrap();
        assert!(!before.is_checkpoint_invalid());
        invalidate_checkpoint(&mut bytes, layout.version).unwrap();
        let after = ControlFile::parse(&bytes, None).unwrap();
        assert_eq!(
            after,
            ControlFile {
                checkpoint: CHECKPOINT_INVALID,
                ..before
            }
        );
    }
}

#[test]
fn padding_drops_what_is_beyond_the_data() {
    let mut bytes = control(PgVersion::V13);
    bytes.extend([7; 100]);
    let image = padded(&bytes).unwrap();
    assert_eq!(image.len(), FILE_SIZE);
    assert_eq!(image[..DATA_SIZE], bytes[..DATA_SIZE]);
    assert!(image[DATA_SIZE..].iter().all(|&b| b == 0));
    assert!(padded(&bytes[..100]).is_err());
}

#[test]
fn torn_reads_are_repeated_until_the_file_is_whole_or_stays_bad() {
    let whole = control(PgVersion::V17);
    let torn = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let read = |reads: &[Vec<u8>]| {
        let (mut reads, mut pauses) = (reads.iter(), 0);
        let result = read_stable(
            None,
            || Ok::<_, Error>(reads.next().expect("no read beyond the decision").clone()),
            || {
                pauses += 1;
                Ok(())
            },
        );
        (result, pauses)
    };
    let (result, pauses) = read(&[torn(50), torn(51), torn(50), whole.clone()]);
    let (control, image) = result.unwrap();
    assert_eq!((control.version, pauses), (PgVersion::V17, 3));
    assert_eq!(image, padded(&whole).unwrap());

    let (result, pauses) = read(&[torn(50), torn(51), torn(51)]);
    assert_eq!(
        (result.unwrap_err().kind(), pauses),
        (ErrorKind::Checksum, 2)
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = ControlFile::parse(&bytes, None);
        for layout in &layout::LAYOUTS {
            let _ = ControlFile::parse(&bytes, Some(layout.version));
        }
    }
}
