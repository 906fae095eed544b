//! Files of more than one request, what writers leave, names, tags, and removal of many.

use std::io::Write;

use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::{
    Error, ErrorKind, FileType, InfoLevel, ListOptions, Operation, Removed, Storage, StoragePath,
    WriteOptions,
};
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::object_server::faults::{Plan, What};
use pgkeep_testkit::object_server::{BUCKET, Kind, ObjectServer};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, open_boxed, settings, storage};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_file_of_several_blocks_comes_back", large)
        .test("cut_connections_are_survived_both_ways", cut)
        .test("a_dropped_writer_leaves_what_was_there", dropped)
        .test("blocks_of_two_writers_do_not_mix", two_writers)
        .test("blocks_that_pgbackrest_left_do_no_harm", left_by_pgbackrest)
        .test(
            "blocks_without_a_blob_go_with_their_directory",
            begun_in_a_tree,
        )
        .test("a_new_file_is_not_put_over_another", new_file)
        .test("tags_are_put_on_every_blob", tags)
        .test("names_with_odd_characters_are_kept", odd_names)
        .test("many_files_are_removed_in_batches", many)
}

fn large() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let mut settings = settings(&server);
    // Less than the file: the writer waits for room.
    settings.objects.byte_budget = 9 << 20;
    let storage = open_boxed(settings)?;
    for size in [(4 << 20) - 1, 4 << 20, (4 << 20) + 1, (19 << 20) + 17] {
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
    assert_eq!(storage.unanswered(), 0);
    Ok(())
}

fn cut() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let content = bytes(3, 10 << 20);
    let path = StoragePath::new("file");
    for at in [1 << 20, 7 << 20, 15 << 20] {
        // Of 10 MiB written and read again.
        let network = Network::new().cut_at_byte(at).to(server.address())?;
        let mut settings = settings(&server);
        settings.http.server.port = Some(network.address().port());
        let storage = open_boxed(settings)?;
        write_all(&*storage, &path, &WriteOptions::default(), &content)?;
        assert!(read_all(&*storage, &path, 1 << 30)?.as_ref() == Some(&content));
        assert!(network.has_struck(), "a connection was cut at byte {at}");
    }
    Ok(())
}

/// A writer that has sent the first blocks of a file.
fn begun(
    storage: &dyn Storage,
    content: &[u8],
) -> Result<Box<dyn pgkeep_storage::StorageWrite>, Box<dyn std::error::Error>> {
    let mut writer = storage.open_write(&StoragePath::new("file"), &WriteOptions::default())?;
    writer.write_all(content)?;
    Ok(writer)
}

fn dropped() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let storage = storage(&server, "/r")?;
    let path = StoragePath::new("file");
    write_all(&*storage, &path, &WriteOptions::default(), b"before")?;
    drop(begun(&*storage, &bytes(1, 9 << 20))?);
    let found = read_all(&*storage, &path, 1 << 30)?;
    assert_eq!(found.as_deref(), Some(&b"before"[..]));
    // What was begun and never was a file is none.
    drop(storage.open_write(&StoragePath::new("never"), &WriteOptions::default())?);
    let names: Vec<String> = storage
        .list(&StoragePath::root(), &ListOptions::default())?
        .unwrap_or_default()
        .into_iter()
        .map(|entry| entry.name.to_string())
        .collect();
    assert_eq!(names, ["file"]);
    Ok(())
}

fn two_writers() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let (one, other) = (storage(&server, "/r")?, storage(&server, "/r")?);
    let contents = [bytes(1, 9 << 20), bytes(2, 9 << 20)];
    let writers = [begun(&*one, &contents[0])?, begun(&*other, &contents[1])?];
    let [first, second] = writers;
    // The one that ends first takes the blocks of the other away, which is told; the file is whole whoever wins.
    first.finish()?.wait()?;
    let second: Result<_, Error> = second.finish()?.wait();
    let found = read_all(&*one, &StoragePath::new("file"), 1 << 30)?;
    match second {
        Ok(_) => assert!(found.as_ref() == Some(&contents[1])),
        Err(error) => {
            assert_eq!(error.operation, Operation::Write);
            assert!(error.hints[0].contains("another process"), "{error:?}");
            assert!(found.as_ref() == Some(&contents[0]));
        }
    }
    Ok(())
}

fn left_by_pgbackrest() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let storage = storage(&server, "/r")?;
    // Blocks of one blob must have names of one length.
    let left = format!("/{BUCKET}/r/file?comp=block&blockid=0123456789ABCDEFx0000000");
    server.ask_azurite("PUT", &left, "", "left over")?;
    let path = StoragePath::new("file");
    assert!(
        storage.info(&path, InfoLevel::Type)?.is_none(),
        "a blob with no committed block is no file"
    );
    let content = bytes(1, 9 << 20);
    write_all(&*storage, &path, &WriteOptions::default(), &content)?;
    assert!(read_all(&*storage, &path, 1 << 30)?.as_ref() == Some(&content));
    Ok(())
}

/// What writers left that were killed.
fn begun_in_a_tree() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let storage = storage(&server, "/r")?;
    for name in ["set/pg_data/1", "set/pg_data/2", "other/1"] {
        let block = format!("/{BUCKET}/r/{name}?comp=block&blockid=0123456789ABCDEFx0000000");
        server.ask_azurite("PUT", &block, "", "left over")?;
    }
    let begun = || {
        let list = format!("/{BUCKET}?restype=container&comp=list&include=uncommittedblobs");
        server.ask_azurite("GET", &list, "", "")
    };
    assert!(begun()?.contains("<Name>r/set/pg_data/2</Name>"));
    let set = StoragePath::new("set");
    assert_eq!(storage.list(&set, &ListOptions::default())?, None);
    let file = StoragePath::new("set/file");
    write_all(&*storage, &file, &WriteOptions::default(), b"x")?;
    assert_eq!(storage.remove_tree(&set)?, Removed::Removed);
    let left = begun()?;
    assert!(!left.contains("r/set/"), "{left}");
    assert!(left.contains("<Name>r/other/1</Name>"), "{left}");
    Ok(())
}

fn new_file() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let storage = storage(&server, "/r")?;
    let path = StoragePath::new("file");
    let new = WriteOptions {
        truncate: false,
        ..WriteOptions::default()
    };
    write_all(&*storage, &path, &new, b"one")?;
    for size in [10, 5 << 20] {
        let mut writer = storage.open_write(&path, &new)?;
        writer.write_all(&bytes(1, size))?;
        let error = writer.finish()?.wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists, "{error}");
    }
    assert_eq!(
        read_all(&*storage, &path, 100)?.as_deref(),
        Some(&b"one"[..])
    );
    Ok(())
}

fn tags() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let mut settings = settings(&server);
    settings.tags = vec![
        ("team".into(), "data base".into()),
        ("x".into(), "1".into()),
    ];
    let storage = open_boxed(settings)?;
    for (name, size) in [("small", 10), ("large", 5 << 20)] {
        let content = bytes(2, size);
        let path = StoragePath::new(name);
        write_all(&*storage, &path, &WriteOptions::default(), &content)?;
        let found = server.ask_azurite("GET", &format!("/{BUCKET}/{name}?comp=tags"), "", "")?;
        assert!(
            found.contains("<Key>team</Key>") && found.contains("<Value>data base</Value>"),
            "{name}: {found}"
        );
        assert!(read_all(&*storage, &path, 1 << 30)? == Some(content));
    }
    Ok(())
}

fn odd_names() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let storage = storage(&server, "/r")?;
    let names = ["a b+c%20", "ä&<>\"'=?#", "~!$()*,;:@[]", "dir/x.y-z_~"];
    for name in names {
        let path = StoragePath::new(name);
        let content = name.as_bytes();
        write_all(&*storage, &path, &WriteOptions::default(), content)?;
        let found = read_all(&*storage, &path, 1 << 20)?;
        assert_eq!(found.as_deref(), Some(content), "{name}");
    }
    let mut found = Vec::new();
    storage.list_tree(
        &StoragePath::root(),
        &ListOptions::default(),
        &mut |entry| {
            if entry.kind == FileType::File {
                found.push(entry.name.to_string());
            }
            Ok(())
        },
    )?;
    found.sort();
    let mut wanted = names.map(str::to_owned).to_vec();
    wanted.sort();
    assert_eq!(found, wanted);
    // In a batch, whose requests are signed each.
    let paths: Vec<StoragePath> = names.iter().map(StoragePath::new).collect();
    let gone = storage.remove_many(&paths)?;
    assert_eq!(gone, vec![Removed::Removed; names.len()]);
    let left = storage.list(&StoragePath::root(), &ListOptions::default())?;
    assert_eq!(left, Some(vec![]));
    Ok(())
}

fn many() -> TestResult {
    let server = ObjectServer::start(Kind::Azurite)?;
    let front = server.with_faults(Plan::none())?;
    let mut settings = settings(&server);
    settings.http.server.port = Some(front.address().port());
    let storage = open_boxed(settings)?;
    let mut written = Vec::new();
    for number in 0..300 {
        let path = StoragePath::new(format!("d/{number:03}"));
        let writer = storage.open_write(&path, &WriteOptions::default())?;
        written.push(writer.finish()?);
    }
    for ticket in written {
        ticket.wait()?;
    }
    let some: Vec<StoragePath> = (0..310)
        .step_by(10)
        .map(|number| StoragePath::new(format!("d/{number:03}")))
        .collect();
    let removed = storage.remove_many(&some)?;
    let (gone, missing) = removed.split_at(30);
    assert!(gone.iter().all(|one| *one == Removed::Removed));
    assert_eq!(missing, [Removed::Missing], "there was no file 300");
    assert_eq!(front.requests(What::RemoveMany), 1);
    let looked_up = front.requests(What::Head);
    storage.remove_files(&some[..5])?;
    assert_eq!(front.requests(What::RemoveMany), 2);
    assert_eq!(
        front.requests(What::Head),
        looked_up,
        "nothing is looked up"
    );
    let tree = StoragePath::new("d");
    assert_eq!(storage.remove_tree(&tree)?, Removed::Removed);
    assert_eq!(front.requests(What::RemoveMany), 4, "256 files and 14");
    assert_eq!(front.requests(What::Remove), 0);
    assert_eq!(storage.remove_tree(&tree)?, Removed::Missing);
    Ok(())
}
