//! Files of more than one request: parts, tags, what a writer that gives up leaves, memory.

use std::io::Write;

use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::{StoragePath, WriteOptions};
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::object_server::{BUCKET, Kind, ObjectServer};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, open_boxed, settings, storage};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_file_of_several_parts_comes_back_from_s3s", || {
            large(Kind::S3s)
        })
        .test("a_file_of_several_parts_comes_back_from_moto", || {
            large(Kind::Moto)
        })
        .test("cut_connections_are_survived_both_ways", cut)
        .test("a_dropped_writer_leaves_no_upload", dropped)
        .test("tags_and_encryption_are_asked_for", tags)
        .test("names_with_odd_characters_are_kept", odd_names)
        .test("what_a_killed_writer_left_is_found_and_removed", left_over)
}

fn large(kind: Kind) -> TestResult {
    let server = ObjectServer::start(kind)?;
    let mut settings = settings(&server);
    // Less than the file: the writer waits for room.
    settings.objects.byte_budget = 11 << 20;
    let storage = open_boxed(settings)?;
    for size in [(5 << 20) - 1, 5 << 20, (5 << 20) + 1, (23 << 20) + 17] {
        let content = bytes(size as u64, size);
        let path = StoragePath::new(format!("dir/file-{size}"));
        let mut writer = storage.open_write(&path, &WriteOptions::default())?;
        for piece in content.chunks(1 << 20) {
            writer.write_all(piece)?;
            assert!(storage.unanswered() <= 11 << 20, "the budget is kept");
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
    let server = ObjectServer::start(Kind::Moto)?;
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
    assert_eq!(uploads(&server)?, 0);
    Ok(())
}

pub(crate) fn uploads(server: &ObjectServer) -> pgkeep_testkit::Result<usize> {
    let answer = server.ask("GET", &format!("/{BUCKET}?uploads"))?;
    assert!(answer.contains("ListMultipartUploadsResult"), "{answer}");
    Ok(answer.matches("<Upload>").count())
}

fn dropped() -> TestResult {
    let server = ObjectServer::start(Kind::Moto)?;
    let storage = storage(&server, "/r")?;
    let path = StoragePath::new("file");
    write_all(&*storage, &path, &WriteOptions::default(), b"before")?;
    let mut writer = storage.open_write(&path, &WriteOptions::default())?;
    writer.write_all(&bytes(1, 11 << 20))?;
    drop(writer);
    assert_eq!(uploads(&server)?, 0, "the upload was given up");
    let found = read_all(&*storage, &path, 1 << 30)?;
    assert_eq!(found.as_deref(), Some(&b"before"[..]));
    Ok(())
}

fn left_over() -> TestResult {
    let server = ObjectServer::start(Kind::Moto)?;
    let storage = storage(&server, "/r")?;
    // As a writer that was killed leaves it. moto says of every upload that it was started in 2010.
    for name in ["r/dir/file", "other/file"] {
        server.ask("POST", &format!("/{BUCKET}/{name}?uploads"))?;
    }
    let root = StoragePath::root();
    assert_eq!(
        storage.remove_left_overs(&root, false)?,
        0,
        "it is not in that directory itself"
    );
    assert_eq!(storage.remove_left_overs(&root, true)?, 1);
    assert_eq!(
        uploads(&server)?,
        1,
        "the other one is not the repository's"
    );
    Ok(())
}

fn tags() -> TestResult {
    let server = ObjectServer::start(Kind::Moto)?;
    let mut settings = settings(&server);
    settings.tags = vec![
        ("team".into(), "data base".into()),
        ("x".into(), "1".into()),
    ];
    settings.kms_key_id = Some("the-key".into());
    let storage = open_boxed(settings)?;
    for (name, size) in [("small", 10), ("large", 6 << 20)] {
        let content = bytes(2, size);
        let path = StoragePath::new(name);
        write_all(&*storage, &path, &WriteOptions::default(), &content)?;
        let found = server.ask("GET", &format!("/{BUCKET}/{name}?tagging"))?;
        assert!(
            found.contains("<Key>team</Key>") && found.contains("<Value>data base</Value>"),
            "{name}: {found}"
        );
        let head = server
            .ask("HEAD", &format!("/{BUCKET}/{name}"))?
            .to_lowercase();
        assert!(
            head.contains("x-amz-server-side-encryption: aws:kms"),
            "{name}: {head}"
        );
        assert!(read_all(&*storage, &path, 1 << 30)? == Some(content));
    }
    Ok(())
}

fn odd_names() -> TestResult {
    for kind in [Kind::S3s, Kind::Moto] {
        let server = ObjectServer::start(kind)?;
        let storage = storage(&server, "/r")?;
        let names = ["a b+c%20", "ä&<>\"'=?#", "~!$()*,;:@[]", "dir/x.y-z_~"];
        for name in names {
            let path = StoragePath::new(name);
            let content = name.as_bytes();
            write_all(&*storage, &path, &WriteOptions::default(), content)?;
            let found = read_all(&*storage, &path, 1 << 20)?;
            assert_eq!(found.as_deref(), Some(content), "{kind:?}");
        }
        let mut found = Vec::new();
        let options = pgkeep_storage::ListOptions::default();
        storage.list_tree(&StoragePath::root(), &options, &mut |entry| {
            if entry.kind == pgkeep_storage::FileType::File {
                found.push(entry.name.to_string());
            }
            Ok(())
        })?;
        found.sort();
        let mut wanted = names.map(str::to_owned).to_vec();
        wanted.sort();
        assert_eq!(found, wanted, "{kind:?}");
        let paths: Vec<StoragePath> = names.iter().map(StoragePath::new).collect();
        storage.remove_many(&paths)?;
        assert_eq!(storage.list(&StoragePath::root(), &options)?, Some(vec![]));
    }
    Ok(())
}
