//! The table of files: what is found, changed and removed in it, and its size.

use super::*;

#[test]
fn files_are_found_changed_and_removed_by_name() {
    let mut manifest = built(&[
        ("pg_data/b", 2, 1),
        ("pg_data/a", 1, 1),
        ("pg_data/base/1/2", 3, 1),
        ("pg_data/c", 4, 1),
    ]);
    let names: Vec<_> = manifest.files().map(|file| file.name.to_string()).collect();
    assert_eq!(
        names,
        ["pg_data/a", "pg_data/b", "pg_data/base/1/2", "pg_data/c"]
    );
    let mut data = manifest.file(b"pg_data/b").unwrap().data;
    data.page_check = PageCheck::Invalid(Some(merge_pages([1, 5, 6, 7, 9])));
    data.checksum = Some(Sha1Digest([7; 20]));
    data.reference = Some(manifest.label_id(&label(FULL)));
    assert!(manifest.update_file(b"pg_data/b", &data));
    let file = manifest.file(b"pg_data/b").unwrap();
    assert_eq!(file.data, data);
    assert_eq!(file.reference_label().unwrap().as_str(), FULL);
    assert_eq!(file.user_name(), Some("postgres"));
    assert!(manifest.remove_file(b"pg_data/a") && !manifest.remove_file(b"pg_data/a"));
    manifest.retain_files(|file| file.size != 3);
    assert_eq!(manifest.file_count(), 2);
    assert!(manifest.file(b"pg_data/base/1/2").is_none());
    assert_eq!(manifest.totals().error_files, 1);
}

#[test]
fn a_record_that_outgrows_its_room_is_kept_whole() {
    let mut manifest = built(&[("pg_data/a", 1, 1), ("pg_data/b", 1, 1)]);
    let mut data = manifest.file(b"pg_data/a").unwrap().data;
    data.page_check = PageCheck::Invalid(Some(merge_pages((0..200_000).map(|page| page * 2))));
    manifest.update_file(b"pg_data/a", &data);
    assert_eq!(manifest.file(b"pg_data/a").unwrap().data, data);
    assert_eq!(manifest.file(b"pg_data/b").unwrap().size, 1);
    manifest.set_label(label(FULL));
    let again = parse(&text(&manifest)).unwrap();
    assert_eq!(
        again.file(b"pg_data/a").unwrap().page_check,
        data.page_check
    );
}

#[test]
fn names_compare_as_whole_names() {
    let names: [&[u8]; 8] = [b"", b"a", b"a/", b"a/b", b"a-b", b"a-b/c", b"a/b/c", b"a0"];
    for a in names {
        for b in names {
            assert_eq!(
                FileName::split(a).cmp(&FileName::split(b)),
                a.cmp(b),
                "{a:?} {b:?}"
            );
        }
    }
}

#[test]
fn a_million_files_take_less_than_ninety_bytes_each() {
    // A tenth of it, which fills chunks and tables just the same.
    const FILES: u64 = 100_000;
    let mut manifest = empty();
    let owner = manifest.owner_id(Some("postgres"));
    for number in 0..FILES {
        let data = FileData {
            size: number * 8192,
            size_original: number * 8192,
            repo_size: number * 800,
            timestamp: 1_795_492_873 + number as i64,
            checksum: Some(Sha1Digest([1; 20])),
            repo_checksum: Some(Sha1Digest([2; 20])),
            page_check: PageCheck::Valid,
            bundle: Some(BundleSlice {
                id: 1 + number / 100,
                offset: number % 100 * 80_000,
            }),
            mode: 0o600,
            user: owner,
            group: owner,
            ..FileData::default()
        };
        manifest.add_file(
            format!(
                "pg_data/base/{}/{}",
                16_384 + number / 1000,
                100_000 + number % 1000
            )
            .as_bytes(),
            &data,
        );
    }
    let each = manifest.files.memory() as u64 / FILES;
    assert!(each < 90, "{each} bytes per file");
}

#[test]
fn what_a_copy_replaces_is_given_back() {
    const FILES: u64 = 100_000;
    let names: Vec<String> = (0..FILES)
        .map(|n| format!("pg_data/base/5/{n:07}"))
        .collect();
    let files: Vec<(&str, u64, i64)> = names.iter().map(|name| (&**name, 8192, 50)).collect();
    let mut manifest = built(&files);
    for at in 0..manifest.file_count() {
        let mut data = manifest.file_at(at).data;
        data.checksum = Some(Sha1Digest([1; 20]));
        data.repo_checksum = Some(Sha1Digest([2; 20]));
        data.bundle = Some(BundleSlice {
            id: 7,
            offset: 1 << 20,
        });
        manifest.update_file_at(at, &data);
    }
    let each = manifest.files.memory() as u64 / FILES;
    assert!(each < 90, "{each} bytes per file");
    let last = manifest.file_at(manifest.file_count() - 1);
    assert_eq!(last.bundle.map(|slice| slice.id), Some(7));
    // Half of the files of a prior manifest are gone: neither is missed.
    let half: Vec<(&str, u64, i64)> = files.iter().step_by(2).copied().collect();
    let mut next = built(&half);
    manifest.set_label(label(FULL));
    next.start_copy(false, 100, CompressType::None);
    next.increment(manifest, BackupType::Incr, None).unwrap();
    assert!(
        next.files()
            .all(|file| !file.copy && file.reference_label() == Some(&label(FULL)))
    );
}
