//! Files of more than one request: parts, tags, cut connections, what a writer that gives up leaves, memory.

use std::io::Write;

use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::{ErrorKind, ListOptions, StoragePath, WriteOptions};
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::object_server::BUCKET;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, open_boxed, settings, start, storage};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_file_of_several_parts_comes_back", large)
        .test("cut_connections_are_survived_both_ways", cut)
        .test("a_dropped_writer_leaves_nothing", dropped)
        .test("tags_are_stored_with_small_and_large_files", tags)
        .test("names_with_odd_characters_are_kept", odd_names)
        .test("a_small_file_that_must_be_new_is", new)
        .test("parts_may_have_any_size", odd_parts)
}

fn large() -> TestResult {
    let server = start()?;
    let mut settings = settings(&server);
    // Less than the file: the writer waits for room.
    settings.objects.byte_budget = 9 << 20;
    let storage = open_boxed(settings)?;
    for size in [
        0,
        (4 << 20) - 1,
        4 << 20,
        (4 << 20) + 1,
        8 << 20,
        (23 << 20) + 17,
    ] {
        let content = bytes(size as u64, size);
        let path = StoragePath::new(format!("dir/file-{size}"));
        let mut writer = storage.open_write(&path, &WriteOptions::default())?;
        for piece in content.chunks(1 << 20) {
            writer.write_all(piece)?;
            assert!(storage.unanswered() <= 9 << 20, "the budget is kept");
        }
        let written = writer.finish()?.wait()?;
        assert_eq!(written.size, size as u64);
        assert!(
            read_all(&*storage, &path, 1 << 30)?.as_ref() == Some(&content),
            "{size} bytes come back as they were"
        );
    }
    assert_eq!((storage.unanswered(), server.unfinished_uploads()), (0, 0));
    Ok(())
}

fn cut() -> TestResult {
    let server = start()?;
    let content = bytes(3, 12 << 20);
    let path = StoragePath::new("file");
    for at in [1 << 20, 7 << 20, 17 << 20] {
        // Of 12 MiB written and read again.
        let network = Network::new().cut_at_byte(at).to(server.address())?;
        let mut settings = settings(&server);
        settings.http.server.port = Some(network.address().port());
        let storage = open_boxed(settings)?;
        write_all(&*storage, &path, &WriteOptions::default(), &content)?;
        assert!(read_all(&*storage, &path, 1 << 30)?.as_ref() == Some(&content));
        assert!(network.has_struck(), "a connection was cut at byte {at}");
    }
    assert_eq!(server.unfinished_uploads(), 0);
    Ok(())
}

fn dropped() -> TestResult {
    let server = start()?;
    let storage = storage(&server, "/r")?;
    let path = StoragePath::new("file");
    write_all(&*storage, &path, &WriteOptions::default(), b"before")?;
    let mut writer = storage.open_write(&path, &WriteOptions::default())?;
    writer.write_all(&bytes(1, 11 << 20))?;
    // Sent as far as can be, and still not the file.
    writer.stage()?;
    drop(writer);
    assert_eq!(server.unfinished_uploads(), 0, "the upload was given up");
    let found = read_all(&*storage, &path, 1 << 30)?;
    assert_eq!(found.as_deref(), Some(&b"before"[..]));
    Ok(())
}

fn tags() -> TestResult {
    let server = start()?;
    let mut settings = settings(&server);
    settings.tags = vec![
        ("team".into(), "data \"base\"".into()),
        ("x".into(), "1".into()),
    ];
    let storage = open_boxed(settings)?;
    for (name, size) in [("small", 10), ("large", 6 << 20)] {
        let content = bytes(2, size);
        let path = StoragePath::new(name);
        write_all(&*storage, &path, &WriteOptions::default(), &content)?;
        let found = server.ask("GET", &format!("/storage/v1/b/{BUCKET}/o/{name}"))?;
        assert!(
            found.contains(r#""metadata":{"team":"data \"base\"","x":"1"}"#),
            "{name}: {found}"
        );
        assert!(read_all(&*storage, &path, 1 << 30)? == Some(content));
    }
    Ok(())
}

fn odd_names() -> TestResult {
    let server = start()?;
    let storage = storage(&server, "/r")?;
    let names = ["a b+c%20", "ä&<>\"'=?#", "~!$()*,;:@[]", "dir/x.y-z_~"];
    for name in names {
        // Of one request, and of several.
        for size in [name.len(), 5 << 20] {
            let path = StoragePath::new(name);
            let content = bytes(7, size);
            write_all(&*storage, &path, &WriteOptions::default(), &content)?;
            assert!(
                read_all(&*storage, &path, 1 << 30)? == Some(content),
                "{name}"
            );
        }
    }
    let mut found = Vec::new();
    let options = ListOptions::default();
    storage.list_tree(&StoragePath::root(), &options, &mut |info| {
        found.push(info.name.to_string());
        Ok(())
    })?;
    found.sort();
    let mut expected: Vec<&str> = names.to_vec();
    expected.push("dir");
    expected.sort_unstable();
    assert_eq!(found, expected);
    Ok(())
}

fn new() -> TestResult {
    let server = start()?;
    let storage = storage(&server, "/r")?;
    let path = StoragePath::new("file");
    let only_new = WriteOptions {
        truncate: false,
        ..WriteOptions::default()
    };
    write_all(&*storage, &path, &only_new, b"first")?;
    for size in [1, 5 << 20] {
        let error = write_all(&*storage, &path, &only_new, &bytes(1, size)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists, "{size}: {error}");
    }
    let found = read_all(&*storage, &path, 1 << 30)?;
    assert_eq!(found.as_deref(), Some(&b"first"[..]));
    assert_eq!(server.unfinished_uploads(), 0);
    Ok(())
}

fn odd_parts() -> TestResult {
    let server = start()?;
    let mut settings = settings(&server);
    settings.chunk_size = (4 << 20) + 1;
    let storage = open_boxed(settings)?;
    let content = bytes(9, 13 << 20);
    let path = StoragePath::new("file");
    write_all(&*storage, &path, &WriteOptions::default(), &content)?;
    assert!(read_all(&*storage, &path, 1 << 30)? == Some(content));
    Ok(())
}
