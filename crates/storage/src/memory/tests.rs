// The tree in memory must do what a real one does: random calls on both give the same results.

use proptest::prelude::*;

use super::*;
use crate::copy::{read_all, write_all};
use crate::file_tree::FileTree;
use crate::options::{Range, WriteMode, WriteOptions};
use crate::posix::PosixStorage;

#[derive(Debug, Clone)]
enum Call {
    Write {
        path: StoragePath,
        atomic: bool,
        create_path: bool,
        content: Vec<u8>,
    },
    Read(StoragePath),
    Remove(StoragePath),
    RemoveTree(StoragePath),
    CreatePath(StoragePath),
    Link(StoragePath, &'static str),
    HardLink(StoragePath, StoragePath),
    Rename(StoragePath, StoragePath),
    Info(StoragePath),
    List(StoragePath),
}

fn path() -> impl Strategy<Value = StoragePath> {
    // Few names and little depth, so that calls meet each other's files.
    let part = prop_oneof![Just("a"), Just("b"), Just("c")];
    proptest::collection::vec(part, 1..4).prop_map(|parts| StoragePath::new(parts.join("/")))
}

fn call() -> impl Strategy<Value = Call> {
    let content = proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        4 => (path(), any::<bool>(), any::<bool>(), content).prop_map(|(path, atomic, create_path, content)| {
            Call::Write { path, atomic, create_path, content }
        }),
        1 => path().prop_map(Call::Read),
        1 => path().prop_map(Call::Remove),
        1 => path().prop_map(Call::RemoveTree),
        1 => path().prop_map(Call::CreatePath),
        1 => (path(), prop_oneof![Just("a"), Just("b"), Just("../a"), Just("nowhere")]).prop_map(|(p, d)| Call::Link(p, d)),
        1 => (path(), path()).prop_map(|(from, to)| Call::HardLink(from, to)),
        1 => (path(), path()).prop_map(|(from, to)| Call::Rename(from, to)),
        1 => path().prop_map(Call::Info),
        1 => path().prop_map(Call::List),
    ]
}

/// What a call came to, comparable; `None` for any error, since the kinds of odd cases may differ.
fn outcome(storage: &dyn FileTree, call: &Call) -> Option<String> {
    let text = match call {
        Call::Write {
            path,
            atomic,
            create_path,
            content,
        } => {
            let mode = if *atomic {
                WriteMode::Atomic
            } else {
                WriteMode::InPlace
            };
            let options = WriteOptions {
                mode,
                create_path: *create_path,
                sync: false,
                ..WriteOptions::default()
            };
            write_all(storage, path, &options, content).map(|written| format!("{written:?}"))
        }
        Call::Read(path) => read_all(storage, path, 1000).map(|content| format!("{content:?}")),
        Call::Remove(path) => storage.remove(path).map(|removed| format!("{removed:?}")),
        Call::RemoveTree(path) => storage
            .remove_tree(path)
            .map(|removed| format!("{removed:?}")),
        Call::CreatePath(path) => storage.create_path(path, 0o750).map(|()| String::new()),
        Call::Link(path, destination) => storage
            .link(path, destination.as_bytes())
            .map(|()| String::new()),
        Call::HardLink(from, to) => storage.hard_link(from, to).map(|()| String::new()),
        Call::Rename(from, to) => storage.rename(from, to).map(|()| String::new()),
        Call::Info(path) => storage
            .info(path, InfoLevel::Type)
            .map(|info| format!("{info:?}")),
        Call::List(path) => {
            let options = ListOptions {
                level: InfoLevel::Type,
                sort: true,
            };
            storage.list(path, &options).map(|list| format!("{list:?}"))
        }
    };
    text.ok()
}

/// Everything there is, with contents.
fn snapshot(storage: &dyn Storage) -> Vec<String> {
    let options = ListOptions {
        level: InfoLevel::Detail,
        sort: true,
    };
    let mut all = Vec::new();
    storage
        .list_tree(&StoragePath::root(), &options, &mut |info| {
            let content = if info.kind == FileType::File {
                read_all(storage, &info.name, 1000)?
            } else {
                None
            };
            all.push(format!(
                "{} {:?} {} {:?} {content:?}",
                info.name, info.kind, info.size, info.link_destination
            ));
            Ok(())
        })
        .expect("a tree can be walked");
    all
}

/// Cases in which a real file system has a rule that the tree in memory does not copy.
fn is_odd(memory: &MemoryStorage, call: &Call) -> bool {
    let kind = |path: &StoragePath| {
        memory
            .info(path, InfoLevel::Type)
            .ok()
            .flatten()
            .map(|info| info.kind)
    };
    let through_file = |path: &StoragePath| {
        let mut above = path.parent();
        while !above.is_root() {
            match kind(&above) {
                Some(FileType::Path) | None => above = above.parent(),
                // A file in the way is an error there, a missing entry here; a link may lead anywhere.
                Some(_) => return true,
            }
        }
        false
    };
    let touched: Vec<&StoragePath> = match call {
        Call::Write { path, .. }
        | Call::Read(path)
        | Call::Remove(path)
        | Call::RemoveTree(path) => vec![path],
        Call::CreatePath(path) | Call::Link(path, _) | Call::Info(path) | Call::List(path) => {
            vec![path]
        }
        Call::HardLink(from, to) | Call::Rename(from, to) => vec![from, to],
    };
    let moves_directory = matches!(call, Call::Rename(from, to)
        if from == to || kind(from) == Some(FileType::Path) || kind(to) == Some(FileType::Path));
    let links_link = matches!(call, Call::HardLink(from, _) if kind(from) == Some(FileType::Link));
    // Two names of one file: renaming one over the other does nothing there.
    let both_files =
        matches!(call, Call::Rename(from, to) if kind(from).is_some() && kind(to).is_some());
    // Where a circle or a dangling link leads is worded differently; the conformance cases follow the good ones.
    let follows = matches!(call, Call::Read(path) | Call::List(path) | Call::CreatePath(path) | Call::Write { path, .. }
        if kind(path) == Some(FileType::Link));
    follows || touched.into_iter().any(through_file) || moves_directory || links_link || both_files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_posix_agree_on_random_calls(calls in proptest::collection::vec(call(), 1..40)) {
        let place = tempfile::tempdir().expect("a temporary directory can be made");
        let posix = PosixStorage::at(place.path());
        let memory = MemoryStorage::new();
        for call in calls.iter().filter(|call| !matches!(call, Call::Rename(from, to) if from == to)) {
            if is_odd(&memory, call) {
                continue;
            }
            prop_assert_eq!(outcome(&memory, call), outcome(&posix, call), "{:?}", call);
        }
        prop_assert_eq!(snapshot(&memory), snapshot(&posix));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_posix_deliver_the_same_ranges(
        size in 0usize..5000,
        ranges in proptest::collection::vec((0u64..6000, proptest::option::of(0u64..3000)), 0..8),
        step in 1usize..2000,
    ) {
        let content: Vec<u8> = (0..size).map(|n| (n % 251).to_le_bytes()[0]).collect();
        let place = tempfile::tempdir().expect("a temporary directory can be made");
        let storages: [Box<dyn FileTree>; 2] =
            [Box::new(MemoryStorage::new()), Box::new(PosixStorage::at(place.path()))];
        let asked = ranges.iter().map(|&(offset, length)| Range { offset, length }).collect();
        let options = ReadOptions { ranges: asked, ..ReadOptions::default() };
        let mut expected = Vec::new();
        for &(offset, length) in if ranges.is_empty() { &[(0, None)][..] } else { &ranges } {
            let start = size.min(offset as usize);
            let end = length.map_or(size, |length| size.min((offset + length) as usize));
            expected.extend_from_slice(&content[start..end]);
        }
        for storage in storages {
            write_all(&*storage, &"file".into(), &WriteOptions::default(), &content).unwrap();
            let mut read = storage.open_read(&"file".into(), &options).unwrap();
            let (mut found, mut buffer) = (Vec::new(), vec![0; step]);
            loop {
                let got = std::io::Read::read(&mut read, &mut buffer).unwrap();
                if got == 0 {
                    break;
                }
                found.extend_from_slice(&buffer[..got]);
            }
            prop_assert!(found == expected, "{:?}", storage.kind());
        }
    }
}

#[test]
fn a_file_gets_the_time_of_the_storage() {
    let storage = MemoryStorage::new();
    storage.set_now(1_800_000_000);
    write_all(&storage, &"file".into(), &WriteOptions::default(), b"x").unwrap();
    assert_eq!(
        storage
            .info(&"file".into(), InfoLevel::Basic)
            .unwrap()
            .unwrap()
            .modified,
        1_800_000_000
    );
}

#[test]
fn an_open_reader_keeps_the_content_it_opened() {
    let storage = MemoryStorage::new();
    write_all(
        &storage,
        &"file".into(),
        &WriteOptions::default(),
        b"before",
    )
    .unwrap();
    let mut read = storage
        .open_read(&"file".into(), &ReadOptions::default())
        .unwrap();
    write_all(&storage, &"file".into(), &WriteOptions::default(), b"after").unwrap();
    storage.remove(&"file".into()).unwrap();
    let mut found = Vec::new();
    std::io::Read::read_to_end(&mut read, &mut found).unwrap();
    assert_eq!(found, b"before");
}

#[test]
fn links_in_a_circle_and_out_of_the_storage_lead_nowhere() {
    let storage = MemoryStorage::new();
    storage.link(&"one".into(), b"two").unwrap();
    storage.link(&"two".into(), b"one").unwrap();
    storage.link(&"out".into(), b"../../etc/passwd").unwrap();
    storage.link(&"absolute".into(), b"/etc/passwd").unwrap();
    for name in ["one", "out", "absolute"] {
        let error = storage
            .open_read(&name.into(), &ReadOptions::default())
            .map(drop)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}");
    }
}
