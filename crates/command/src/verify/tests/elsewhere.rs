//! The repository is on another host: what is found is what that host would find, and neither stored bytes nor keys cross.

use pgkeep_pipeline::{CompressType, Pipeline, Stage};
use pgkeep_repo::layout;
use secrecy::SecretString;

use super::*;
use crate::hosts::repository::remote::{PlainInfo, RemoteStorage};
use crate::remote::in_memory::InMemory;
use crate::remote::rights::{Grants, Rights};
use crate::remote::serve::storage::{StorageService, describe};
use crate::remote::wire::greeting::{Answer, Side};

const PASS: &str = "the-passphrase-of-the-repository";
const ARCHIVE_KEY: &str = "the-key-of-the-archive";
const MANIFEST_KEY: &str = "the-key-of-all-manifests";
const SET_KEY: &str = "the-key-of-the-set";
/// Backed up files; the checksum of the stored bytes of every second one is known.
const FILES: u32 = 24;
const SEGMENTS: u32 = 12;
const FILE_BYTES: usize = 10_000;

fn secret(text: &str) -> Option<SecretString> {
    Some(text.to_owned().into())
}

/// Bytes that no compression makes smaller, others for each seed.
fn noise(seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..FILE_BYTES).map(|_| next()).collect()
}

fn stored(plain: &[u8], key: &str) -> Vec<u8> {
    let stages = vec![
        Stage::Compress {
            kind: CompressType::Gz,
            level: 1,
            raw: false,
        },
        Stage::Encrypt {
            pass: key.to_owned().into(),
            raw: false,
        },
    ];
    let mut running = Pipeline::new(stages).start(1000);
    let mut out = Vec::new();
    running.push(plain, &mut out).unwrap();
    running.finish(&mut out).unwrap();
    out
}

fn file(number: u32) -> String {
    format!("backup/demo/{FULL}/pg_data/base/{number}.gz")
}

fn segment(number: u32) -> String {
    format!(
        "archive/demo/17-1/0000000100000000/0000000100000000{number:08X}-{}.gz",
        Sha1Digest::of(&noise(1000 + number))
    )
}

/// An encrypted repository with one compressed backup and WAL.
fn encrypted() -> MemoryStorage {
    let memory = MemoryStorage::new();
    let stanza = Stanza::new("demo").unwrap();
    let history = test_stanza::history();
    let pass = secret(PASS);
    ArchiveInfo::new(history.clone(), secret(ARCHIVE_KEY))
        .save(&memory, &stanza, pass.as_ref())
        .unwrap();
    let mut header = BackupHeader::new(BackupType::Full, 1_700_000_000);
    header.timestamp_stop = 1_700_000_100;
    let options = BackupOptions {
        compress_type: CompressType::Gz,
        ..BackupOptions::default()
    };
    let label: BackupLabel = FULL.parse().unwrap();
    let mut manifest = test_stanza::manifest(&label, header, options);
    manifest.cipher_pass = secret(SET_KEY);
    for number in 0..FILES {
        let plain = noise(number);
        let bytes = stored(&plain, SET_KEY);
        let data = FileData {
            size: plain.len() as u64,
            size_original: plain.len() as u64,
            repo_size: bytes.len() as u64,
            checksum: Some(Sha1Digest::of(&plain)),
            repo_checksum: number.is_multiple_of(2).then(|| Sha1Digest::of(&bytes)),
            ..FileData::default()
        };
        manifest.add_file(format!("pg_data/base/{number}").as_bytes(), &data);
        write(&memory, &file(number), &bytes);
    }
    let key = secret(MANIFEST_KEY);
    manifest
        .save(&memory, &stanza, &label, key.as_ref())
        .unwrap();
    let mut info = BackupInfo::new(history, key);
    info.add(manifest.backup_entry().unwrap());
    info.save(&memory, &stanza, pass.as_ref()).unwrap();
    for number in 0..SEGMENTS {
        let bytes = stored(&noise(1000 + number), ARCHIVE_KEY);
        write(&memory, &segment(number), &bytes);
    }
    memory
}

fn local(storage: &Arc<dyn Storage>) -> Repository {
    Repository {
        key: 1,
        storage: Arc::clone(storage),
        pass: secret(PASS),
        elsewhere: None,
    }
}

/// The same repository for a client of its host, and the host.
fn elsewhere(storage: &Arc<dyn Storage>, rights: Rights) -> (Repository, Arc<InMemory>) {
    let repository = local(storage);
    let answer = Answer::Repo(describe(&**storage, repository.cipher_name()));
    let service = StorageService::new(Arc::new(context(&[])), repository, rights);
    let host = InMemory::new(service, answer, 2);
    let remote = RemoteStorage::new(host.link(Side::Repo, "verify"), "/unknown");
    let remote = Arc::new(remote.with_plain_info(PlainInfo::WithoutSetKeys));
    let repository = Repository {
        key: 1,
        storage: remote.clone(),
        pass: None,
        elsewhere: Some(remote),
    };
    (repository, host)
}

fn text((outcome, findings): (Outcome, Findings)) -> (String, u64, Option<ErrorCode>, usize) {
    let text = match outcome {
        Outcome::Note(note) => note,
        Outcome::Results(results) => {
            let problems: Vec<_> = (results.problems.iter())
                .map(|problem| {
                    let code = problem.error.as_ref().map(|error| error.code);
                    format!("\n{} {:?} {code:?}", problem.path, problem.fault)
                })
                .collect();
            format!("{}{}", render::render(&results, true), problems.concat())
        }
    };
    let unusable = findings.unusable().len();
    (text, findings.count(), findings.gravest(), unusable)
}

#[test]
fn neither_stored_bytes_nor_keys_of_sets_cross() {
    let storage: Arc<dyn Storage> = Arc::new(encrypted());
    let rights = Grants::read("x", "demo:get").unwrap();
    let (repository, host) = elsewhere(&storage, rights.rights(Some("demo")).unwrap());
    let found = text(of(&repository, &["--process-max=2"]));
    assert_eq!((found.1, found.2), (0, None), "{}", found.0);
    assert!(
        found
            .0
            .contains("total files checked: 24, total valid files: 24")
            && found
                .0
                .contains("total WAL checked: 12, total valid WAL: 12"),
        "{}",
        found.0
    );
    let crossed = host.cut.crossed();
    // The header of four segments is looked for, which these here do not have. Nothing else of all that is stored is sent.
    let whole = (FILES + SEGMENTS) as usize * FILE_BYTES;
    let most = 4 * (FILE_BYTES + 1000) + whole / 8;
    assert!(crossed.len() < most, "{} bytes", crossed.len());
    let has = |secret: &str| {
        crossed
            .windows(secret.len())
            .any(|bytes| bytes == secret.as_bytes())
    };
    assert!(has("pg_data/base/7"), "what crosses is seen");
    for key in [PASS, MANIFEST_KEY, SET_KEY] {
        assert!(!has(key), "{key}");
    }
}

#[test]
fn damage_of_each_kind_is_found_as_on_the_host_itself() {
    let flip = |memory: &MemoryStorage, path: &str, at: usize| {
        let path_of = StoragePath::new(path);
        let read = pgkeep_storage::copy::read_all(memory, &path_of, 1 << 20);
        let mut bytes = read.unwrap().unwrap();
        let at = at.min(bytes.len() - 1);
        bytes[at] ^= 0x55;
        write(memory, path, &bytes);
    };
    let remove = |memory: &MemoryStorage, path: &str| {
        memory.remove(&StoragePath::new(path)).unwrap();
    };
    let manifest = format!("backup/demo/{FULL}/backup.manifest");
    let copy = format!("{manifest}.copy");
    let info = layout::backup_info(&Stanza::new("demo").unwrap()).to_string();
    type Damage<'a> = (&'a str, Box<dyn Fn(&MemoryStorage) + 'a>);
    let damages: Vec<Damage<'_>> = vec![
        ("none", Box::new(|_| {})),
        ("stored byte", Box::new(|m| flip(m, &file(2), 1000))),
        ("packed byte", Box::new(|m| flip(m, &file(3), 1000))),
        ("magic of a cipher", Box::new(|m| flip(m, &file(5), 0))),
        ("end of a cipher", Box::new(|m| flip(m, &file(7), 1 << 20))),
        ("short", Box::new(|m| write(m, &file(4), b"short"))),
        ("short packed", Box::new(|m| write(m, &file(9), b"short"))),
        (
            "other key",
            Box::new(|m| write(m, &file(11), &stored(&noise(11), "another"))),
        ),
        (
            "other content",
            Box::new(|m| write(m, &file(13), &stored(b"another", SET_KEY))),
        ),
        ("no file", Box::new(|m| remove(m, &file(6)))),
        ("wal byte", Box::new(|m| flip(m, &segment(3), 5000))),
        ("wal magic", Box::new(|m| flip(m, &segment(0), 2))),
        ("empty wal", Box::new(|m| write(m, &segment(4), b""))),
        ("empty manifest", Box::new(|m| write(m, &manifest, b""))),
        ("manifest byte", Box::new(|m| flip(m, &manifest, 100))),
        ("copy byte", Box::new(|m| flip(m, &copy, 100))),
        (
            "both manifests",
            Box::new(|m| {
                flip(m, &manifest, 100);
                flip(m, &copy, 100);
            }),
        ),
        (
            "no manifest",
            Box::new(|m| {
                remove(m, &manifest);
                remove(m, &copy);
            }),
        ),
        ("info byte", Box::new(|m| flip(m, &info, 40))),
        (
            "no info",
            Box::new(|m| {
                remove(m, &info);
                remove(m, &format!("{info}.copy"));
            }),
        ),
        (
            "archive.info",
            Box::new(|m| flip(m, "archive/demo/archive.info", 40)),
        ),
    ];
    for (name, damage) in damages {
        let memory = encrypted();
        damage(&memory);
        let storage: Arc<dyn Storage> = Arc::new(memory);
        let here = text(of(&local(&storage), &["--process-max=2"]));
        let (repository, _host) = elsewhere(&storage, Rights::admin());
        let there = text(of(&repository, &["--process-max=2"]));
        assert_eq!(there, here, "{name}");
        assert_eq!(name == "none", here.2.is_none(), "{name}: {}", here.0);
    }
}

/// Nor is it one when the other host refuses: the next file would be refused too.
#[test]
fn who_may_not_read_is_refused_and_told_of_no_damage() {
    let storage: Arc<dyn Storage> = Arc::new(encrypted());
    let rights = Grants::read("x", "demo:push").unwrap();
    let (repository, _host) = elsewhere(&storage, rights.rights(Some("demo")).unwrap());
    let context = context(&[]);
    let settings = Settings::from(&context).unwrap();
    let mut findings = Findings::default();
    let Err(error) = verify(&context, &settings, &repository, &mut findings) else {
        panic!("it was let in")
    };
    assert_eq!((error.code, findings.count()), (ErrorCode::Access, 0));
}

/// A connection that breaks ends the run with an error, never with a verdict on files.
#[test]
fn a_connection_that_breaks_is_no_damage() {
    let storage: Arc<dyn Storage> = Arc::new(encrypted());
    for at in [3, 10, 20, 25, 30] {
        let (repository, host) = elsewhere(&storage, Rights::admin());
        host.cut.set(at);
        let context = context(&[]);
        let settings = Settings::from(&context).unwrap();
        let mut findings = Findings::default();
        let result = verify(&context, &settings, &repository, &mut findings);
        assert!(host.cut.happened(), "{at} writes are not reached");
        let Err(error) = result else {
            panic!("cut at {at}: it ended well")
        };
        assert!(error.is_about_the_storage(), "{at}: {error}");
        assert_eq!(findings.count(), 0);
    }
}
