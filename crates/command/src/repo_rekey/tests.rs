//! Deep rekeying of a made-up repository that dies at every storage operation, and again at every one of the run after it.

use std::sync::Arc;

use pgkeep_pipeline::{CompressType, Pipeline, Sha1Digest, Stage};
use pgkeep_repo::archive::StoredSegment;
use pgkeep_repo::info_file::{self, LoadKind};
use pgkeep_repo::kept_key::{self, Kept};
use pgkeep_repo::manifest::{BackupHeader, BackupOptions};
use pgkeep_repo::{ArchiveInfo, BackupInfo, BackupLabel, BackupType, Stanza, layout};
use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::wrap::faulty::{Fault, FaultPlan, Faulty, FaultySettings};
use pgkeep_storage::{ErrorKind, FileType, ListOptions, Storage, StoragePath, WriteOptions};
use secrecy::{ExposeSecret, SecretString};

use super::deep::Deep;
use super::encrypted::{self, Encrypted, Keys, Proof};
use super::files;
use crate::error::Result;
use crate::run::cancel::Cancel;
use crate::run::test_stanza;
use crate::wal::small_file;

const LABEL: &str = "20260101-000000F";

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn stanza() -> Stanza {
    Stanza::new("demo").unwrap()
}

fn through(stages: Vec<Stage>, plain: &[u8]) -> Vec<u8> {
    let mut running = Pipeline::new(stages).start(1 << 16);
    let mut out = Vec::new();
    running.push(plain, &mut out).unwrap();
    running.finish(&mut out).unwrap();
    out
}

fn encrypt(plain: &[u8], key: &str) -> Vec<u8> {
    through(
        vec![Stage::Encrypt {
            pass: secret(key),
            raw: false,
        }],
        plain,
    )
}

fn put(storage: &dyn Storage, path: &str, bytes: &[u8]) {
    write_all(
        storage,
        &StoragePath::new(path),
        &WriteOptions::default(),
        bytes,
    )
    .unwrap();
}

fn put_segment(storage: &dyn Storage, number: u32, key: &str) {
    let plain = format!("segment {number} ").repeat(100).into_bytes();
    let (extension, stored) = match number % 2 {
        0 => ("", plain.clone()),
        _ => (
            ".zst",
            through(
                vec![Stage::Compress {
                    kind: CompressType::Zst,
                    level: 3,
                    raw: false,
                }],
                &plain,
            ),
        ),
    };
    let directory = "archive/demo/17-1/0000000100000000";
    let name = format!(
        "0000000100000000{number:08X}-{}{extension}",
        Sha1Digest::of(&plain)
    );
    put(
        storage,
        &format!("{directory}/{name}"),
        &encrypt(&stored, key),
    );
}

/// A stanza with WAL of each kind and a finished backup.
fn repository() -> Arc<MemoryStorage> {
    let memory = MemoryStorage::new();
    let history = test_stanza::history();
    let pass = secret("pass");
    ArchiveInfo::new(history.clone(), Some(secret("wal")))
        .save(&memory, &stanza(), Some(&pass))
        .unwrap();
    let label: BackupLabel = LABEL.parse().unwrap();
    let header = BackupHeader::new(BackupType::Full, 1_700_000_000);
    let mut manifest = test_stanza::manifest(&label, header, BackupOptions::default());
    manifest.cipher_pass = Some(secret("files"));
    let key = secret("manifests");
    manifest
        .save(&memory, &stanza(), &label, Some(&key))
        .unwrap();
    let mut info = BackupInfo::new(history, Some(key));
    info.add(manifest.backup_entry().unwrap());
    info.save(&memory, &stanza(), Some(&pass)).unwrap();
    (1..4).for_each(|number| put_segment(&memory, number, "wal"));
    put(
        &memory,
        "archive/demo/17-1/0000000100000000/000000010000000000000002.00000028.backup",
        &encrypt(b"START WAL LOCATION: 0/2000028\n", "wal"),
    );
    put(
        &memory,
        "archive/demo/17-1/00000002.history",
        &encrypt(b"1\t0/3000000\tno reason\n", "wal"),
    );
    Arc::new(memory)
}

fn copy_of(storage: &MemoryStorage) -> Arc<MemoryStorage> {
    let copy = MemoryStorage::new();
    let mut paths = Vec::new();
    storage
        .list_tree(
            &StoragePath::root(),
            &ListOptions {
                level: pgkeep_storage::InfoLevel::Type,
                sort: true,
            },
            &mut |entry| {
                if entry.kind == FileType::File {
                    paths.push(entry.name.to_string());
                }
                Ok(())
            },
        )
        .unwrap();
    for path in paths {
        let bytes = read_all(storage, &StoragePath::new(&path), 1 << 20)
            .unwrap()
            .unwrap();
        put(&copy, &path, &bytes);
    }
    Arc::new(copy)
}

fn rekey(storage: &dyn Storage) -> Result<(u64, u64)> {
    let pass = secret("pass");
    let cancel = Cancel::default();
    Deep {
        storage,
        pass: &pass,
        cancel: &cancel,
    }
    .stanza(&stanza())
}

/// The keys of WAL and manifests that the info files have.
fn keys(storage: &dyn Storage) -> [SecretString; 2] {
    let pass = secret("pass");
    let archive = info_file::load(
        storage,
        &layout::archive_info(&stanza()),
        Some(&pass),
        LoadKind::Info,
        ArchiveInfo::parse,
    );
    let backup = info_file::load(
        storage,
        &layout::backup_info(&stanza()),
        Some(&pass),
        LoadKind::Info,
        BackupInfo::parse,
    );
    [
        archive.unwrap().cipher_pass.unwrap(),
        backup.unwrap().cipher_pass.unwrap(),
    ]
}

fn opens(storage: &dyn Storage, file: &Encrypted, key: &SecretString) -> bool {
    match &file.proof {
        Proof::Segment(stored) => {
            let cancel = Cancel::default();
            let found = crate::wal::stored_content::check(
                storage,
                &file.path,
                (stored, Some(key)),
                4096,
                &cancel,
            );
            found.unwrap() == crate::wal::stored_content::Content::Intact
        }
        Proof::Text => small_file::read(storage, &file.path, Some(key)).is_ok_and(|plain| {
            plain.unwrap().starts_with(b"1\t0/3") || read_label(storage, file, key)
        }),
        Proof::Manifest { is_gz } => {
            info_file::is_opened_by(storage, &file.path, key, *is_gz).unwrap()
        }
    }
}

fn read_label(storage: &dyn Storage, file: &Encrypted, key: &SecretString) -> bool {
    let plain = small_file::read(storage, &file.path, Some(key))
        .unwrap()
        .unwrap();
    plain == b"START WAL LOCATION: 0/2000028\n"
}

fn present(storage: &dyn Storage, files: Vec<Encrypted>) -> Vec<Encrypted> {
    let is_there = |file: &Encrypted| {
        storage
            .info(&file.path, pgkeep_storage::InfoLevel::Exists)
            .unwrap()
            .is_some()
    };
    files.into_iter().filter(is_there).collect()
}

/// Every file is opened by a key that the repository has. `finished`: by that of its info file, and no other key is left.
fn check(storage: &dyn Storage, finished: bool, when: &str) {
    let [wal, manifests] = keys(storage);
    let parts = [
        (
            layout::archive_info(&stanza()),
            wal,
            files::wal(storage, &stanza()).unwrap(),
            5,
        ),
        (
            layout::backup_info(&stanza()),
            manifests,
            files::manifests(storage, &stanza()).unwrap(),
            2,
        ),
    ];
    for (info, key, files, least) in parts {
        let kept = [Kept::Old, Kept::New].map(|kept| {
            kept_key::load(storage, &kept_key::path(&info, kept), &secret("pass")).unwrap()
        });
        assert!(!finished || kept.iter().all(Option::is_none), "{when}");
        let all: Vec<SecretString> = kept.into_iter().flatten().chain([key]).collect();
        let files = present(storage, files);
        assert!(files.len() >= least, "{when}: {files:?}");
        for file in files {
            let opened = all.iter().any(|key| opens(storage, &file, key));
            assert!(opened, "{when}: nothing opens {}", file.path);
        }
    }
}

#[test]
fn everything_has_a_new_key_and_no_file_is_lost() {
    let storage = repository();
    let history = layout::history_manifest(&stanza(), &LABEL.parse().unwrap());
    let counted = rekey(&*storage).unwrap();
    let has_history = storage
        .info(&history, pgkeep_storage::InfoLevel::Exists)
        .unwrap()
        .is_some();
    assert_eq!(counted, (5, 2 + u64::from(has_history)));
    check(&*storage, true, "after the run");
    let [wal, manifests] = keys(&*storage);
    assert!(wal.expose_secret() != "wal" && manifests.expose_secret() != "manifests");
    // Once more: other keys again.
    rekey(&*storage).unwrap();
    check(&*storage, true, "after the second run");
    assert_ne!(keys(&*storage)[0].expose_secret(), wal.expose_secret());
}

/// Runs on a copy and fails at the n-th operation; `None`: it did not come so far.
fn dies(storage: &MemoryStorage, at: u64) -> Option<Arc<MemoryStorage>> {
    let copy = copy_of(storage);
    let plan = FaultPlan::new(FaultySettings {
        at,
        fault: Fault::Error(ErrorKind::Connect),
    });
    let faulty = Faulty::new(Arc::clone(&copy) as Arc<dyn Storage>, Arc::clone(&plan));
    let result = rekey(&faulty);
    plan.struck()?;
    // What is only tidied up may fail unseen, but no error may be taken for success with keys left.
    if result.is_ok() {
        check(&*copy, true, &format!("success at {at}"));
    }
    Some(copy)
}

#[test]
fn wherever_a_run_dies_every_file_has_a_key_that_is_kept_and_the_next_run_ends_it() {
    let start = repository();
    let mut states = 0;
    for at in 1..10_000 {
        let Some(storage) = dies(&start, at) else {
            break;
        };
        states += 1;
        check(&*storage, false, &format!("died at {at}"));
        // The next one dies too, at a few points of its own.
        for again in (1..10_000).step_by(41) {
            let Some(storage) = dies(&storage, again + at % 41) else {
                break;
            };
            check(&*storage, false, &format!("died at {at}, then at {again}"));
        }
        rekey(&*storage).unwrap();
        check(&*storage, true, &format!("died at {at}, ended"));
    }
    assert!(states > 50, "{states}");
}

#[test]
fn wal_that_comes_while_the_run_is_dead_is_found() {
    let start = repository();
    for at in (1..10_000).step_by(3) {
        let Some(storage) = dies(&start, at) else {
            break;
        };
        // Whoever pushes goes by archive.info.
        put_segment(&*storage, 9, keys(&*storage)[0].expose_secret());
        rekey(&*storage).unwrap();
        check(&*storage, true, &format!("died at {at}, a segment came"));
    }
}

#[test]
fn a_file_that_no_key_opens_ends_the_run_before_anything_is_lost() {
    let storage = repository();
    put_segment(&*storage, 3, "another key");
    let error = rekey(&*storage).unwrap_err();
    assert_eq!(error.code.number(), 95, "{error}");
    assert!(
        error.message.contains("000000010000000000000003"),
        "{error}"
    );
    assert_eq!(keys(&*storage)[0].expose_secret(), "wal");
    put_segment(&*storage, 3, "wal");
    rekey(&*storage).unwrap();
    check(&*storage, true, "mended");
}

#[test]
fn what_was_stored_with_the_key_before_is_opened_by_the_next_run() {
    let storage = repository();
    rekey(&*storage).unwrap();
    // Whoever has read archive.info before the run ends after it.
    put_segment(&*storage, 9, "wal");
    let (wal, _) = rekey(&*storage).unwrap();
    assert_eq!(wal, 6);
    check(&*storage, true, "after a straggler");
    // Also where the run has died, whenever that was.
    let before = keys(&*storage)[0].clone();
    for at in (1..10_000).step_by(7) {
        let Some(storage) = dies(&storage, at) else {
            break;
        };
        put_segment(&*storage, 10, before.expose_secret());
        rekey(&*storage).unwrap();
        // When it had ended but for the removal of its keys, the one after it finds the segment.
        rekey(&*storage).unwrap();
        check(&*storage, true, &format!("died at {at}, a straggler came"));
    }
}

#[test]
fn what_postgresql_has_written_in_another_encoding_is_not_damaged() {
    let storage = repository();
    let odd: [(&str, &[u8]); 2] = [
        (
            "archive/demo/17-1/00000003.history",
            b"1\t0/3000000\tat restore point \"f\xfcr immer\x01\"\n",
        ),
        (
            "archive/demo/17-1/0000000100000000/000000010000000000000003.00000028.backup",
            b"START WAL LOCATION: 0/3000028\nLABEL: \xe9t\xe9\n",
        ),
    ];
    for (path, plain) in odd {
        put(&*storage, path, &encrypt(plain, "wal"));
    }
    for _ in 0..2 {
        assert_eq!(rekey(&*storage).unwrap().0, 7);
        let key = &keys(&*storage)[0];
        for (path, plain) in odd {
            let read = small_file::read(&*storage, &StoragePath::new(path), Some(key));
            assert_eq!(read.unwrap().unwrap(), plain);
        }
    }
}

#[test]
fn a_stanza_of_which_only_the_copies_are_left_is_not_passed_over() {
    let storage = repository();
    for info in [
        layout::archive_info(&stanza()),
        layout::backup_info(&stanza()),
    ] {
        storage.remove(&info).unwrap();
    }
    assert_eq!(rekey(&*storage).unwrap().0, 5);
    check(&*storage, true, "of copies");
}

/// Two hosts that mount one directory have no lock in common: while one is at its n-th operation, the other one runs, whole or until
/// it dies at its m-th.
#[test]
fn two_runs_at_the_same_time_lose_no_file() {
    let start = repository();
    let mut states = 0;
    for (until, step) in [(10_000, 5), (23, 9), (60, 3), (90, 3)] {
        for at in (1..10_000).step_by(step) {
            let storage = copy_of(&start);
            let other = Arc::clone(&storage);
            let plan = FaultPlan::meanwhile(at, move || {
                let plan = FaultPlan::new(FaultySettings {
                    at: until,
                    fault: Fault::Error(ErrorKind::Connect),
                });
                let ended = rekey(&Faulty::new(other, Arc::clone(&plan)));
                assert!(ended.is_ok() || plan.struck().is_some(), "{ended:?}");
            });
            let ended = rekey(&Faulty::new(
                Arc::clone(&storage) as Arc<dyn Storage>,
                Arc::clone(&plan),
            ));
            if plan.operations() < at {
                break;
            }
            states += 1;
            let when = format!("{ended:?}, another one at {at} until {until}");
            check(&*storage, false, &when);
            rekey(&*storage).unwrap();
            check(&*storage, true, &when);
        }
    }
    assert!(states > 100, "{states}");
}

/// What another host wrote with the new key must not be read with the key before: one time in 256 that looks like the end of a file.
#[test]
fn a_file_that_another_host_has_given_the_new_key_is_left_alone() {
    let plain = b"segment".repeat(9);
    let base = format!("000000010000000000000001-{}", Sha1Digest::of(&plain));
    let name = format!("archive/demo/17-1/0000000100000000/{base}");
    let path = StoragePath::new(&name);
    let file = Encrypted {
        proof: Proof::Segment(StoredSegment::parse(&base).unwrap()),
        path: path.clone(),
    };
    let keys = || Keys {
        new: secret("new"),
        before: vec![secret("before")],
    };
    let opens = |key: &str, bytes: &[u8]| {
        let mut running = Pipeline::new(vec![Stage::Decrypt {
            pass: secret(key),
            raw: false,
        }])
        .start(1 << 16);
        let mut out = Vec::new();
        running.push(bytes, &mut out).is_ok() && running.finish(&mut out).is_ok()
    };
    let theirs = std::iter::repeat_with(|| encrypt(&plain, "new"))
        .find(|bytes| opens("before", bytes))
        .unwrap();
    let mut states = 0;
    for at in 1..100 {
        let storage = Arc::new(MemoryStorage::new());
        put(&*storage, &name, &encrypt(&plain, "before"));
        let (other, same, bytes) = (Arc::clone(&storage), name.clone(), theirs.clone());
        let plan = FaultPlan::meanwhile(at, move || put(&*other, &same, &bytes));
        let faulty = Faulty::new(Arc::clone(&storage) as Arc<dyn Storage>, Arc::clone(&plan));
        let ended = encrypted::again(&faulty, &file, &keys(), &Cancel::default());
        assert!(ended.is_ok(), "another one at {at}: {ended:?}");
        if plan.operations() < at {
            break;
        }
        states += 1;
        let read = small_file::read(&*storage, &path, Some(&secret("new")));
        assert_eq!(read.unwrap().unwrap(), plain, "another one at {at}");
    }
    assert!(states > 3, "{states}");
}
