//! Any manifest survives writing and reading.

use super::*;
use crate::limits;

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    // Odd pieces are likelier than plain random bytes to hit an edge case.
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
    let size = || 0..=limits::FILE_SIZE;
    let sizes = (size(), size(), size(), any::<i64>());
    let sums = (any::<Option<[u8; 20]>>(), any::<Option<[u8; 20]>>());
    let stored = (
        proptest::option::of((1..=limits::BUNDLES, 0..=limits::SET_SIZE)),
        proptest::option::of((1..=limits::BLOCK_SIZE / BLOCK_UNIT, 1u32..=16, any::<u64>())),
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
                        map_size: map_size % (repo_size + 1),
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
        level in proptest::option::of(-7..=22),
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
