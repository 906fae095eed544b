// What is particular to a directory tree; what every storage does is in the conformance cases.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;
use crate::copy::{read_all, write_all};
use crate::error::{ErrorKind, Operation};
use crate::file_tree::FileTree;
use crate::info::FileType;
use crate::options::WriteMode;
use crate::temporary::TEMP_SUFFIX;

fn place() -> (tempfile::TempDir, PosixStorage) {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let storage = PosixStorage::at(place.path());
    (place, storage)
}

fn at(path: &str) -> StoragePath {
    StoragePath::new(path)
}

fn in_place() -> WriteOptions {
    WriteOptions {
        mode: WriteMode::InPlace,
        ..WriteOptions::default()
    }
}

#[test]
fn parent_that_takes_no_directory_is_an_error_and_no_endless_loop() {
    let error = create::create_path(std::path::Path::new("/proc/nowhere/deeper"), 0o750);
    assert!(error.is_err());
}

/// Names of temporary files in `dir`.
fn temporary(dir: &std::path::Path) -> Vec<String> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(TEMP_SUFFIX))
        .collect()
}

#[test]
fn an_atomic_file_is_written_under_a_name_that_pgbackrest_ignores() {
    let (place, storage) = place();
    let mut writer = storage
        .open_write(&at("dir/file"), &WriteOptions::default())
        .unwrap();
    writer.write_all(b"half").unwrap();
    let dir = place.path().join("dir");
    let [name] = temporary(&dir).try_into().unwrap();
    assert!(name.starts_with("file."), "{name}");
    assert_eq!(fs::read(dir.join(name)).unwrap(), b"half");
    assert!(!dir.join("file").exists());
    writer.finish().unwrap().wait().unwrap();
    assert!(temporary(&dir).is_empty());
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"half");
}

/// Makes a file two days old.
fn age(file: &std::path::Path) {
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 24 * 60 * 60);
    let open = fs::File::options().write(true).open(file).unwrap();
    open.set_modified(then).unwrap();
}

#[test]
fn left_overs_go_when_a_day_old_but_never_one_that_a_writer_has() {
    for cifs in [false, true] {
        let place = tempfile::tempdir().unwrap();
        let storage = PosixStorage::new(PosixSettings {
            cifs,
            ..PosixSettings::at(place.path())
        });
        fs::create_dir(place.path().join("deep")).unwrap();
        for (name, old) in [
            ("a.pgbackrest.tmp", true),
            ("deep/b.0123456789abcdef0.pgbackrest.tmp", true),
            ("c.0123456789abcdef1.pgbackrest.tmp", false),
            ("d.tmp", true),
            ("file", true),
        ] {
            fs::write(place.path().join(name), b"x").unwrap();
            if old {
                age(&place.path().join(name));
            }
        }
        symlink(
            "file",
            place.path().join("latest.0123456789abcdef2.pgbackrest.tmp"),
        )
        .unwrap();
        let mut living = storage
            .open_write(&at("file"), &WriteOptions::default())
            .unwrap();
        living.write_all(b"living").unwrap();
        let [writing] = temporary(place.path())
            .into_iter()
            .filter(|name| name.starts_with("file."))
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        // It has waited for something for two days.
        age(&place.path().join(writing));
        assert_eq!(
            storage
                .remove_left_overs(&StoragePath::root(), false)
                .unwrap(),
            1
        );
        assert!(!place.path().join("a.pgbackrest.tmp").exists());
        assert_eq!(
            storage
                .remove_left_overs(&StoragePath::root(), true)
                .unwrap(),
            1
        );
        assert_eq!(storage.remove_left_overs(&at("missing"), true).unwrap(), 0);
        living.finish().unwrap().wait().unwrap();
        assert_eq!(fs::read(place.path().join("file")).unwrap(), b"living");
        let mut left = temporary(place.path());
        left.sort();
        assert_eq!(
            left,
            [
                "c.0123456789abcdef1.pgbackrest.tmp",
                "latest.0123456789abcdef2.pgbackrest.tmp"
            ]
        );
    }
}

#[test]
fn what_dead_writers_of_one_file_left_goes_at_once() {
    let (place, storage) = place();
    for name in [
        "wal/RECOVERYXLOG.pgbackrest.tmp",
        "wal/RECOVERYXLOG.0123456789abcdef0.pgbackrest.tmp",
        "wal/RECOVERYHISTORY.0123456789abcdef0.pgbackrest.tmp",
    ] {
        fs::create_dir_all(place.path().join("wal")).unwrap();
        fs::write(place.path().join(name), b"x").unwrap();
    }
    let file = at("wal/RECOVERYXLOG");
    let mut living = storage.open_write(&file, &WriteOptions::default()).unwrap();
    assert_eq!(storage.remove_left_overs_of(&file).unwrap(), 2);
    assert_eq!(storage.remove_left_overs_of(&file).unwrap(), 0);
    living.write_all(b"whole").unwrap();
    living.finish().unwrap().wait().unwrap();
    assert_eq!(
        fs::read(place.path().join("wal/RECOVERYXLOG")).unwrap(),
        b"whole"
    );
    assert_eq!(
        temporary(&place.path().join("wal")),
        ["RECOVERYHISTORY.0123456789abcdef0.pgbackrest.tmp"]
    );
}

#[test]
fn a_writer_whose_file_was_just_taken_for_a_left_over_makes_another() {
    let (place, storage) = place();
    let file = at("file");
    let options = WriteOptions {
        sync: false,
        ..WriteOptions::default()
    };
    for number in 0..500_u32 {
        let content = number.to_le_bytes();
        // Both begin together. Few removals, as in one run of archive-get: a writer whose file is taken again and again gives up.
        let begin = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                begin.wait();
                for _ in 0..3 {
                    storage.remove_left_overs_of(&file).unwrap();
                }
            });
            begin.wait();
            write_all(&storage, &file, &options, &content).unwrap();
        });
        assert_eq!(fs::read(place.path().join("file")).unwrap(), content);
    }
    assert!(temporary(place.path()).is_empty());
}

#[test]
fn a_file_in_place_has_its_name_while_it_is_written() {
    let (place, storage) = place();
    let mut writer = storage.open_write(&at("file"), &in_place()).unwrap();
    writer.write_all(b"half").unwrap();
    assert_eq!(fs::read(place.path().join("file")).unwrap(), b"half");
    drop(writer);
    assert!(
        place.path().join("file").exists(),
        "what is left is for the caller to remove"
    );
}

#[test]
fn the_owner_is_set_before_the_file_gets_its_name() {
    let (place, storage) = place();
    let mine = fs::metadata(place.path()).unwrap();
    let owner = (mine.uid(), mine.gid());
    write_all(
        &storage,
        &at("mine"),
        &WriteOptions {
            owner: Some(owner),
            ..WriteOptions::default()
        },
        b"x",
    )
    .unwrap();
    let found = fs::metadata(place.path().join("mine")).unwrap();
    assert_eq!((found.uid(), found.gid()), owner);
    if owner.0 == 0 {
        let other = WriteOptions {
            owner: Some((12_345, 12_346)),
            ..WriteOptions::default()
        };
        write_all(&storage, &at("other"), &other, b"x").unwrap();
        let found = storage
            .info(&at("other"), InfoLevel::Detail)
            .unwrap()
            .unwrap()
            .owner
            .unwrap();
        assert_eq!(
            (found.uid, found.gid, found.user, found.group),
            (12_345, 12_346, None, None)
        );
    }
}

#[test]
fn errors_have_the_words_and_numbers_of_the_original() {
    let (place, storage) = place();
    let root = place.path().display();
    write_all(&storage, &at("file"), &WriteOptions::default(), b"x").unwrap();
    storage.create_path(&at("dir/inner"), 0o750).unwrap();
    let error = storage
        .list(&at("file"), &ListOptions::default())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("unable to list file info for path '{root}/file': [20] Not a directory")
    );
    let error = storage.remove(&at("dir")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("unable to remove file '{root}/dir': [21] Is a directory")
    );
    let error = storage
        .info(&at("file/below"), InfoLevel::Exists)
        .unwrap_err();
    let words = "unable to get info for path/file";
    assert_eq!(
        error.to_string(),
        format!("{words} '{root}/file/below': [20] Not a directory")
    );
    let error = storage.create_path(&at("file/below"), 0o750).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("unable to create path '{root}/file/below': [20] Not a directory")
    );
    let error = write_all(&storage, &at("dir"), &WriteOptions::default(), b"x").unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("unable to move '{root}/dir."))
            && text.ends_with(&format!(
                ".pgbackrest.tmp' to '{root}/dir': [21] Is a directory"
            )),
        "{text}"
    );
    assert!(
        temporary(place.path()).is_empty(),
        "the temporary file is gone after the error too"
    );
    let error = storage
        .hard_link(&at("file"), &at("dir/inner"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    let words = "unable to create hardlink";
    assert_eq!(
        error.to_string(),
        format!("{words} '{root}/dir/inner' to '{root}/file': [17] File exists")
    );
    let error = read_all(&storage, &at("dir"), 10).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("unable to read '{root}/dir': [21] Is a directory")
    );
}

#[test]
fn a_name_with_a_zero_byte_is_an_error() {
    let (_place, storage) = place();
    let path = at("a\0b");
    assert!(storage.info(&path, InfoLevel::Exists).is_err());
    assert!(storage.open_read(&path, &ReadOptions::default()).is_err());
    assert!(storage.open_write(&path, &WriteOptions::default()).is_err());
    assert!(storage.remove_tree(&path).is_err());
    assert!(storage.create_path(&path, 0o750).is_err());
    let long = at(&"x".repeat(5000));
    assert_eq!(
        storage.create_path(&long, 0o750).unwrap_err().reason,
        "[36] File name too long"
    );
}

#[test]
fn a_root_that_does_not_exist_is_empty_and_made_on_demand() {
    let (place, _) = place();
    let storage = PosixStorage::at(place.path().join("repo/one"));
    assert_eq!(
        storage
            .info(&StoragePath::root(), InfoLevel::Basic)
            .unwrap(),
        None
    );
    assert_eq!(
        storage
            .list(&StoragePath::root(), &ListOptions::default())
            .unwrap(),
        None
    );
    write_all(&storage, &at("file"), &WriteOptions::default(), b"x").unwrap();
    assert_eq!(
        storage.display(&at("file")),
        place.path().join("repo/one/file").display().to_string()
    );
    assert!(place.path().join("repo/one/file").exists());
}

#[test]
fn the_root_of_the_file_system_can_be_the_root() {
    let storage = PosixStorage::at("/");
    assert_eq!(storage.display(&at("etc/passwd")), "/etc/passwd");
    assert!(
        storage
            .info(&at("etc/passwd"), InfoLevel::Type)
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_link_that_leads_nowhere_does_not_become_a_directory() {
    let (place, storage) = place();
    symlink("nowhere", place.path().join("link")).unwrap();
    for path in ["link", "link/below"] {
        let error = storage.create_path(&at(path), 0o750).unwrap_err();
        assert_eq!(error.operation, Operation::CreatePath);
    }
    symlink(place.path(), place.path().join("here")).unwrap();
    storage.create_path(&at("here/made"), 0o750).unwrap();
    assert!(place.path().join("made").is_dir());
}

#[test]
fn special_files_are_told_apart_and_removed_with_their_tree() {
    let (place, storage) = place();
    fs::create_dir(place.path().join("dir")).unwrap();
    std::os::unix::net::UnixListener::bind(place.path().join("dir/socket"))
        .map(drop)
        .unwrap();
    for level in [InfoLevel::Type, InfoLevel::Detail] {
        let options = ListOptions {
            level,
            ..ListOptions::default()
        };
        let listed = storage.list(&at("dir"), &options).unwrap().unwrap();
        assert_eq!((listed[0].kind, listed[0].size), (FileType::Special, 0));
    }
    assert_eq!(storage.remove_tree(&at("dir")).unwrap(), Removed::Removed);
    assert!(!place.path().join("dir").exists());
}

#[test]
fn deep_trees_are_walked_and_removed_without_recursion() {
    let (place, storage) = place();
    let mut deep = at("deep");
    for _ in 0..300 {
        deep = deep.join("d");
    }
    storage.create_path(&deep, 0o750).unwrap();
    let mut seen = 0;
    let options = ListOptions {
        level: InfoLevel::Detail,
        sort: true,
    };
    storage
        .list_tree(&at("deep"), &options, &mut |_| {
            seen += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, 300);
    storage.remove_tree(&at("deep")).unwrap();
    assert!(!place.path().join("deep").exists());
}

#[test]
fn cifs_has_no_links_and_tells_no_owners() {
    let place = tempfile::tempdir().unwrap();
    let storage = PosixStorage::new(PosixSettings {
        cifs: true,
        ..PosixSettings::at(place.path())
    });
    assert_eq!(storage.kind(), StorageKind::Cifs);
    write_all(&storage, &at("file"), &WriteOptions::default(), b"x").unwrap();
    assert!(storage.as_symbolic_links().is_none() && storage.as_hard_links().is_none());
    assert!(storage.as_path_sync().is_none());
    assert_eq!(
        storage
            .info(&at("file"), InfoLevel::Detail)
            .unwrap()
            .unwrap()
            .owner,
        None
    );
}

#[test]
fn modes_reach_the_file_and_set_id_bits_survive_a_change_of_owner() {
    let (place, storage) = place();
    let mine = fs::metadata(place.path()).unwrap();
    let options = WriteOptions {
        file_mode: 0o4700,
        owner: Some((mine.uid(), mine.gid())),
        ..WriteOptions::default()
    };
    write_all(&storage, &at("file"), &options, b"").unwrap();
    assert_eq!(
        fs::metadata(place.path().join("file"))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777,
        0o4700
    );
    storage.set_mode(&at("file"), 0o400).unwrap();
    assert_eq!(
        storage
            .info(&at("file"), InfoLevel::Detail)
            .unwrap()
            .unwrap()
            .mode,
        0o400
    );
}

#[test]
fn a_tree_that_somebody_puts_files_into_meanwhile_is_removed() {
    let (place, storage) = place();
    let file = place.path().join("tree/out/file");
    // How often the other one still puts the file back.
    let left = AtomicU32::new(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                if left.load(Ordering::Relaxed) > 0 && !file.exists() {
                    // Either may find its directory gone.
                    fs::create_dir_all(file.parent().unwrap()).ok();
                    fs::write(&file, b"").ok();
                    left.fetch_sub(1, Ordering::Relaxed);
                }
            }
        });
        let removed: Vec<_> = (0..500)
            .map(|_| {
                fs::create_dir_all(file.parent().unwrap()).ok();
                left.store(5, Ordering::Relaxed);
                storage.remove_tree(&at("tree"))
            })
            .collect();
        done.store(true, Ordering::Relaxed);
        for result in removed {
            assert_eq!(result.unwrap(), Removed::Removed);
        }
    });
}

#[test]
fn a_full_file_system_is_named_with_what_is_left_and_what_to_do() {
    // A device that is full for every writer.
    let storage = PosixStorage::at("/dev");
    let options = WriteOptions {
        mode: WriteMode::InPlace,
        sync: false,
        ..WriteOptions::default()
    };
    let error = write_all(&storage, &StoragePath::from("full"), &options, b"x");
    let error = error.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoSpace);
    assert_eq!(
        error.to_string(),
        "unable to write '/dev/full': [28] No space left on device"
    );
    let [place, next] = error.hints.as_slice() else {
        panic!("{:?}", error.hints)
    };
    assert!(
        place.contains("the file system") && place.ends_with("free."),
        "{place}"
    );
    assert!(
        next.starts_with("make room there and run the command again"),
        "{next}"
    );
}
