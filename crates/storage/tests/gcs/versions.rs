//! A bucket that keeps versions, as it was at an earlier time; and buckets that keep none.

use std::time::Duration;

use pgkeep_storage::copy::{read_all, write_all};
use pgkeep_storage::{
    ErrorKind, FileType, InfoLevel, ListOptions, Range, ReadOptions, Storage, StoragePath,
    WriteOptions,
};
use pgkeep_testkit::object_server::{BUCKET, ObjectServer};
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, open_boxed, seconds, settings, start, storage};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_bucket_is_seen_as_it_was", as_it_was)
        .test("a_bucket_without_versions_has_no_past", no_versions)
}

/// A server whose bucket keeps versions.
fn keeping_versions() -> pgkeep_testkit::Result<ObjectServer> {
    let server = start()?;
    let header = "content-type: application/json\r\n";
    let body = r#"{"versioning":{"enabled":true}}"#;
    server.send("PATCH", &format!("/storage/v1/b/{BUCKET}"), header, body)?;
    Ok(server)
}

/// The second that has begun, once it is over: whatever is stored next is of a later one.
fn end_of_second() -> i64 {
    let at = seconds();
    while seconds() == at {
        std::thread::sleep(Duration::from_millis(10));
    }
    at
}

fn seen_at(server: &ObjectServer, at: i64) -> pgkeep_storage::Result<Box<dyn Storage>> {
    let mut settings = settings(server);
    settings.objects.root = "/r".to_owned();
    settings.objects.target_time = Some(at);
    open_boxed(settings)
}

fn names(storage: &dyn Storage, path: &str) -> pgkeep_storage::Result<Option<Vec<String>>> {
    let found = storage.list(
        &StoragePath::new(path),
        &ListOptions {
            sort: true,
            ..ListOptions::default()
        },
    )?;
    Ok(found.map(|found| found.iter().map(|one| one.name.to_string()).collect()))
}

fn as_it_was() -> TestResult {
    let server = keeping_versions()?;
    let today = storage(&server, "/r")?;
    let write = |path: &str, content: &[u8]| {
        let path = StoragePath::new(path);
        write_all(&*today, &path, &WriteOptions::default(), content)
    };
    let large = bytes(5, (11 << 20) + 3);
    write("backup.info", b"one")?;
    write("backup.info.copy", b"copy")?;
    write("set/bundle", &large)?;
    write("set/empty", b"")?;
    let first = end_of_second();
    write("backup.info", b"two, longer")?;
    today.remove_tree(&StoragePath::new("set"))?;
    write("later/file", b"x")?;
    let second = end_of_second();
    write("set/bundle", b"another")?;

    let past = seen_at(&server, first - 3600)?;
    assert_eq!(
        names(&*past, "")?,
        Some(vec![]),
        "before anything was written"
    );
    assert_eq!(names(&*past, "set")?, None);

    let past = seen_at(&server, first)?;
    let read = |path: &str| read_all(&*past, &StoragePath::new(path), 1 << 30);
    assert_eq!(
        names(&*past, "")?,
        Some(vec![
            "backup.info".into(),
            "backup.info.copy".into(),
            "set".into()
        ])
    );
    assert_eq!(
        names(&*past, "set")?,
        Some(vec!["bundle".into(), "empty".into()])
    );
    assert_eq!(read("backup.info")?.as_deref(), Some(&b"one"[..]));
    assert!(read("set/bundle")?.as_ref() == Some(&large));
    assert_eq!(read("set/empty")?.as_deref(), Some(&b""[..]));
    assert_eq!(read("later/file")?, None, "it came later");
    let info = |path: &str| past.info(&StoragePath::new(path), InfoLevel::Basic);
    let file = info("set/bundle")?.expect("the file is there");
    assert_eq!((file.kind, file.size), (FileType::File, large.len() as u64));
    let directory = info("set")?.expect("the directory is there");
    assert_eq!(directory.kind, FileType::Path);
    assert_eq!(info("later")?, None, "no file of it was there");
    // Pieces of a file, as bundles are read.
    let range = |offset, length| Range {
        offset,
        length: Some(length),
    };
    let options = ReadOptions {
        ranges: vec![range(7, 10), range(6 << 20, 5 << 20)],
        ..ReadOptions::default()
    };
    let mut found = Vec::new();
    let mut reader = past.open_read(&StoragePath::new("set/bundle"), &options)?;
    std::io::Read::read_to_end(&mut reader, &mut found)?;
    let expected = [&large[7..17], &large[6 << 20..11 << 20]].concat();
    assert!(found == expected);
    let mut tree = Vec::new();
    let options = ListOptions {
        sort: true,
        ..ListOptions::default()
    };
    past.list_tree(&StoragePath::root(), &options, &mut |entry| {
        tree.push(entry.name.to_string());
        Ok(())
    })?;
    assert_eq!(
        tree,
        [
            "backup.info",
            "backup.info.copy",
            "set",
            "set/bundle",
            "set/empty"
        ]
    );

    let past = seen_at(&server, second)?;
    assert_eq!(
        names(&*past, "")?,
        Some(vec![
            "backup.info".into(),
            "backup.info.copy".into(),
            "later".into()
        ]),
        "the set was deleted"
    );
    let found = read_all(&*past, &StoragePath::new("set/bundle"), 100)?;
    assert_eq!(found, None);
    let found = read_all(&*past, &StoragePath::new("backup.info"), 100)?;
    assert_eq!(found.as_deref(), Some(&b"two, longer"[..]));
    Ok(())
}

fn no_versions() -> TestResult {
    let server = start()?;
    let today = storage(&server, "/r")?;
    let path = StoragePath::new("file");
    write_all(&*today, &path, &WriteOptions::default(), b"content")?;
    let past = seen_at(&server, end_of_second())?;
    let list = past.list(&StoragePath::root(), &ListOptions::default());
    let read = past.open_read(&path, &ReadOptions::default());
    for error in [list.err(), read.err()] {
        let error = error.ok_or("the past of a bucket without versions was shown")?;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let text = error.to_string();
        assert!(text.contains("does not keep earlier versions"), "{text}");
        assert!(!error.hints.is_empty(), "{error}");
    }
    Ok(())
}
