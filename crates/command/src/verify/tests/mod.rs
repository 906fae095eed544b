//! Verdicts on repositories that are sound or damaged in one way, in memory.

mod age;
mod elsewhere;

use std::sync::{Arc, Mutex};

use pgkeep_pipeline::Sha1Digest;
use pgkeep_repo::manifest::{BackupHeader, BackupOptions, FileData, Manifest};
use pgkeep_repo::{ArchiveInfo, BackupInfo, BackupLabel, BackupType, Stanza};
use pgkeep_storage::copy::write_all;
use pgkeep_storage::memory::MemoryStorage;
use pgkeep_storage::wrap::latency::{Latency, LatencySettings};
use pgkeep_storage::{Storage, StoragePath, WriteOptions};

use super::*;
use crate::hosts::this_host;
use crate::run::context::Output;
use crate::run::{test_context, test_stanza};

const FULL: &str = "20260101-000000F";
const INCR: &str = "20260101-000000F_20260102-000000I";

fn context(options: &[&str]) -> Context {
    // Nothing is left on this host.
    let nowhere = ["--spool-path=/nowhere"];
    let own = options.iter().any(|word| word.starts_with("--spool-path"));
    let spool = if own { &[][..] } else { &nowhere };
    test_context::new(Program::PgKeep, "verify", &[options, spool].concat())
}

fn write(memory: &dyn Storage, path: &str, content: &[u8]) {
    write_all(
        memory,
        &StoragePath::new(path),
        &WriteOptions::default(),
        content,
    )
    .unwrap();
}

/// A full backup of `files` small files, an incr that refers to all of them, and `files` segments of WAL.
fn repository(files: u32) -> MemoryStorage {
    let memory = MemoryStorage::new();
    fill(&memory, files);
    memory
}

fn fill(memory: &dyn Storage, files: u32) {
    let stanza = Stanza::new("demo").unwrap();
    let history = test_stanza::history();
    let mut info = BackupInfo::new(history.clone(), None);
    ArchiveInfo::new(history, None)
        .save(memory, &stanza, None)
        .unwrap();
    for (text, backup_type) in [(FULL, BackupType::Full), (INCR, BackupType::Incr)] {
        let label: BackupLabel = text.parse().unwrap();
        let mut header = BackupHeader::new(backup_type, 1_700_000_000);
        header.prior = (backup_type == BackupType::Incr).then(|| FULL.parse().unwrap());
        header.timestamp_stop = 1_700_000_100;
        let mut manifest = test_stanza::manifest(&label, header, BackupOptions::default());
        let reference =
            (backup_type == BackupType::Incr).then(|| manifest.label_id(&FULL.parse().unwrap()));
        for number in 0..files {
            let content = format!("content {number}");
            let name = format!("pg_data/base/{number}");
            let data = FileData {
                size: content.len() as u64,
                size_original: content.len() as u64,
                repo_size: content.len() as u64,
                checksum: Some(Sha1Digest::of(content.as_bytes())),
                reference,
                ..FileData::default()
            };
            manifest.add_file(name.as_bytes(), &data);
            if backup_type == BackupType::Full {
                write(
                    memory,
                    &format!("backup/demo/{FULL}/{name}"),
                    content.as_bytes(),
                );
            }
        }
        manifest.save(memory, &stanza, &label, None).unwrap();
        info.add(manifest.backup_entry().unwrap());
    }
    info.save(memory, &stanza, None).unwrap();
    (0..files).for_each(|number| write(memory, &wal(number), b"wal"));
}

fn wal(number: u32) -> String {
    let directory = format!("00000001{:08X}", number / 256);
    format!(
        "archive/demo/17-1/{directory}/{directory}{:08X}-{}",
        number % 256,
        Sha1Digest::of(b"wal")
    )
}

fn check(storage: Arc<dyn Storage>, options: &[&str]) -> (String, Findings) {
    let (body, findings) = bodied(storage, options);
    let text = match body {
        Outcome::Note(note) => note,
        Outcome::Results(results) => {
            render::render(&results, Settings::from(&context(options)).unwrap().verbose)
        }
    };
    (text, findings)
}

fn bodied(storage: Arc<dyn Storage>, options: &[&str]) -> (Outcome, Findings) {
    let repository = Repository {
        elsewhere: None,
        key: 1,
        storage,
        pass: None,
    };
    of(&repository, options)
}

fn of(repository: &Repository, options: &[&str]) -> (Outcome, Findings) {
    let context = context(options);
    let settings = Settings::from(&context).unwrap();
    let mut findings = Findings::default();
    let body = verify(&context, &settings, repository, &mut findings).unwrap();
    (body, findings)
}

#[test]
fn a_sound_repository_is_told_to_be_sound() {
    let (text, findings) = check(Arc::new(repository(20)), &["--verbose", "--process-max=3"]);
    assert_eq!((findings.count(), findings.gravest()), (0, None));
    assert_eq!(
        text.matches("total files checked: 20, total valid files: 20")
            .count(),
        2,
        "{text}"
    );
    assert!(
        text.contains("total WAL checked: 20, total valid WAL: 20"),
        "{text}"
    );
}

#[test]
fn damage_makes_every_backup_that_needs_the_file_invalid() {
    let memory = repository(20);
    write(
        &memory,
        &format!("backup/demo/{FULL}/pg_data/base/3"),
        b"CONTENT 3",
    );
    memory
        .remove(&StoragePath::new(format!(
            "backup/demo/{FULL}/pg_data/base/4"
        )))
        .unwrap();
    write(&memory, &wal(5), b"WAL");
    write(&memory, &format!("{}.gz", wal(6)), b"twice");
    let (text, findings) = check(Arc::new(memory), &[]);
    assert_eq!(findings.count(), 4);
    assert_eq!(findings.gravest(), Some(ErrorCode::FileMissing));
    for label in [FULL, INCR] {
        let line = format!(
            "backup: {label}, status: invalid, total files checked: 20, total valid files: 18"
        );
        assert!(
            text.contains(&format!("{line}\n    missing: 1, checksum invalid: 1")),
            "{text}"
        );
    }
    assert!(
        text.contains("total WAL checked: 21, total valid WAL: 18\n    checksum invalid: 1"),
        "{text}"
    );
}

#[test]
fn a_file_that_is_stored_twice_and_damaged_once_is_a_finding_but_no_error_of_pgbackrest() {
    for file in [
        format!("backup/demo/{FULL}/backup.manifest"),
        format!("backup/demo/{FULL}/backup.manifest.copy"),
        "backup/demo/backup.info".to_owned(),
        "archive/demo/archive.info.copy".to_owned(),
    ] {
        // As a crash of the machine may leave it.
        let memory = repository(2);
        write(&memory, &file, b"");
        let (_, findings) = check(Arc::new(memory), &[]);
        assert_eq!(
            (findings.count(), findings.gravest()),
            (0, Some(ErrorCode::FileInvalid)),
            "{file}"
        );
        let [told] = findings.unusable() else {
            panic!("{file}: {findings:?}")
        };
        let name = file.rsplit('/').next().unwrap();
        assert!(told.contains(&format!("{name} cannot be used")), "{told}");
    }
}

#[test]
fn a_listed_backup_without_manifest_is_a_finding_but_no_error_of_pgbackrest() {
    let memory = repository(2);
    memory
        .remove_tree(&StoragePath::new(format!("backup/demo/{INCR}")))
        .unwrap();
    let (_, findings) = check(Arc::new(memory), &[]);
    assert_eq!(
        (findings.count(), findings.gravest()),
        (0, Some(ErrorCode::FileMissing))
    );
}

#[test]
fn the_document_names_every_problem_and_what_can_be_restored() {
    let memory = repository(20);
    write(&memory, &wal(5), b"WAL");
    write(&memory, &format!("{}.gz", wal(6)), b"twice");
    let label: BackupLabel = INCR.parse().unwrap();
    online(&memory, &label, 2, 3);
    let settings = Settings::from(&context(&[])).unwrap();
    let (body, findings) = bodied(Arc::new(memory), &[]);
    let document = document::render(&settings, &findings, &body);
    let segment = |number: u32| format!("0000000100000000{number:08X}");
    assert_eq!(document["status"]["message"], "error");
    assert_eq!(document["status"]["error-total"], 2);
    assert_eq!(document["archive"][0]["total"]["valid"], 18);
    assert_eq!(document["archive"][0]["duplicate"][0], segment(6));
    assert_eq!(document["problem"][0]["problem"], "checksum-invalid");
    assert!(
        document["problem"][0]["path"]
            .as_str()
            .unwrap()
            .starts_with(&format!("17-1/0000000100000000/{}-", segment(5))),
        "{document}"
    );
    // The full backup was made without WAL.
    let full = &document["backup"][0]["restorable"];
    assert_eq!(
        (&full["possible"], full["window"][0].is_null()),
        (&true.into(), true)
    );
    let incr = &document["backup"][1]["restorable"];
    assert_eq!(incr["from"]["wal"], segment(3));
    assert_eq!(incr["window"][0]["to"]["wal"], segment(4));
    assert_eq!(incr["window"][0]["gap"]["start"], segment(5));
    assert_eq!(incr["window"][0]["gap"]["stop"], segment(6));
}

#[test]
fn wal_that_a_listed_backup_needs_must_be_there() {
    let memory = repository(4);
    let label: BackupLabel = FULL.parse().unwrap();
    online(&memory, &label, 3, 5);
    let (body, findings) = bodied(Arc::new(memory), &[]);
    assert_eq!(
        (findings.count(), findings.gravest()),
        (0, Some(ErrorCode::FileMissing))
    );
    let Outcome::Results(results) = body else {
        panic!("nothing was verified")
    };
    let text = moments::render(&context(&[]), &results);
    assert!(
        text.contains(&format!(
            "{FULL}: nothing, WAL that it needs is missing or damaged: 000000010000000000000004 to \
             000000010000000000000005"
        )),
        "{text}"
    );
    assert!(
        text.contains(&format!("{INCR}: 2023-11-14 22:15:00+00 only, ")),
        "{text}"
    );
}

/// Gives a backup of [`repository`] the WAL `start` to `stop`.
fn online(memory: &MemoryStorage, label: &BackupLabel, start: u32, stop: u32) {
    let stanza = Stanza::new("demo").unwrap();
    let mut manifest = Manifest::load(memory, &stanza, label, None).unwrap();
    let segment = |number: u32| Some(format!("0000000100000000{number:08X}"));
    manifest.backup.archive_start = segment(start);
    manifest.backup.archive_stop = segment(stop);
    manifest.backup.lsn_stop = Some(format!("0/{:X}", (stop << 24) + 0x100));
    manifest.save(memory, &stanza, label, None).unwrap();
}

#[test]
fn a_slow_line_costs_no_round_trip_a_file() {
    let slow = Latency::new(Arc::new(repository(1000)), LatencySettings::default());
    let (_, findings) = check(Arc::new(slow.clone()), &["--verbose"]);
    assert_eq!(findings.count(), 0);
    assert!(
        slow.serial_round_trips() < 100,
        "{} round trips",
        slow.serial_round_trips()
    );
}

/// What a command prints.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn all_repositories_are_verified_and_each_result_names_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| this_host::directory(&dir.path().join(name));
    let paths =
        ["repo1", "repo2"].map(|name| format!("--{name}-path={}", dir.path().join(name).display()));
    for name in ["repo1", "repo2"] {
        fill(&*place(name), 3);
    }
    let verify = |more: &[&str]| {
        let printed = Printed::default();
        let options: Vec<&str> = paths
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        let context = Context {
            output: Output::new(printed.clone()),
            ..context(&options)
        };
        let result = run(&context);
        (
            result,
            String::from_utf8(printed.0.lock().unwrap().clone()).unwrap(),
        )
    };
    let (result, text) = verify(&["--output=text"]);
    result.unwrap();
    assert!(
        text.contains("stanza: demo in repo1\nstatus: ok\n"),
        "{text}"
    );
    assert!(
        text.contains("stanza: demo in repo2\nstatus: ok\n"),
        "{text}"
    );

    // Damage in the second alone is found, and told of the second.
    write(&*place("repo2"), &wal(1), b"WAL");
    let (result, text) = verify(&["--output=json"]);
    let error = result.unwrap_err();
    assert_eq!(error.code, ErrorCode::Checksum);
    assert!(
        error.message.starts_with("repo2: ") && !error.message.contains("repo1"),
        "{error}"
    );
    let codes: Vec<(u64, u64)> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|document| {
            (
                document["repo-key"].as_u64().unwrap(),
                document["status"]["code"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(codes, [(1, 0), (2, 26)]);
    verify(&["--repo=1"]).0.unwrap();

    // One that is not there does not hide the other, and the gravest code is that of the run.
    place("repo1").remove_tree(&StoragePath::root()).unwrap();
    let (result, text) = verify(&["--output=json"]);
    assert!(text.contains("\"repo-key\":2"), "{text}");
    let message = result.unwrap_err().message;
    assert!(
        message.contains("repo1: ") && message.contains("\nrepo2: "),
        "{message}"
    );

    // A set is verified where it is.
    fill(&*place("repo1"), 3);
    place("repo1")
        .remove_tree(&StoragePath::from("backup/demo").join(INCR))
        .unwrap();
    fill(&*place("repo2"), 3);
    let (result, text) = verify(&["--output=text", &format!("--set={INCR}")]);
    assert!(
        text.starts_with("stanza: demo in repo2\nstatus: ok\n"),
        "{text}"
    );
    assert!(!text.contains("repo1"), "{text}");
    result.unwrap();
}
