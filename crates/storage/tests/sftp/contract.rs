//! The contract every storage keeps, and what SFTP makes hard: many handles, odd names, large files, sizes of requests.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use pgkeep_storage::sftp::SftpStorage;
use pgkeep_storage::{
    Durability, InfoLevel, ListOptions, Paths, Range, ReadOptions, Removed, Storage, StoragePath,
    WriteMode, WriteOptions, conformance,
};
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, in_place, read, settings, temporary_files, write};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("sftp_keeps_the_contract", || contract(false))
        .test("sftp_in_a_chroot_keeps_the_contract", || contract(true))
        .test(
            "the_newest_openssh_with_its_default_limits_keeps_the_contract",
            newest,
        )
        .test(
            "a_server_that_refuses_further_channels_is_used_with_those_it_gave",
            too_many_channels,
        )
        .test(
            "sftp_without_extensions_keeps_the_contract",
            contract_without_extensions,
        )
        .test(
            "only_temporary_files_older_than_a_day_are_removed",
            left_overs,
        )
        .test(
            "two_hundred_files_are_open_at_once_each_with_its_own_bytes",
            many_handles,
        )
        .test("names_that_are_not_utf8_are_kept", odd_names)
        .test("a_large_file_is_striped_and_comes_back_whole", large_file)
        .test("a_directory_of_thousands_is_listed_and_removed", thousands)
        .test("a_dropped_writer_leaves_nothing", dropped)
        .test("the_server_says_how_durable_files_are", durable)
        .test("memory_stays_within_the_budget_while_writing_much", budget)
        .test("ranges_come_in_the_order_asked", ranges)
}

/// A server that has nothing beyond version 3.
fn bare() -> pgkeep_testkit::Result<SftpServer> {
    SftpServer::builder()
        .line("ForceCommand internal-sftp -P fsync,posix-rename,limits")
        .start()
}

fn contract_without_extensions() -> TestResult {
    let server = bare()?;
    run_contract(&server)?;
    let storage = SftpStorage::new(settings(&server)?)?;
    assert_eq!(
        (
            storage.durability(WriteMode::Atomic)?,
            storage.durability(WriteMode::InPlace)?
        ),
        (Durability::ReRead, Durability::Trusted)
    );
    write(&storage, "n/one", b"old", &WriteOptions::default())?;
    let content = bytes(8, 6 << 20);
    write(&storage, "n/one", &content, &WriteOptions::default())?;
    assert!(read(&storage, "n/one")? == Some(content));
    Ok(())
}

fn left_overs() -> TestResult {
    let server = SftpServer::builder().start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    let root = StoragePath::root();
    for name in [
        "backup.info",
        "a.1.pgbackrest.tmp",
        "b.2.pgbackrest.tmp",
        "c.tmp",
    ] {
        write(&storage, name, b"x", &in_place())?;
    }
    assert_eq!(storage.remove_left_overs(&root, false)?, 0);
    for name in ["backup.info", "b.2.pgbackrest.tmp", "c.tmp"] {
        let options = WriteOptions {
            modified: Some(1_000_000_000),
            ..in_place()
        };
        write(&storage, name, b"x", &options)?;
    }
    assert_eq!(storage.remove_left_overs(&root, false)?, 1);
    let left = storage
        .list(
            &root,
            &ListOptions {
                sort: true,
                ..ListOptions::default()
            },
        )?
        .unwrap_or_default();
    let names: Vec<String> = left.iter().map(|info| info.name.to_string()).collect();
    assert_eq!(names, ["a.1.pgbackrest.tmp", "backup.info", "c.tmp"]);
    let old = WriteOptions {
        modified: Some(1_000_000_000),
        ..in_place()
    };
    write(&storage, "deep/er/d.3.pgbackrest.tmp", b"x", &old)?;
    assert_eq!(storage.remove_left_overs(&root, false)?, 0);
    assert_eq!(storage.remove_left_overs(&root, true)?, 1);
    Ok(())
}

fn contract(chrooted: bool) -> TestResult {
    let builder = SftpServer::builder();
    let server = if chrooted {
        builder.chrooted()
    } else {
        builder
    }
    .start()?;
    run_contract(&server)
}

/// As shipped: MaxSessions 10, MaxStartups 10:30:100, and penalties for addresses whose sessions fail.
fn newest() -> TestResult {
    let server = SftpServer::builder()
        .newest()
        .start_chrooted_if_possible()?;
    run_contract(&server)?;
    let mut settings = settings(&server)?;
    settings.connections = Some(4);
    let storage = SftpStorage::new(settings)?;
    let content = bytes(5, 90 << 20);
    write(&storage, "large", &content, &in_place())?;
    assert!(read(&storage, "large")? == Some(content));
    // Told when a penalty, or a limit, turns somebody away.
    assert!(!server.log_text().contains("drop connection"));
    Ok(())
}

fn too_many_channels() -> TestResult {
    let server = SftpServer::builder().start()?;
    let mut settings = settings(&server)?;
    settings.connections = Some(1);
    settings.channels = Some(13);
    let storage = SftpStorage::new(settings)?;
    let content = bytes(6, 90 << 20);
    write(&storage, "large", &content, &in_place())?;
    assert!(read(&storage, "large")? == Some(content));
    let used = storage.statistics();
    // sshd's default MaxSessions.
    assert!(used.connections == 1 && used.channels == 10, "{used:?}");
    Ok(())
}

fn run_contract(server: &SftpServer) -> TestResult {
    let base = settings(server)?;
    let mut failed = None;
    let ran = conformance::run(&mut |name| -> Box<dyn Storage> {
        let mut settings = base.clone();
        settings.root = PathBuf::from(server.remote_dir()).join(name);
        let storage = SftpStorage::new(settings).expect("the settings are right");
        if let Err(error) = storage.create_path(&StoragePath::root(), 0o750) {
            failed.get_or_insert(error);
        }
        Box::new(storage)
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    assert!(ran.len() > 20, "only {ran:?}");
    assert_eq!(temporary_files(server.files())?, Vec::<String>::new());
    Ok(())
}

fn many_handles() -> TestResult {
    let server = SftpServer::builder().start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    let mut writers = Vec::new();
    for number in 0..200u64 {
        let path = StoragePath::from(format!("many/{number}"));
        let mut writer = storage.open_write(&path, &WriteOptions::default())?;
        writer.write_all(&bytes(number, 1000))?;
        writers.push(writer);
    }
    let tickets: Vec<_> = writers
        .into_iter()
        .map(|writer| writer.finish())
        .collect::<Result<_, _>>()?;
    for ticket in tickets {
        assert_eq!(ticket.wait()?.size, 1000);
    }
    // Readers are opened while all others still hold their handles.
    let mut readers = Vec::new();
    for number in 0..200u64 {
        readers.push(storage.open_read(
            &StoragePath::from(format!("many/{number}")),
            &ReadOptions::default(),
        )?);
    }
    for (number, reader) in readers.iter_mut().enumerate() {
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        assert_eq!(content, bytes(number as u64, 1000), "file {number}");
    }
    Ok(())
}

fn odd_names() -> TestResult {
    let server = SftpServer::builder().start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    let path = StoragePath::new(b"dir \xff\xfe/na\nme\x80");
    let mut writer = storage.open_write(&path, &WriteOptions::default())?;
    writer.write_all(b"x")?;
    writer.finish()?.wait()?;
    let listed = storage
        .list(&path.parent(), &ListOptions::default())?
        .expect("it is there");
    assert_eq!(listed[0].name.as_bytes(), b"na\nme\x80");
    assert_eq!(
        storage.info(&path, InfoLevel::Basic)?.map(|info| info.size),
        Some(1)
    );
    assert_eq!(storage.remove(&path)?, Removed::Removed);
    Ok(())
}

fn large_file() -> TestResult {
    let server = SftpServer::builder().start()?;
    let mut settings = settings(&server)?;
    settings.connections = Some(2);
    settings.channels = Some(2);
    let storage = SftpStorage::new(settings)?;
    let content = bytes(1, 90 << 20);
    for options in [WriteOptions::default(), in_place()] {
        write(&storage, "large", &content, &options)?;
        assert!(
            read(&storage, "large")? == Some(content.clone()),
            "the bytes differ"
        );
    }
    let used = storage.statistics();
    assert!(used.connections == 2 && used.channels == 4, "{used:?}");
    Ok(())
}

fn thousands() -> TestResult {
    const FILES: usize = 3000;
    let server = SftpServer::builder().start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    storage.create_path(&StoragePath::from("t"), 0o777)?;
    for number in 0..FILES {
        std::fs::write(server.files().join(format!("t/{number:05}")), b"1")?;
    }
    let before = storage.statistics().batches;
    let listed = storage.list(
        &StoragePath::from("t"),
        &ListOptions {
            sort: true,
            ..ListOptions::default()
        },
    )?;
    let listed = listed.expect("it is there");
    assert_eq!(listed.len(), FILES);
    assert!(listed.iter().enumerate().all(|(number, info)| info.name
        == StoragePath::from(format!("{number:05}"))
        && info.size == 1));
    let batches = storage.statistics().batches - before;
    assert!(batches <= 6, "{batches} steps to list");
    std::os::unix::fs::chown(server.files().join("t"), Some(rustix_uid(&server)?), None)?;
    let before = storage.statistics().batches;
    assert_eq!(
        storage.remove_tree(&StoragePath::from("t"))?,
        Removed::Removed
    );
    let batches = storage.statistics().batches - before;
    assert!(batches <= 6 + FILES / 256 + 2, "{batches} steps to remove");
    assert!(!server.files().join("t").exists());
    Ok(())
}

fn rustix_uid(server: &SftpServer) -> std::io::Result<u32> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata(server.files())?.uid())
}

fn dropped() -> TestResult {
    let server = SftpServer::builder().start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    write(&storage, "a/b", b"old", &WriteOptions::default())?;
    for length in [0, 10, 3 << 20, 9 << 20] {
        let mut writer = storage.open_write(&StoragePath::from("a/b"), &WriteOptions::default())?;
        writer.write_all(&bytes(2, length))?;
        drop(writer);
        assert_eq!(
            temporary_files(server.files())?,
            Vec::<String>::new(),
            "after {length} bytes"
        );
    }
    assert_eq!(read(&storage, "a/b")?.as_deref(), Some(&b"old"[..]));
    Ok(())
}

fn durable() -> TestResult {
    let server = SftpServer::builder().start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    assert_eq!(storage.durability(WriteMode::InPlace)?, Durability::Fsynced);
    Ok(())
}

fn budget() -> TestResult {
    let server = SftpServer::builder().start()?;
    let mut settings = settings(&server)?;
    settings.byte_budget = 2 << 20;
    let storage = Arc::new(SftpStorage::new(settings)?);
    let workers: Vec<_> = (0..4u64)
        .map(|worker| {
            let storage = Arc::clone(&storage);
            std::thread::spawn(move || -> pgkeep_storage::Result<()> {
                for number in 0..4u64 {
                    let seed = worker * 10 + number;
                    write(
                        &storage,
                        &format!("b/{seed}"),
                        &bytes(seed, 5 << 20),
                        &in_place(),
                    )?;
                }
                Ok(())
            })
        })
        .collect();
    for worker in workers {
        worker.join().expect("a worker does not panic")?;
    }
    for seed in [0, 13, 33] {
        assert!(read(&storage, &format!("b/{seed}"))? == Some(bytes(seed, 5 << 20)));
    }
    Ok(())
}

fn ranges() -> TestResult {
    let server = SftpServer::builder().start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    let content = bytes(3, 3 << 20);
    write(&storage, "r", &content, &in_place())?;
    let range = |offset: usize, length: usize| Range {
        offset: offset as u64,
        length: Some(length as u64),
    };
    let asked = [
        range(2 << 20, 700_000),
        range(5, 300_000),
        range(300_005, 10),
        range((3 << 20) - 4, 100),
        range(4 << 20, 5),
    ];
    let mut expect = Vec::new();
    expect.extend_from_slice(&content[2 << 20..(2 << 20) + 700_000]);
    expect.extend_from_slice(&content[5..300_015]);
    expect.extend_from_slice(&content[(3 << 20) - 4..]);
    let mut got = Vec::new();
    storage
        .open_read(
            &StoragePath::from("r"),
            &ReadOptions {
                ranges: asked.to_vec(),
                ..ReadOptions::default()
            },
        )?
        .read_to_end(&mut got)?;
    assert!(got == expect, "{} bytes of {}", got.len(), expect.len());
    Ok(())
}
