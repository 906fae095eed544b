#![allow(clippy::disallowed_methods)] // opens the lock file as another process does

use std::fs::File;
use std::time::Duration;

use pgkeep_config::Program;
use rustix::fs::FlockOperation;

use super::lock::{SHORT_TRIES, outlast_readers};
use super::stop_file::Stopped;
use super::*;
use crate::error::ErrorCode;
use crate::run::test_context;

#[test]
fn a_second_taker_is_refused_unless_it_shares_the_exec_id() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made/on/demand");
    let name = file_name("demo", LockType::Backup, 1);
    assert_eq!(state(&path, &name).unwrap(), LockState::Missing);
    let mut lock = Lock::acquire(&path, "demo", LockType::Backup, 1, "1-aaaaaaaa").unwrap();
    lock.note_progress(200, 50).unwrap();
    let LockState::Held(data) = state(&path, &name).unwrap() else {
        panic!("the lock is held")
    };
    assert_eq!(
        (data.size, data.size_complete, data.percent_complete),
        (Some(200), Some(50), Some(2500))
    );
    let error = Lock::acquire(&path, "demo", LockType::Backup, 1, "2-bbbbbbbb").unwrap_err();
    assert_eq!(error.code, ErrorCode::LockAcquire);
    assert_eq!(error.hints, ["is another pgBackRest process running?"]);
    drop(Lock::acquire(&path, "demo", LockType::Backup, 1, "1-aaaaaaaa").unwrap());
    assert!(
        matches!(state(&path, &name).unwrap(), LockState::Held(_)),
        "sharing must not release"
    );
    drop(lock);
    assert_eq!(state(&path, &name).unwrap(), LockState::Missing);
}

#[test]
fn progress_is_taken_out_of_the_file_when_something_else_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut lock = Lock::acquire(dir.path(), "main", LockType::Backup, 1, "1-a").unwrap();
    let text = || std::fs::read_to_string(dir.path().join("main-backup-1.lock")).unwrap();
    lock.note_progress(100, 50).unwrap();
    assert_eq!(
        LockData::parse(&text()).unwrap().percent_complete,
        Some(5000)
    );
    lock.clear_progress().unwrap();
    let cleared = LockData::parse(&text()).unwrap();
    assert_eq!(
        (
            cleared.percent_complete,
            cleared.size,
            cleared.size_complete
        ),
        (None, None, None)
    );
    lock.note_progress(100, 1).unwrap();
    assert_eq!(
        LockData::parse(&text()).unwrap().percent_complete,
        Some(100)
    );
}

#[test]
fn a_file_left_by_a_crashed_owner_is_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let name = file_name("demo", LockType::Archive, 2);
    std::fs::write(dir.path().join(&name), "rubbish").unwrap();
    assert_eq!(state(dir.path(), &name).unwrap(), LockState::Unheld);
    let lock = Lock::acquire(dir.path(), "demo", LockType::Archive, 2, "1-a").unwrap();
    assert!(matches!(
        state(dir.path(), &name).unwrap(),
        LockState::Held(_)
    ));
    drop(lock);
}

#[test]
fn one_that_reads_is_not_taken_for_the_holder_and_hinders_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let name = file_name("demo", LockType::Archive, 1);
    // What a crashed owner leaves, held by nobody.
    std::fs::write(dir.path().join(&name), "{\"execId\":\"9-f\",\"pid\":1}").unwrap();
    let reader = File::open(dir.path().join(&name)).unwrap();
    rustix::fs::flock(&reader, FlockOperation::NonBlockingLockShared).unwrap();
    assert_eq!(state(dir.path(), &name).unwrap(), LockState::Unheld);
    // Nor does it keep anybody from taking the lock.
    std::thread::scope(|scope| {
        let taken = scope.spawn(|| Lock::acquire(dir.path(), "demo", LockType::Archive, 1, "1-a"));
        std::thread::sleep(Duration::from_millis(20));
        drop(reader);
        taken.join().unwrap().unwrap();
    });
}

#[test]
fn reading_by_pgbackrest_keeps_nobody_from_a_lock_that_must_be_had() {
    let dir = tempfile::tempdir().unwrap();
    let name = file_name("demo", LockType::Backup, 1);
    std::fs::write(dir.path().join(&name), b"").unwrap();
    let reader = File::open(dir.path().join(&name)).unwrap();
    rustix::fs::flock(&reader, FlockOperation::NonBlockingLockExclusive).unwrap();
    let mut reader = Some(reader);
    let mut tries = 0;
    let lock = outlast_readers(|| {
        tries += 1;
        let taken = Lock::try_acquire(dir.path(), "demo", LockType::Backup, 1, "1-a");
        reader = None;
        taken
    });
    assert!(lock.unwrap().is_some());
    assert_eq!(tries, 2);
    // One that stays is told in the end.
    let mut tries = 0;
    assert!(
        outlast_readers::<()>(|| {
            tries += 1;
            Ok(None)
        })
        .unwrap()
        .is_none()
    );
    assert_eq!(tries, SHORT_TRIES);
}

#[test]
fn a_stop_file_of_the_stanza_comes_before_that_of_all_and_each_has_its_own_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let lock_path = format!("--lock-path={}", dir.path().display());
    let context = test_context::new(
        Program::PgKeep,
        "stanza-delete",
        &[&lock_path, "--pg1-path=/pg"],
    );
    let found = || stop_file::find(&context).unwrap();
    assert_eq!(found(), None);
    std::fs::write(dir.path().join("all.stop"), "").unwrap();
    assert_eq!(found(), Some(Stopped::AllStanzas));
    let error = stop_file::check(&context).unwrap_err();
    assert_eq!(
        error.text(),
        "stop file exists for all stanzas\nHINT: they were stopped on purpose; to go on: pgkeep start"
    );
    std::fs::write(dir.path().join("demo.stop"), "").unwrap();
    assert_eq!(found(), Some(Stopped::Stanza("demo")));
    assert_eq!(
        stop_file::check(&context).unwrap_err().text(),
        "stop file exists for stanza demo\nHINT: it was stopped on purpose; to go on: pgkeep --stanza=demo start"
    );
    // Whatever the name says.
    assert_eq!(
        Stopped::Stanza("all stanzas").start(),
        "pgkeep --stanza=\"all stanzas\" start"
    );
}

/// Names that could be taken for one another.
const STANZAS: [&str; 9] = [
    "a",
    "a-b",
    "a-archive",
    "a-backup",
    "a-1",
    "a-backup-1",
    "a-persist-1-archive",
    "1",
    "archive",
];

#[test]
fn a_lock_file_is_of_one_stanza_only() {
    let types = [
        LockType::Archive,
        LockType::Backup,
        LockType::Restore,
        LockType::Persist,
    ];
    for stanza in STANZAS {
        for lock_type in types {
            for key in [1, 256] {
                let name = file_name(stanza, lock_type, key);
                assert_eq!(stanza_of(&name), Some(stanza), "{name}");
            }
            let before_2_53 = format!("{stanza}-{}.lock", lock_type.name());
            assert_eq!(stanza_of(&before_2_53), Some(stanza), "{before_2_53}");
        }
        let earlier_build = format!("{stanza}-hold-1.lock");
        assert_eq!(stanza_of(&earlier_build), Some(stanza), "{earlier_build}");
    }
    for name in [
        "a.lock",
        "a-1.lock",
        "-archive-1.lock",
        "archive-1.lock",
        "a-archive-1",
        "a-archive-x.lock",
        "a-archive-.lock",
        "a-other-1.lock",
        ".lock",
        "",
    ] {
        assert_eq!(stanza_of(name), None, "{name}");
    }
}

#[test]
fn who_holds_a_lock_is_told_with_its_start_and_what_it_does() {
    let clock = crate::run::clock::Clock::system(jiff::tz::TimeZone::UTC);
    let mut data = LockData {
        pid: std::process::id(),
        percent_complete: Some(3456),
        ..LockData::default()
    };
    let hints = holder::hints(&data, &clock);
    let (who, next) = (&hints[0], &hints[1]);
    let pid = data.pid;
    assert!(
        who.starts_with(&format!("process {pid} holds the lock: ")),
        "{who}"
    );
    let today = clock.local_text(clock.seconds());
    assert!(who.contains(&today[..8]), "{who}");
    assert!(
        who.contains(", started by ") && who.ends_with(", 34% done"),
        "{who}"
    );
    assert_eq!(
        *next,
        format!("wait until it has ended, or end it with 'kill {pid}'.")
    );
    // No process has this number.
    data.pid = u32::MAX;
    let hints = holder::hints(&data, &clock);
    assert_eq!(hints.len(), 1);
    assert!(hints[0].contains("is not visible here"), "{hints:?}");
}

#[test]
fn a_pipe_in_place_of_a_lock_file_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let name = file_name("demo", LockType::Backup, 1);
    let path = dir.path().join(&name);
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
    let error = state(dir.path(), &name).unwrap_err();
    assert!(error.message.contains("no regular file"), "{error}");
    let error = Lock::acquire(dir.path(), "demo", LockType::Backup, 1, "1-a").unwrap_err();
    assert_eq!(error.code, ErrorCode::LockAcquire);
    assert!(error.message.contains("no regular file"), "{error}");
}
