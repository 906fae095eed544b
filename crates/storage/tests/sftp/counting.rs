//! Round trips, counted and not timed. For one thing after the other each step is one round trip.

use std::io::Read;
use std::time::{Duration, Instant};

use pgkeep_storage::sftp::SftpStorage;
use pgkeep_storage::{InfoLevel, Paths, ReadOptions, Storage, StoragePath, WriteOptions};
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, in_place, read, settings, settings_at, write};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("pushing_one_file_takes_at_most_eight_round_trips", push)
        .test(
            "small_files_take_three_steps_each_and_share_one_connection",
            small_files,
        )
        .test("looking_up_hundreds_of_names_takes_two_steps", look_up)
        .test("reading_a_small_file_takes_three_steps", read_small)
        .test(
            "hundreds_of_small_files_are_read_within_a_few_round_trips",
            read_many,
        )
        .test(
            "announced_bytes_open_connections_before_the_first_of_them_moves",
            announced,
        )
        .test("a_login_takes_eight_round_trips", login)
}

/// What an archive push does: look at archive.info, see that the segment is not there, store it.
fn push() -> TestResult {
    let server = SftpServer::builder().start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    write(
        &storage,
        "archive/demo/archive.info",
        b"info",
        &WriteOptions::default(),
    )?;
    let before = storage.statistics().batches;
    assert!(read(&storage, "archive/demo/archive.info")?.is_some());
    let segment = "archive/demo/17-1/0000000100000000/000000010000000000000001-0123";
    assert!(
        storage
            .info(&StoragePath::from(segment), InfoLevel::Exists)?
            .is_none()
    );
    write(
        &storage,
        segment,
        &bytes(1, 100_000),
        &WriteOptions::default(),
    )?;
    let steps = storage.statistics().batches - before;
    // CLOSE of the file that was read is a step nobody waits for.
    assert!(steps <= 8 + 1, "{steps} steps");
    Ok(())
}

fn small_files() -> TestResult {
    let server = SftpServer::builder().start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    write(&storage, "s/first", b"", &WriteOptions::default())?;
    for (name, options, expect) in [
        ("s/atomic", WriteOptions::default(), 3),
        ("s/place", in_place(), 2),
        // The name is taken: the file is made beside it and takes its place.
        ("s/place", in_place(), 4),
    ] {
        let before = storage.statistics().batches;
        write(&storage, name, &bytes(1, 10_000), &options)?;
        assert_eq!(storage.statistics().batches - before, expect);
    }
    let tickets: Vec<_> = (0..100)
        .map(|number| {
            let path = StoragePath::from(format!("s/{number}"));
            let content = bytes(number, 1000);
            pgkeep_storage::copy::write_ticket(&storage, &path, &WriteOptions::default(), &content)
        })
        .collect::<Result<_, _>>()?;
    for ticket in tickets {
        ticket.wait()?;
    }
    assert_eq!(storage.statistics().connections, 1);
    Ok(())
}

fn look_up() -> TestResult {
    let server = SftpServer::builder().start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    storage.create_path(&StoragePath::from("l"), 0o750)?;
    let paths: Vec<_> = (0..300)
        .map(|number| StoragePath::from(format!("l/{number}")))
        .collect();
    let before = storage.statistics().batches;
    assert!(
        storage
            .info_many(&paths, InfoLevel::Basic)?
            .iter()
            .all(Option::is_none)
    );
    // Each group of 256 also sends an empty step for links.
    assert!(storage.statistics().batches - before <= 4);
    Ok(())
}

fn read_small() -> TestResult {
    let server = SftpServer::builder().start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    write(&storage, "x", &bytes(1, 10_000), &WriteOptions::default())?;
    let before = storage.statistics().batches;
    assert_eq!(read(&storage, "x")?, Some(bytes(1, 10_000)));
    assert!(
        storage.statistics().batches - before <= 3,
        "OPEN, READ, and CLOSE that nobody waits for"
    );
    Ok(())
}

/// What a request asks for counts, not that it is one: sixteen at a time would take fifteen round trips and more.
fn read_many() -> TestResult {
    let server = SftpServer::builder().start()?;
    let near = SftpStorage::new(settings(&server)?)?;
    for number in 0..240 {
        let content = bytes(number, 2000);
        write(&near, &format!("many/{number}"), &content, &in_place())?;
    }
    let proxy = Network::new()
        .delay(Duration::from_millis(40))
        .to(server.address())?;
    let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
    storage.info(&StoragePath::root(), InfoLevel::Basic)?;
    let before = proxy.round_trips();
    let options = ReadOptions {
        expect: Some(2000),
        lazy_open: true,
        ..ReadOptions::default()
    };
    let opened: Vec<_> = (0..240)
        .map(|number| storage.open_read(&StoragePath::from(format!("many/{number}")), &options))
        .collect::<Result<_, _>>()?;
    for (number, mut file) in opened.into_iter().enumerate() {
        let mut got = Vec::new();
        file.read_to_end(&mut got)?;
        assert!(got == bytes(number as u64, 2000));
    }
    let trips = proxy.round_trips() - before;
    assert!(trips <= 7, "{trips} round trips");
    Ok(())
}

fn announced() -> TestResult {
    let server = SftpServer::builder().start()?;
    // That a near server gets fewer has a unit test: here a busy machine would answer as if it were far.
    for (bytes, expect) in [(1 << 30, 4), (1 << 20, 1)] {
        let proxy = Network::new()
            .delay(Duration::from_millis(15))
            .to(server.address())?;
        let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
        // By its answer the storage learns how far the server is.
        storage.info(&StoragePath::root(), InfoLevel::Basic)?;
        storage.announce(bytes);
        let started = Instant::now();
        while storage.statistics().channels < expect * 2 && expect > 1 {
            assert!(
                started.elapsed() < Duration::from_secs(240),
                "{:?}",
                storage.statistics()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        for _ in 0..20 {
            storage.info(&StoragePath::root(), InfoLevel::Basic)?;
        }
        assert_eq!(storage.statistics().connections, expect, "{bytes}");
    }
    Ok(())
}

/// Versions, key exchange, service, key, signature, channel, subsystem, SFTP. The SSH library always asks whether a key would do
/// before it signs, and sends no guess of the key exchange; a server gives a channel no window before the subsystem runs.
fn login() -> TestResult {
    let server = SftpServer::builder().start()?;
    let proxy = Network::new()
        .delay(Duration::from_millis(40))
        .to(server.address())?;
    let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
    storage.info(&StoragePath::root(), InfoLevel::Basic)?;
    // And the question itself.
    assert!(proxy.round_trips() <= 9, "{}", proxy.round_trips());
    Ok(())
}
