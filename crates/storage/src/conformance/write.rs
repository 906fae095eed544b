//! Behaviour of `open_write` and `copy_within`.

use std::io::Write;

use super::case::{at, behaviors, content, in_place, info, names, put, says};
use crate::copy::write_all;
use crate::error::{ErrorKind, Operation};
use crate::info::InfoLevel;
use crate::options::WriteOptions;
use crate::path::StoragePath;
use crate::storage::Storage;

behaviors! {
    dyn Storage:
    an_atomic_file_appears_with_its_ticket,
    a_dropped_atomic_writer_leaves_the_old_content_and_nothing_else,
    a_dropped_atomic_writer_leaves_no_new_name,
    an_atomic_file_replaces_the_old_one,
    two_atomic_writers_of_one_file_publish_each_a_whole_one,
    a_dropped_atomic_writer_leaves_the_other_one_alone,
    a_file_in_place_is_truncated,
    a_file_in_place_without_truncation_must_be_new if as_paths,
    parents_are_made_on_the_way,
    a_missing_parent_is_not_found_unless_it_may_be_made if as_paths,
    many_tickets_may_be_open_at_once,
    a_file_is_copied_within_the_storage,
    names_are_bytes if as_paths,
}

fn an_atomic_file_appears_with_its_ticket(storage: &dyn Storage) {
    put(storage, "dir/old", b"before");
    for name in ["dir/old", "dir/new"] {
        let before = content(storage, name);
        let mut writer = storage
            .open_write(&at(name), &WriteOptions::default())
            .unwrap();
        writer.write_all(b"after").unwrap();
        assert_eq!(content(storage, name), before, "{name} while it is written");
        assert_eq!(writer.finish().unwrap().wait().unwrap().size, 5);
        assert_eq!(content(storage, name).as_deref(), Some(&b"after"[..]));
    }
    assert_eq!(
        names(storage, "dir"),
        ["new", "old"],
        "no temporary file is left"
    );
}

fn a_dropped_atomic_writer_leaves_the_old_content_and_nothing_else(storage: &dyn Storage) {
    put(storage, "dir/file", b"before");
    let mut writer = storage
        .open_write(&at("dir/file"), &WriteOptions::default())
        .unwrap();
    writer.write_all(b"half of wh").unwrap();
    drop(writer);
    assert_eq!(names(storage, "dir"), ["file"]);
    assert_eq!(
        content(storage, "dir/file").as_deref(),
        Some(&b"before"[..])
    );
}

fn a_dropped_atomic_writer_leaves_no_new_name(storage: &dyn Storage) {
    put(storage, "dir/other", b"");
    drop(
        storage
            .open_write(&at("dir/file"), &WriteOptions::default())
            .unwrap(),
    );
    assert_eq!(names(storage, "dir"), ["other"]);
}

fn an_atomic_file_replaces_the_old_one(storage: &dyn Storage) {
    put(storage, "file", b"the longer old content");
    put(storage, "file", b"new");
    assert_eq!(content(storage, "file").as_deref(), Some(&b"new"[..]));
}

fn two_atomic_writers_of_one_file_publish_each_a_whole_one(storage: &dyn Storage) {
    let open = || {
        storage
            .open_write(&at("dir/file"), &WriteOptions::default())
            .unwrap()
    };
    let (one, other) = (vec![1; 700_000], vec![2; 400_000]);
    let mut first = open();
    first.write_all(&one[..300_000]).unwrap();
    let mut second = open();
    second.write_all(&other[..200_000]).unwrap();
    first.write_all(&one[300_000..]).unwrap();
    assert_eq!(first.finish().unwrap().wait().unwrap().size, 700_000);
    assert!(content(storage, "dir/file").as_ref() == Some(&one));
    // What is published stays as it is while the other one goes on.
    second.write_all(&other[200_000..]).unwrap();
    second.stage().unwrap();
    assert!(content(storage, "dir/file").as_ref() == Some(&one));
    assert_eq!(second.finish().unwrap().wait().unwrap().size, 400_000);
    assert!(content(storage, "dir/file").as_ref() == Some(&other));
    assert_eq!(names(storage, "dir"), ["file"]);
}

fn a_dropped_atomic_writer_leaves_the_other_one_alone(storage: &dyn Storage) {
    let open = || {
        storage
            .open_write(&at("dir/file"), &WriteOptions::default())
            .unwrap()
    };
    let (mut first, second) = (open(), open());
    first.write_all(b"wh").unwrap();
    drop(second);
    first.write_all(b"ole").unwrap();
    first.finish().unwrap().wait().unwrap();
    assert_eq!(content(storage, "dir/file").as_deref(), Some(&b"whole"[..]));
}

fn a_file_in_place_is_truncated(storage: &dyn Storage) {
    write_all(
        storage,
        &at("dir/file"),
        &in_place(),
        b"the longer old content",
    )
    .unwrap();
    write_all(storage, &at("dir/file"), &in_place(), b"new").unwrap();
    assert_eq!(content(storage, "dir/file").as_deref(), Some(&b"new"[..]));
}

fn a_file_in_place_without_truncation_must_be_new(storage: &dyn Storage) {
    let exclusive = WriteOptions {
        truncate: false,
        ..in_place()
    };
    write_all(storage, &at("file"), &exclusive, b"first").unwrap();
    let error = write_all(storage, &at("file"), &exclusive, b"second").unwrap_err();
    assert_eq!(
        (error.kind(), error.operation),
        (ErrorKind::Exists, Operation::OpenWrite)
    );
    assert_eq!(content(storage, "file").as_deref(), Some(&b"first"[..]));
}

fn parents_are_made_on_the_way(storage: &dyn Storage) {
    for (name, options) in [
        ("a/b/c/atomic", WriteOptions::default()),
        ("d/e/f/place", in_place()),
    ] {
        write_all(storage, &at(name), &options, b"x").unwrap();
        assert_eq!(content(storage, name).as_deref(), Some(&b"x"[..]));
    }
}

fn a_missing_parent_is_not_found_unless_it_may_be_made(storage: &dyn Storage) {
    for options in [WriteOptions::default(), in_place()] {
        let options = WriteOptions {
            create_path: false,
            ..options
        };
        let error = write_all(storage, &at("missing/file"), &options, b"x").unwrap_err();
        assert_eq!(
            (error.kind(), error.operation),
            (ErrorKind::NotFound, Operation::OpenWrite)
        );
        let name = storage.display(&at("missing/file"));
        says(
            &error,
            &format!("unable to open file '{name}' for write in missing path"),
        );
    }
    assert_eq!(info(storage, "missing"), None);
}

fn many_tickets_may_be_open_at_once(storage: &dyn Storage) {
    let mut tickets = Vec::new();
    for number in 0..200 {
        let mut writer = storage
            .open_write(&at(&format!("dir/{number}")), &in_place())
            .unwrap();
        writer.write_all(number.to_string().as_bytes()).unwrap();
        tickets.push(writer.finish().unwrap());
    }
    for (number, ticket) in tickets.into_iter().enumerate() {
        assert_eq!(ticket.wait().unwrap().size, number.to_string().len() as u64);
    }
    assert_eq!(names(storage, "dir").len(), 200);
    assert_eq!(content(storage, "dir/117").as_deref(), Some(&b"117"[..]));
}

fn a_file_is_copied_within_the_storage(storage: &dyn Storage) {
    put(storage, "from", &[7; 300_000]);
    put(storage, "dir/to", b"old");
    storage
        .copy_within(&at("from"), &at("dir/to"))
        .unwrap()
        .wait()
        .unwrap();
    assert!(content(storage, "dir/to") == Some(vec![7; 300_000]));
    assert_eq!(names(storage, "dir"), ["to"]);
    let missing = storage
        .copy_within(&at("missing"), &at("dir/x"))
        .and_then(|ticket| ticket.wait());
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
}

fn names_are_bytes(storage: &dyn Storage) {
    let odd: [&[u8]; 6] = [
        b"with space",
        b"a=b",
        b"quote'\"",
        "gr\u{fc}n".as_bytes(),
        b"not\xffutf\xfe8",
        b"line\nbreak",
    ];
    for name in odd {
        let path = at("odd").join(name);
        write_all(storage, &path, &WriteOptions::default(), name).unwrap();
        assert!(storage.info(&path, InfoLevel::Exists).unwrap().is_some());
    }
    let listed = storage
        .list(&at("odd"), &crate::options::ListOptions::default())
        .unwrap()
        .unwrap();
    let mut listed: Vec<_> = listed.into_iter().map(|entry| entry.name).collect();
    listed.sort();
    let mut expected: Vec<_> = odd.iter().map(StoragePath::new).collect();
    expected.sort();
    assert_eq!(listed, expected);
}
