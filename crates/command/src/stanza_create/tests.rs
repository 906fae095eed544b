use std::sync::Arc;

use pgkeep_postgres::{Lsn, PgVersion, TimelineId};
use pgkeep_storage::WriteOptions;
use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::memory::MemoryStorage;

use secrecy::SecretString;

use super::*;
use crate::hosts::new_stanza::agree;

fn repository(pass: Option<&str>) -> Repository {
    Repository {
        elsewhere: None,
        key: 1,
        storage: Arc::new(MemoryStorage::new()),
        pass: pass.map(SecretString::from),
    }
}

fn control(system_id: u64) -> ControlFile {
    ControlFile {
        version: PgVersion::V17,
        system_id,
        control_version: 1700,
        catalog_version: 202_406_281,
        checkpoint: Lsn(0),
        timeline: TimelineId(1),
        page_size: 8192,
        wal_segment_size: 16 << 20,
        data_checksum_version: 1,
    }
}

fn stanza() -> Stanza {
    Stanza::new("demo").unwrap()
}

#[test]
fn a_new_stanza_is_valid_when_created_again() {
    for pass in [None, Some("secret")] {
        let repository = repository(pass);
        create(&repository, &stanza(), &control(7)).unwrap();
        let info = stanza_info::load_for(&repository, &stanza(), &control(7)).unwrap();
        assert_eq!(info.archive.cipher_pass.is_some(), pass.is_some());
        assert_eq!(
            info.archive.history.current().archive_id().to_string(),
            "17-1"
        );
        create(&repository, &stanza(), &control(7)).unwrap();
    }
}

#[test]
fn a_copy_with_another_pass_phrase_follows_its_file() {
    let (ours, theirs) = (repository(Some("secret")), repository(Some("secret")));
    for repository in [&ours, &theirs] {
        create(repository, &stanza(), &control(7)).unwrap();
    }
    for main in [
        layout::archive_info(&stanza()),
        layout::backup_info(&stanza()),
    ] {
        let copy = layout::copy_of(&main);
        let read = |repository: &Repository, path: &StoragePath| {
            read_all(&*repository.storage, path, 1 << 20)
                .unwrap()
                .unwrap()
        };
        let other = read(&theirs, &copy);
        write_all(&*ours.storage, &copy, &WriteOptions::default(), &other).unwrap();
        agree(&*ours.storage, &main).unwrap();
        assert_eq!(read(&ours, &main), read(&ours, &copy));
        assert_ne!(read(&ours, &main), other);
    }
}

#[test]
fn what_a_killed_run_left_is_no_content_of_the_stanza() {
    let repository = repository(None);
    for main in [
        layout::archive_info(&stanza()),
        layout::backup_info(&stanza()),
    ] {
        let left = StoragePath::new(pgkeep_storage::temporary::temp_name(main.as_bytes()));
        write_all(
            &*repository.storage,
            &left,
            &WriteOptions::default(),
            b"half",
        )
        .unwrap();
    }
    create(&repository, &stanza(), &control(7)).unwrap();
}

#[test]
fn a_missing_copy_is_put_back() {
    let repository = repository(None);
    create(&repository, &stanza(), &control(7)).unwrap();
    let main = layout::archive_info(&stanza());
    repository.storage.remove(&main).unwrap();
    create(&repository, &stanza(), &control(7)).unwrap();
    let read = |path: &StoragePath| {
        read_all(&*repository.storage, path, 1 << 20)
            .unwrap()
            .unwrap()
    };
    assert_eq!(read(&main), read(&layout::copy_of(&main)));
}

#[test]
fn a_stanza_of_another_cluster_is_refused() {
    let repository = repository(None);
    create(&repository, &stanza(), &control(7)).unwrap();
    let error = create(&repository, &stanza(), &control(8)).unwrap_err();
    assert_eq!(error.code, ErrorCode::FileInvalid);
    assert_eq!(error.hints.len(), 2);
}

#[test]
fn one_missing_pair_of_info_files_is_a_symptom_of_damage() {
    let repository = repository(None);
    create(&repository, &stanza(), &control(7)).unwrap();
    let main = layout::backup_info(&stanza());
    repository
        .storage
        .remove_many(&[main.clone(), layout::copy_of(&main)])
        .unwrap();
    let error = create(&repository, &stanza(), &control(7)).unwrap_err();
    assert_eq!(error.code, ErrorCode::FileMissing);
    assert_eq!(
        error.message,
        "archive.info exists but backup.info is missing on repo1"
    );
}

#[test]
fn a_directory_with_other_files_is_not_taken_over() {
    let repository = repository(None);
    let path = layout::backup_path(&stanza()).join("something");
    write_all(&*repository.storage, &path, &WriteOptions::default(), b"x").unwrap();
    let error = create(&repository, &stanza(), &control(7)).unwrap_err();
    assert_eq!(error.code, ErrorCode::PathNotEmpty);
    assert_eq!(error.message, "backup directory not empty");
}
