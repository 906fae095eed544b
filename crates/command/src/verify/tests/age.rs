//! What is remembered of a verification, and what is read again.
#![allow(clippy::disallowed_methods)] // looks at the file as somebody else does

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::run::cancel::Cancel;
use crate::run::clock::Clock;
use crate::run::moved::Moved;
use crate::run::progress::Progress;

const DAY: Duration = Duration::from_secs(86_400);

/// Notes which files were read, and stops the run after some.
#[derive(Debug, Default)]
struct Noted {
    files: Mutex<Vec<String>>,
    stop: Option<(usize, Cancel)>,
    /// After the first so many files time passes, and after the second something is looked at.
    times: Option<(usize, usize, Clock, std::path::PathBuf)>,
    has_seen: std::sync::atomic::AtomicBool,
}

impl Progress for Noted {
    fn begin(&self, _stage: &str, _total_bytes: u64, _moved: &Arc<Moved>) {}

    fn finished(&self, file: &str) {
        let mut files = self.files.lock().unwrap();
        files.push(file.to_owned());
        if let Some((after, cancel)) = &self.stop
            && files.len() == *after
        {
            cancel.cancel(15);
        }
        if let Some((sleep, look, clock, path)) = &self.times {
            if files.len() == *sleep {
                clock.sleep(Duration::from_secs(301));
            }
            if files.len() == *look {
                let is_there = path.exists();
                self.has_seen
                    .store(is_there, std::sync::atomic::Ordering::SeqCst);
            }
        }
    }

    fn end(&self) {}
    fn doing(&self, _what: Option<&str>) {}
    fn close(&self) {}
}

/// A repository that is verified from time to time.
struct Fixture {
    spool: TempDir,
    storage: Arc<MemoryStorage>,
    clock: Clock,
}

impl Fixture {
    fn new(files: u32) -> Self {
        Self {
            spool: tempfile::tempdir().unwrap(),
            storage: Arc::new(repository(files)),
            clock: context(&[] as &[&str]).clock,
        }
    }

    fn run(&self, stop: Option<usize>) -> (Result<Results>, Vec<String>) {
        self.run_with(&["--age=7d"], stop)
    }

    fn run_with(&self, options: &[&str], stop: Option<usize>) -> (Result<Results>, Vec<String>) {
        let spool = format!("--spool-path={}", self.spool.path().display());
        let context = context(&[options, &["--process-max=1", &spool]].concat());
        let noted = Arc::new(Noted {
            stop: stop.map(|after| (after, context.cancel.clone())),
            ..Noted::default()
        });
        let context = Context {
            clock: self.clock.clone(),
            progress: Arc::clone(&noted) as Arc<dyn Progress>,
            ..context
        };
        let repository = Repository {
            elsewhere: None,
            key: 1,
            storage: Arc::clone(&self.storage) as Arc<dyn Storage>,
            pass: None,
        };
        let settings = Settings::from(&context).unwrap();
        let mut findings = Findings::default();
        let results = verify(&context, &settings, &repository, &mut findings);
        let results = results.map(|outcome| match outcome {
            Outcome::Results(results) => results,
            Outcome::Note(note) => panic!("{note}"),
        });
        let results = results.and_then(|results| match &results.ended {
            Some(ended) => Err(ended.clone()),
            None => Ok(results),
        });
        let files = std::mem::take(&mut *noted.files.lock().unwrap());
        (results, files)
    }

    /// The files that a run reads, and its result.
    fn verify(&self) -> (Results, Vec<String>) {
        let (results, files) = self.run(None);
        (results.unwrap(), files)
    }

    fn after(&self, days: u32) -> (Results, Vec<String>) {
        self.clock.sleep(DAY * days);
        self.verify()
    }

    fn record(&self) -> std::path::PathBuf {
        self.spool.path().join("verify/demo/repo1.json")
    }

    fn status(results: &Results) -> Vec<Status> {
        results.backups.iter().map(|backup| backup.status).collect()
    }
}

use super::super::result::{Results, Status};

#[test]
fn what_was_verified_is_read_again_when_its_time_is_over() {
    let fixture = Fixture::new(20);
    assert_eq!(fixture.verify().1.len(), 40);
    let (results, files) = fixture.after(6);
    assert!(files.is_empty(), "{files:?}");
    assert_eq!(Fixture::status(&results), [Status::Valid; 2]);
    let full = &results.backups[0];
    assert_eq!((full.checked, full.valid, full.skipped), (0, 0, 20));
    assert!(full.verified.is_some());
    // All its files are those of the other.
    let incr = &results.backups[1];
    assert_eq!((incr.checked, incr.valid, incr.skipped), (20, 20, 0));
    assert_eq!(results.archives[0].checked, 0);
    assert_eq!(results.archives[0].skipped.len(), 1);
    // What was skipped counts as it was, for what can be restored too.
    assert_eq!(results.archives[0].runs.len(), 1);
    assert_eq!(fixture.after(2).1.len(), 40);
    assert!(fixture.after(1).1.is_empty());
}

#[test]
fn a_directory_of_wal_that_has_grown_is_due() {
    let fixture = Fixture::new(300);
    fixture.verify();
    write(&*fixture.storage, &wal(300), b"wal");
    let (_, files) = fixture.after(1);
    assert_eq!(files.len(), 300 - 256 + 1);
    assert!(fixture.after(1).1.is_empty());
}

#[test]
fn damage_is_never_remembered_as_verified() {
    let fixture = Fixture::new(20);
    let damaged = format!("backup/demo/{FULL}/pg_data/base/3");
    write(&*fixture.storage, &damaged, b"CONTENT 3");
    write(&*fixture.storage, &wal(5), b"WAL");
    for _ in 0..2 {
        let (results, files) = fixture.after(1);
        assert_eq!(files.len(), 40);
        // Also the backup that refers to the file.
        assert_eq!(Fixture::status(&results), [Status::Invalid; 2]);
        assert_eq!(results.archives[0].faults.checksum, 1);
    }
    write(&*fixture.storage, &damaged, b"content 3");
    write(&*fixture.storage, &wal(5), b"wal");
    assert_eq!(fixture.after(1).1.len(), 40);
    assert!(fixture.after(1).1.is_empty());

    // It happens when both are remembered, and is found in both when the time of the full backup is over.
    write(&*fixture.storage, &damaged, b"CONTENT 3");
    assert_eq!(Fixture::status(&fixture.after(1).0), [Status::Valid; 2]);
    assert_eq!(Fixture::status(&fixture.after(7).0), [Status::Invalid; 2]);
    assert_eq!(Fixture::status(&fixture.after(1).0), [Status::Invalid; 2]);
}

#[test]
fn a_run_that_is_stopped_is_gone_on_with() {
    let fixture = Fixture::new(600);
    let (stopped, files) = fixture.run(Some(300));
    assert_eq!(stopped.unwrap_err().code, ErrorCode::Term);
    let read = files.len();
    assert!((300..400).contains(&read));
    // The first directory of WAL was whole, the second was not.
    let (results, files) = fixture.after(1);
    assert_eq!(files.len(), 1200 - read);
    let skipped = |at: usize| results.archives[0].skipped[at].2;
    assert_eq!([skipped(0), skipped(1)], [256, read as u64 - 256]);
    assert!(fixture.verify().1.is_empty());
}

#[test]
fn a_stop_before_anything_was_read_as_a_whole_forgets_nothing() {
    let fixture = Fixture::new(300);
    fixture.verify();
    let before = std::fs::read(fixture.record()).unwrap();
    write(&*fixture.storage, &wal(300), b"wal");
    fixture.clock.sleep(DAY);
    let (stopped, first) = fixture.run(Some(1));
    stopped.unwrap_err();
    let (_, files) = fixture.after(1);
    assert_eq!(files.len(), 45 - first.len());
    assert_ne!(std::fs::read(fixture.record()).unwrap(), before);
}

#[test]
fn the_longest_overdue_is_read_first() {
    let fixture = Fixture::new(600);
    fixture.verify();
    // The first directory is read again, and so has more time than all others.
    let again = wal(7);
    let content = read_all(&*fixture.storage, &again);
    fixture.storage.remove(&StoragePath::new(&again)).unwrap();
    fixture.after(1);
    write(&*fixture.storage, &again, &content);
    assert_eq!(fixture.after(1).1.len(), 256);
    let (_, files) = fixture.after(8);
    assert_eq!(files.len(), 1200);
    let place = |name: &str| files.iter().position(|file| file.contains(name)).unwrap();
    let last = place("0000000100000000/");
    assert!(place("0000000100000001/") < last && place("pg_data/") < last);
    assert!(
        files[last..]
            .iter()
            .all(|file| file.contains("0000000100000000/"))
    );
}

fn read_all(storage: &dyn Storage, path: &str) -> Vec<u8> {
    pgkeep_storage::copy::read_all(storage, &StoragePath::new(path), 1 << 20)
        .unwrap()
        .unwrap()
}

#[test]
fn a_record_that_cannot_be_used_is_as_good_as_none() {
    let fixture = Fixture::new(20);
    fixture.verify();
    let record = std::fs::read_to_string(fixture.record()).unwrap();
    let now = fixture.clock.seconds();
    let broken = [
        record[..record.len() / 2].to_owned(),
        String::new(),
        record.replace("\"repository\":\"", "\"repository\":\"other "),
        record.replace("\"format\":1", "\"format\":9"),
        // A clock that was wrong says nothing of today.
        record.replace(&now.to_string(), &(now + 3600).to_string()),
        record.replace(&now.to_string(), &i64::MIN.to_string()),
    ];
    for broken in broken {
        assert_ne!(broken, record);
        std::fs::write(fixture.record(), &broken).unwrap();
        assert_eq!(fixture.verify().1.len(), 40, "{broken}");
        assert!(fixture.verify().1.is_empty());
    }
}

#[test]
fn what_is_gone_is_forgotten() {
    let fixture = Fixture::new(300);
    fixture.verify();
    let has = |what: &str| {
        std::fs::read_to_string(fixture.record())
            .unwrap()
            .contains(what)
    };
    let directory = "archive/17-1/0000000100000000";
    assert!(has(directory));
    let path = StoragePath::new("archive/demo/17-1/0000000100000000");
    fixture.storage.remove_tree(&path).unwrap();
    assert!(fixture.after(1).1.is_empty());
    assert!(!has(directory) && has("archive/17-1/0000000100000001"));
}

#[test]
fn where_nothing_can_be_remembered_everything_is_verified() {
    let fixture = Fixture::new(20);
    std::fs::write(fixture.spool.path().join("verify"), "in the way").unwrap();
    for _ in 0..2 {
        let (results, files) = fixture.verify();
        assert_eq!(files.len(), 40);
        assert_eq!(Fixture::status(&results), [Status::Valid; 2]);
    }
}

#[test]
fn a_named_set_has_no_age() {
    let set = format!("--set={FULL}");
    let error = Settings::from(&context(&["--age=7d", &set])).unwrap_err();
    assert_eq!(error.code, ErrorCode::OptionInvalid);
}

#[test]
fn what_is_larger_than_the_time_of_a_run_is_gone_on_with() {
    let fixture = Fixture::new(600);
    // All WAL and a part of the backup.
    let (_, files) = fixture.run(Some(700));
    let read = files.len() - 600;
    assert!((100..200).contains(&read), "{read}");
    // The same where the next one comes not to its end either.
    fixture.clock.sleep(DAY);
    let (_, files) = fixture.run(Some(200));
    let read = read + files.len();
    let (results, files) = fixture.after(1);
    assert_eq!(files.len(), 600 - read);
    assert!(files.iter().all(|file| file.contains("pg_data/")));
    assert_eq!(Fixture::status(&results), [Status::Valid; 2]);
    assert_eq!(results.backups[0].skipped, read as u64);
    assert!(fixture.verify().1.is_empty());
    // Its time is that of the first part.
    assert!(fixture.after(5).1.is_empty());
    assert_eq!(fixture.after(1).1.len(), 1200);
}

#[test]
fn damage_in_a_part_begins_it_anew() {
    let fixture = Fixture::new(600);
    let damaged = format!("backup/demo/{FULL}/pg_data/base/3");
    write(&*fixture.storage, &damaged, b"CONTENT 3");
    // Somewhere in the order of names.
    fixture.run(Some(1190)).0.unwrap_err();
    let (results, files) = fixture.after(1);
    assert_eq!(files.len(), 600);
    assert_eq!(Fixture::status(&results), [Status::Invalid; 2]);
}

#[test]
fn a_set_that_was_made_anew_under_its_label_is_due() {
    let fixture = Fixture::new(20);
    fixture.verify();
    fill(&*fixture.storage, 21);
    let (_, files) = fixture.after(1);
    assert_eq!(files.len(), 42);
    assert!(fixture.after(1).1.is_empty());
}

#[test]
fn damage_that_is_found_without_age_is_forgotten_as_verified() {
    let fixture = Fixture::new(20);
    let without = || fixture.run_with(&[], None);
    // Nothing is remembered where nobody asks for it.
    without().0.unwrap();
    assert!(!fixture.record().exists());
    fixture.verify();
    let record = std::fs::read(fixture.record()).unwrap();
    assert_eq!(without().1.len(), 40);
    assert_eq!(std::fs::read(fixture.record()).unwrap(), record);
    for path in [format!("backup/demo/{FULL}/pg_data/base/3"), wal(5)] {
        let sound = read_all(&*fixture.storage, &path);
        write(&*fixture.storage, &path, b"CONTENT 3");
        without().0.unwrap();
        write(&*fixture.storage, &path, &sound);
        let (_, files) = fixture.verify();
        assert_eq!(files.len(), 20, "{path}");
    }
    // With a set, of which only a part of the WAL is read, nothing else is forgotten.
    let damaged = format!("backup/demo/{FULL}/pg_data/base/3");
    write(&*fixture.storage, &damaged, b"CONTENT 3");
    let set = format!("--set={FULL}");
    fixture.run_with(&[&set], None).0.unwrap();
    assert_eq!(fixture.verify().1.len(), 20);
}

#[test]
fn what_was_found_before_a_stop_is_how_the_run_ends() {
    let dir = tempfile::tempdir().unwrap();
    let storage = pgkeep_storage::posix::PosixStorage::at(dir.path());
    fill(&storage, 100);
    write(&storage, &wal(5), b"WAL");
    let path = format!("--repo1-path={}", dir.path().display());
    let spool = format!("--spool-path={}", dir.path().join("spool").display());
    for (options, stop, found) in [
        (&["--age=7d"][..], 60, true),
        (&[], 60, true),
        (&["--age=7d"], 1, false),
    ] {
        if !found {
            write(&storage, &wal(5), b"wal");
        }
        let options = [options, &["--process-max=1", &path, &spool]].concat();
        let context = context(&options);
        let noted = Noted {
            stop: Some((stop, context.cancel.clone())),
            ..Noted::default()
        };
        let context = Context {
            progress: Arc::new(noted),
            ..context
        };
        let error = run(&context).unwrap_err();
        let code = if found {
            ErrorCode::Checksum
        } else {
            ErrorCode::Term
        };
        assert_eq!(error.code, code, "{error}");
        assert_eq!(context.summary.keeps_error(), found);
        assert_eq!(error.message.contains("not everything was read"), found);
    }
}

#[test]
fn a_repository_as_it_was_has_no_age() {
    let options = [
        "--age=7d",
        "--repo=1",
        "--repo-target-time=2026-01-01 00:00:00+00",
    ];
    let error = Settings::from(&context(&options)).unwrap_err();
    assert_eq!(error.code, ErrorCode::OptionInvalid);
    assert!(error.message.contains("repo-target-time"), "{error}");
}

#[test]
fn another_host_with_the_same_path_is_another_repository() {
    let place = |host: &str| {
        let host = format!("--repo1-sftp-host={host}");
        let context = context(&[
            "--repo1-type=sftp",
            &host,
            "--repo1-sftp-host-user=keep",
            "--repo1-sftp-private-key-file=/key",
            "--repo1-sftp-host-key-hash-type=sha256",
        ]);
        let repository = Repository {
            elsewhere: None,
            key: 1,
            storage: Arc::new(MemoryStorage::new()),
            pass: None,
        };
        place::of(&context, &repository)
    };
    assert_eq!(place("one"), place("one"));
    assert_ne!(place("one"), place("two"));
}

#[test]
fn what_was_read_is_written_down_while_a_run_goes_on() {
    let fixture = Fixture::new(600);
    for (sleep, is_there) in [(2000, false), (400, true)] {
        let spool = format!("--spool-path={}", fixture.spool.path().display());
        let context = context(&["--age=7d", "--process-max=1", &spool]);
        let noted = Arc::new(Noted {
            times: Some((sleep, 450, fixture.clock.clone(), fixture.record())),
            ..Noted::default()
        });
        let context = Context {
            clock: fixture.clock.clone(),
            progress: Arc::clone(&noted) as Arc<dyn Progress>,
            ..context
        };
        let repository = Repository {
            elsewhere: None,
            key: 1,
            storage: Arc::clone(&fixture.storage) as Arc<dyn Storage>,
            pass: None,
        };
        let settings = Settings::from(&context).unwrap();
        let mut findings = Findings::default();
        verify(&context, &settings, &repository, &mut findings).unwrap();
        let seen = noted.has_seen.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(seen, is_there);
        std::fs::remove_file(fixture.record()).unwrap();
    }
}
