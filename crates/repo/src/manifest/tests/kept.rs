//! Where files are kept, what must be there, saving and loading.

use super::*;

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
        .stage(&storage, &stanza, &label(FULL), (Some(&pass), Made::Here))
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
    let kept = |most| {
        Manifest::load_history(&storage, &stanza, &label(FULL), Some(&pass), most)
            .map(|kept| kept.map(|kept| text(&kept)))
    };
    assert_eq!(kept(10_000).unwrap(), Some(text(&loaded)));
    assert!(kept(100).is_err(), "it is longer");
    let none = Manifest::load_history(&storage, &stanza, &label(INCR), Some(&pass), 10_000);
    assert!(none.unwrap().is_none());
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
