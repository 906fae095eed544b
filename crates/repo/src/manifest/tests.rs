use pgkeep_pipeline::{CompressType, Sha1Digest};
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::{Storage, StoragePath};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::backup_type::BackupType;
use crate::error::{Error, ErrorType};
use crate::layout;
use crate::stanza::Stanza;

const FULL: &str = "20261124-040113F";
const INCR: &str = "20261124-040113F_20261124-040127I";

fn label(text: &str) -> BackupLabel {
    text.parse().unwrap()
}

/// A manifest with nothing but a data directory, owned by postgres, mode 0700.
fn empty() -> Manifest {
    let pg = PgInfo {
        id: 1,
        system_id: 7,
        version: "17".to_owned(),
        catalog_version: 2,
        control_version: 1700,
    };
    let mut manifest = Manifest::new(
        BackupHeader::new(BackupType::Full, 1000),
        pg,
        BackupOptions::default(),
    );
    let owner = manifest.owner_id(Some("postgres"));
    manifest.add_path(Path {
        name: PG_DATA.to_vec(),
        mode: 0o700,
        user: owner,
        group: owner,
    });
    manifest.add_target(Target {
        name: PG_DATA.to_vec(),
        path: b"/pgdata".to_vec(),
        kind: TargetKind::Path,
    });
    manifest
}

/// A full backup as built: files by name, size and time.
fn built(files: &[(&str, u64, i64)]) -> Manifest {
    let mut manifest = empty();
    let owner = manifest.owner_id(Some("postgres"));
    for (name, size, timestamp) in files {
        let data = FileData {
            size: *size,
            size_original: *size,
            repo_size: *size,
            timestamp: *timestamp,
            mode: 0o600,
            user: owner,
            group: owner,
            copy: true,
            ..FileData::default()
        };
        manifest.add_file(name.as_bytes(), &data);
    }
    manifest
}

/// The same, copied: every file has a checksum and is stored in half of its size.
fn finished(files: &[(&str, u64, i64)]) -> Manifest {
    let mut manifest = built(files);
    for at in 0..manifest.file_count() {
        let mut data = manifest.file_at(at).data;
        data.copy = false;
        data.checksum = Some(if data.size == 0 {
            Sha1Digest::EMPTY
        } else {
            Sha1Digest([at as u8 + 1; 20])
        });
        data.repo_checksum = Some(Sha1Digest([0xee; 20]));
        data.repo_size = data.size / 2;
        manifest.update_file_at(at, &data);
    }
    manifest.set_label(label(FULL));
    manifest
}

fn text(manifest: &Manifest) -> Vec<u8> {
    let mut out = Vec::new();
    manifest.write(&mut out, &manifest.version).unwrap();
    out
}

fn parse(text: &[u8]) -> Result<Manifest, Error> {
    Manifest::parse(&mut &text[..])
}

/// The text with its checksum made right.
fn sealed(text: &str) -> Vec<u8> {
    // The reader itself says which checksum it wants.
    let error =
        parse(format!("{text}\n[backrest]\nbackrest-checksum=\"x\"\n").as_bytes()).unwrap_err();
    assert_eq!(error.kind, ErrorType::Checksum, "{error}");
    let checksum = error.message.split('\'').nth(1).unwrap().to_owned();
    format!("{text}\n[backrest]\nbackrest-checksum=\"{checksum}\"\n").into_bytes()
}

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

#[test]
fn defaults_may_come_after_what_they_apply_to_and_owners_may_be_unknown() {
    let text = sealed(
        "[backrest]\nbackrest-format=5\nbackrest-version=\"1\"\n\n[backup]\nbackup-label=\"20261124-040113F\"\n\n\
         [backup:db]\ndb-version=\"17\"\n\n\
         [backup:target]\npg_data={\"path\":\"/pgdata\",\"type\":\"path\"}\n\n\
         [target:file]\npg_data/a={\"size\":0,\"timestamp\":5}\n\
         pg_data/b={\"group\":false,\"mode\":\"0644\",\"size\":0,\"timestamp\":-5,\"user\":\"bob\"}\n\n\
         [target:file:default]\ngroup=\"g\"\nmode=\"0600\"\nuser=false\n\n\
         [target:path]\npg_data={}\n\n[target:path:default]\ngroup=\"g\"\nmode=\"0700\"\nuser=false\n",
    );
    let manifest = parse(&text).unwrap();
    let a = manifest.file(b"pg_data/a").unwrap();
    assert_eq!(
        (a.user_name(), a.group_name(), a.mode),
        (None, Some("g"), 0o600)
    );
    assert_eq!(a.checksum, Some(Sha1Digest::EMPTY));
    let b = manifest.file(b"pg_data/b").unwrap();
    assert_eq!(
        (b.user_name(), b.group_name(), b.mode, b.timestamp),
        (Some("bob"), None, 0o644, -5)
    );
    // Before 2.42 there was no list of references.
    assert_eq!(manifest.references, [label(FULL)]);
}

#[test]
fn broken_entries_are_errors_of_their_class() {
    let with = |line: &str| {
        let text = format!(
            "[backrest]\nbackrest-format=5\n\n[backup:target]\npg_data={{\"path\":\"/pgdata\",\"type\":\"path\"}}\n\n\
             [target:file]\n{line}\n"
        );
        parse(text.as_bytes()).unwrap_err()
    };
    assert_eq!(
        with("a={\"timestamp\":1}").text(),
        "missing size for file 'a'"
    );
    assert_eq!(
        with("a={\"size\":1}").text(),
        "missing timestamp for file 'a'"
    );
    for line in [
        "a={\"size\":-1,\"timestamp\":1}",
        "a={\"checksum\":\"12\",\"size\":1,\"timestamp\":1}",
        "a={\"bi\":18446744073709551615,\"size\":1,\"timestamp\":1}",
        "a={\"checksum-page\":false,\"checksum-page-error\":[[5,1]],\"size\":1,\"timestamp\":1}",
        "a={\"mode\":\"0999\",\"size\":1,\"timestamp\":1}",
        "a={\"reference\":\"nonsense\",\"size\":1,\"timestamp\":1}",
        "a={\"size\":1,\"timestamp\":1,\"user\":true}",
        "a=1",
    ] {
        assert!(
            matches!(with(line).kind, ErrorType::Format | ErrorType::JsonFormat),
            "{line}"
        );
    }
    let twice = sealed(
        "[backrest]\nbackrest-format=5\n\n[backup:target]\npg_data={\"path\":\"/pgdata\",\"type\":\"path\"}\n\n\
         [target:file]\na={\"size\":1,\"timestamp\":1}\na={\"size\":1,\"timestamp\":1}\n",
    );
    assert_eq!(parse(&twice).unwrap_err().kind, ErrorType::Format);
}

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
fn doubtful_times_turn_delta_on_with_the_originals_warning() {
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
    let mut judge = |stored: &str, delta| {
        next.resume_file(&resumed, stored.as_bytes(), CompressType::Gz, delta, None)
    };
    assert_eq!(judge("pg_data/a.gz", false), ResumedFile::Keep);
    assert_eq!(
        judge("pg_data/a", false),
        ResumedFile::Remove("mismatched compression type")
    );
    assert_eq!(
        judge("pg_data/b.gz", false),
        ResumedFile::Remove("mismatched size")
    );
    assert_eq!(
        judge("pg_data/c.gz", false),
        ResumedFile::Remove("mismatched timestamp")
    );
    assert_eq!(judge("pg_data/c.gz", true), ResumedFile::Keep);
    assert_eq!(
        judge("pg_data/n.gz", false),
        ResumedFile::Remove("missing in resumed manifest")
    );
    assert_eq!(
        judge("pg_data/gone.gz", false),
        ResumedFile::Remove("missing in manifest")
    );
    assert_eq!(
        judge("pg_data/z.gz", false),
        ResumedFile::Remove("zero size")
    );
    let a = next.file(b"pg_data/a").unwrap();
    assert_eq!(
        (a.resume, a.repo_size, a.checksum.is_some()),
        (true, 5, true)
    );
}

#[test]
fn files_are_not_resumed_where_they_are_stored_in_another_way_now() {
    let files = [("pg_data/a", 10, 50), ("pg_data/large", 1000, 50)];
    let resumed = finished(&files);
    let mut next = built(&files);
    let mut judge = |stored: &str, bundle_limit| {
        next.resume_file(
            &resumed,
            stored.as_bytes(),
            CompressType::Gz,
            false,
            bundle_limit,
        )
    };
    let bundled = ResumedFile::Remove("stored in a bundle now");
    assert_eq!(judge("pg_data/a.gz", Some(10)), bundled);
    assert_eq!(judge("pg_data/large.gz", Some(10)), ResumedFile::Keep);
    let without_blocks = ResumedFile::Remove("stored without blocks now");
    assert_eq!(judge("pg_data/a.pgbi", None), without_blocks);
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

#[test]
fn a_file_is_found_where_its_holder_keeps_it() {
    let stanza = Stanza::new("demo").unwrap();
    let mut manifest = finished(&[("pg_data/a", 10, 50), ("pg_data/b", 10, 50)]);
    manifest.options.compress_type = CompressType::Zst;
    let mut data = manifest.file(b"pg_data/b").unwrap().data;
    data.bundle = Some(BundleSlice { id: 3, offset: 77 });
    data.reference = Some(manifest.label_id(&label("20260101-000000F")));
    manifest.update_file(b"pg_data/b", &data);
    let path = |name: &[u8]| {
        manifest
            .stored_path(&stanza, &manifest.file(name).unwrap())
            .unwrap()
            .to_string()
    };
    assert_eq!(
        path(b"pg_data/a"),
        format!("backup/demo/{FULL}/pg_data/a.zst")
    );
    assert_eq!(path(b"pg_data/b"), "backup/demo/20260101-000000F/bundle/3");
    let range = manifest.stored_range(&manifest.file(b"pg_data/b").unwrap());
    assert_eq!((range.offset, range.length), (77, Some(5)));
}

#[test]
fn validation_lists_all_faults() {
    let mut manifest = built(&[("pg_data/a", 1, 1), ("pg_data/b", 1, 1)]);
    let mut data = manifest.file(b"pg_data/b").unwrap().data;
    data.checksum = Some(Sha1Digest([1; 20]));
    data.repo_size = 0;
    manifest.update_file(b"pg_data/b", &data);
    assert_eq!(
        manifest.validate(true).unwrap_err().text(),
        "manifest validation failed:\nmissing checksum for file 'pg_data/a'\nrepo size must be > 0 for file 'pg_data/b'"
    );
    assert!(finished(&[("pg_data/a", 1, 1)]).validate(false).is_ok());
}

#[test]
fn a_saved_manifest_is_loaded_again_and_its_history_is_kept() {
    let storage = MemoryStorage::new();
    let stanza = Stanza::new("demo").unwrap();
    let pass = SecretString::from("sesame");
    let mut manifest = finished(&[("pg_data/a", 10, 50)]);
    manifest.cipher_pass = Some(SecretString::from("inner"));
    let staged = manifest
        .stage(&storage, &stanza, &label(FULL), Some(&pass))
        .unwrap();
    let named = |path| storage.info(&path, pgkeep_storage::InfoLevel::Exists);
    assert!(
        named(layout::manifest(&stanza, &label(FULL)))
            .unwrap()
            .is_none()
    );
    staged.publish().unwrap();
    let loaded = Manifest::load(&storage, &stanza, &label(FULL), Some(&pass)).unwrap();
    assert_eq!(text(&loaded), text(&manifest));
    assert_eq!(
        loaded.cipher_pass.as_ref().unwrap().expose_secret(),
        "inner"
    );
    storage
        .remove(&layout::manifest(&stanza, &label(FULL)))
        .unwrap();
    assert_eq!(
        Manifest::load(&storage, &stanza, &label(FULL), Some(&pass))
            .unwrap()
            .file_count(),
        1
    );
    // Without the passphrase both attempts fail; the message says how.
    let error = Manifest::load(&storage, &stanza, &label(FULL), None).unwrap_err();
    assert_eq!(error.kind, ErrorType::Format);
    let history = layout::history_manifest(&stanza, &label(FULL));
    assert!(
        storage
            .info(&history, pgkeep_storage::InfoLevel::Basic)
            .unwrap()
            .unwrap()
            .size
            > 100
    );
    assert!(
        storage
            .info(
                &StoragePath::from("backup/demo"),
                pgkeep_storage::InfoLevel::Type
            )
            .unwrap()
            .is_some()
    );
}

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    // Odd pieces are likelier than plain random bytes to meet an edge.
    let piece = prop_oneof![
        Just(b"=".to_vec()),
        Just(b" ".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"={}".to_vec()),
        Just(b"=1".to_vec()),
        Just(b"[".to_vec()),
        Just(b"]".to_vec()),
        Just(b"\\".to_vec()),
        Just("é".as_bytes().to_vec()),
        Just(b"\xff\xfe".to_vec()),
        Just(b"\t\r".to_vec()),
        Just(b"/".to_vec()),
        proptest::collection::vec(b'a'..=b'z', 1..5),
    ];
    proptest::collection::vec(piece, 0..6)
        .prop_map(|pieces| [b"pg_data/x", pieces.concat().as_slice()].concat())
}

fn any_file() -> impl Strategy<Value = FileData> {
    let pages = prop_oneof![
        Just(PageCheck::None),
        Just(PageCheck::Valid),
        Just(PageCheck::Invalid(None)),
        proptest::collection::btree_set(0u64..1000, 1..9)
            .prop_map(|pages| PageCheck::Invalid(Some(merge_pages(pages)))),
    ];
    let sizes = (0u64.., 0u64.., any::<u64>(), any::<i64>());
    let sums = (any::<Option<[u8; 20]>>(), any::<Option<[u8; 20]>>());
    let stored = (
        proptest::option::of((1u64.., any::<u64>())),
        proptest::option::of((1u64..1000, any::<u32>(), any::<u64>())),
    );
    (
        sizes,
        sums,
        pages,
        stored,
        0u32..0o10000,
        any::<(bool, bool)>(),
        any::<(bool, bool, bool)>(),
    )
        .prop_map(
            |(
                (size, size_original, repo_size, timestamp),
                (checksum, repo),
                page_check,
                (bundle, block),
                mode,
                owners,
                flags,
            )| {
                FileData {
                    size,
                    size_original,
                    repo_size,
                    timestamp,
                    checksum: if size == 0 {
                        Some(Sha1Digest::EMPTY)
                    } else {
                        checksum.map(Sha1Digest)
                    },
                    repo_checksum: repo.map(Sha1Digest),
                    page_check,
                    bundle: bundle.map(|(id, offset)| BundleSlice { id, offset }),
                    block: block.map(|(units, checksum_size, map_size)| BlockFile {
                        size: units * BLOCK_UNIT,
                        checksum_size,
                        map_size,
                    }),
                    reference: None,
                    mode,
                    user: owners.0.then_some(OwnerId(0)),
                    group: owners.1.then_some(OwnerId(0)),
                    copy: flags.0,
                    delta: flags.1,
                    resume: flags.2,
                }
            },
        )
}

proptest! {
    #[test]
    fn any_manifest_survives_writing_and_reading(
        files in proptest::collection::btree_map(any_name(), (any_file(), any::<bool>()), 0..20),
        destination in proptest::collection::vec(any::<u8>(), 0..20),
        level in any::<Option<i32>>(),
    ) {
        let mut manifest = empty();
        let reference = manifest.label_id(&label("20200101-000000F"));
        for (name, (data, refers)) in &files {
            let data = FileData { reference: refers.then_some(reference), ..data.clone() };
            manifest.add_file(name, &data);
        }
        manifest.references.push(label("20200101-000000F"));
        manifest.set_label(label(FULL));
        manifest.options.compress_level = level;
        manifest.add_link(Link { name: b"pg_data/l".to_vec(), destination, user: None, group: Some(OwnerId(0)) });
        manifest.annotations.insert(b"k".to_vec(), b"v\"\n".to_vec());
        let first = text(&manifest);
        let again = parse(&first).unwrap();
        prop_assert_eq!(text(&again), first);
        prop_assert_eq!(again.file_count(), files.len());
        for file in again.files() {
            let (expected, refers) = &files[&file.name.to_vec()];
            let reference = file.data.reference;
            prop_assert_eq!(reference.is_some(), *refers);
            let expected = FileData { reference, user: file.user, group: file.group, copy: false, delta: false, resume: false, ..expected.clone() };
            prop_assert_eq!(&file.data, &expected);
        }
        prop_assert_eq!(again.link(b"pg_data/l"), manifest.link(b"pg_data/l"));
    }

    #[test]
    fn random_bytes_in_sections_are_an_error_not_a_panic(
        section in prop_oneof![Just("target:file"), Just("backup"), Just("backup:target"), Just("target:link"), Just("db"), Just("backup:option")],
        line in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let text = [format!("[{section}]\n").as_bytes(), &line, b"\n"].concat();
        prop_assert!(parse(&text).is_err());
    }
}
