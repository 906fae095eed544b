//! A network that cuts anywhere, stalls, or a server that kills: bytes are right, and no temporary file stays.
//!
//! Cuts happen at a count of pieces, never at a time. `PGKEEP_TEST_FULL` in the environment cuts at every piece.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use pgkeep_storage::sftp::SftpStorage;
use pgkeep_storage::{
    ErrorKind, InfoLevel, ListOptions, Paths, ReadOptions, Removed, Storage, StoragePath,
    WriteOptions,
};
use pgkeep_testkit::network_proxy::{Network, NetworkProxy};
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, in_place, read, settings_at, temporary_files, write};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_line_cut_at_any_piece_loses_nothing", cut_anywhere)
        .test(
            "a_line_cut_in_a_large_file_goes_on_behind_the_acknowledged_bytes",
            cut_large,
        )
        .test(
            "a_line_cut_while_a_file_that_nobody_may_write_is_stored_loses_nothing",
            cut_closed,
        )
        .test(
            "a_line_that_lives_for_two_megabytes_brings_longer_files",
            short_lived,
        )
        .test("a_stalled_line_is_noticed_within_the_timeout", stalled)
        .test(
            "a_stuck_sftp_process_behind_a_living_connection_is_noticed",
            stuck,
        )
        .test(
            "while_the_server_stalls_no_more_than_the_budget_is_taken",
            stalled_budget,
        )
        .test(
            "a_server_that_ended_and_came_back_is_found_again",
            restarted,
        )
        .test(
            "a_server_that_allows_one_channel_and_few_connections_is_enough",
            refusing,
        )
        .test(
            "staged_files_outlive_a_lost_connection_and_get_their_names_in_order",
            staged,
        )
        .test("shutting_down_on_a_dead_line_is_no_error", shutdown)
}

/// The work of a small backup.
fn work(storage: &SftpStorage) -> pgkeep_storage::Result<()> {
    storage.create_path(&StoragePath::from("backup/set"), 0o750)?;
    write(storage, "backup/set/a", &bytes(1, 700_000), &in_place())?;
    write(
        storage,
        "backup/set/manifest",
        &bytes(2, 50_000),
        &WriteOptions::default(),
    )?;
    write(
        storage,
        "backup/backup.info",
        b"one",
        &WriteOptions::default(),
    )?;
    write(
        storage,
        "backup/backup.info",
        b"two",
        &WriteOptions::default(),
    )?;
    assert_eq!(read(storage, "backup/set/a")?, Some(bytes(1, 700_000)));
    let listed = storage.list(
        &StoragePath::from("backup/set"),
        &ListOptions {
            sort: true,
            ..ListOptions::default()
        },
    )?;
    assert_eq!(listed.map(|listed| listed.len()), Some(2));
    write(storage, "backup/old/x", b"x", &in_place())?;
    assert_eq!(
        storage.remove_tree(&StoragePath::from("backup/old"))?,
        Removed::Removed
    );
    Ok(())
}

fn cut_anywhere() -> TestResult {
    let server = SftpServer::builder().start()?;
    let whole = Network::new().to(server.address())?;
    {
        let storage = SftpStorage::new(settings_at(&server, whole.address())?)?;
        work(&storage)?;
    }
    let pieces = whole.pieces();
    assert!(pieces > 30, "only {pieces} pieces");
    let step = if std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        1
    } else {
        (pieces / 24).max(1)
    };
    let mut cuts = 0;
    for at in (1..=pieces).step_by(usize::try_from(step)?) {
        std::fs::remove_dir_all(server.files().join("backup"))?;
        let proxy = Network::new().cut_at_piece(at).to(server.address())?;
        let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
        work(&storage).map_err(|error| format!("cut at piece {at} of {pieces}: {error}"))?;
        drop(storage);
        cuts += u32::from(proxy.has_struck());
        let content = |name: &str| std::fs::read(server.files().join(name));
        assert!(content("backup/set/a")? == bytes(1, 700_000), "cut at {at}");
        assert!(
            content("backup/set/manifest")? == bytes(2, 50_000),
            "cut at {at}"
        );
        assert_eq!(content("backup/backup.info")?, b"two", "cut at {at}");
        assert!(!server.files().join("backup/old").exists(), "cut at {at}");
        assert_eq!(
            temporary_files(server.files())?,
            Vec::<String>::new(),
            "cut at {at}"
        );
    }
    assert!(cuts >= 15, "only {cuts} cuts happened");
    Ok(())
}

fn cut_large() -> TestResult {
    let server = SftpServer::builder().start()?;
    let content = bytes(5, 24 << 20);
    for (megabytes, options) in [(9, WriteOptions::default()), (17, in_place())] {
        let proxy = Network::new()
            .cut_at_byte(megabytes << 20)
            .to(server.address())?;
        let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
        write(&storage, "large", &content, &options)?;
        assert!(proxy.has_struck());
        assert!(std::fs::read(server.files().join("large"))? == content);
        assert_eq!(temporary_files(server.files())?, Vec::<String>::new());
        // The same on the way back.
        let proxy = Network::new()
            .cut_at_byte(megabytes << 20)
            .to(server.address())?;
        let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
        let mut got = Vec::new();
        storage
            .open_read(&StoragePath::from("large"), &ReadOptions::default())?
            .read_to_end(&mut got)?;
        assert!(proxy.has_struck() && got == content);
    }
    Ok(())
}

/// A file whose mode lets nobody write cannot be opened again to write: neither to go on behind what is there, nor after it got
/// its name.
fn cut_closed() -> TestResult {
    let server = SftpServer::builder().start()?;
    let large = bytes(5, 24 << 20);
    let closed = WriteOptions {
        file_mode: 0o440,
        ..WriteOptions::default()
    };
    let check = |name: &str, content: &[u8]| -> TestResult {
        let file = server.files().join(name);
        assert!(std::fs::read(&file)? == content);
        assert_eq!(file.metadata()?.permissions().mode() & 0o777, 0o440);
        assert_eq!(temporary_files(server.files())?, Vec::<String>::new());
        Ok(())
    };
    let proxy = Network::new().cut_at_byte(9 << 20).to(server.address())?;
    let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
    write(&storage, "large", &large, &closed)?;
    assert!(proxy.has_struck());
    check("large", &large)?;
    // A small one, cut at any piece: among these places is the answer to the rename.
    let small = |at: Network| -> Result<NetworkProxy, Box<dyn std::error::Error>> {
        let proxy = at.to(server.address())?;
        let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
        write(&storage, "info", b"one", &closed)?;
        write(&storage, "info", b"two", &closed)?;
        check("info", b"two")?;
        Ok(proxy)
    };
    let pieces = small(Network::new())?.pieces();
    let mut cuts = 0;
    for at in 1..=pieces {
        let cut = small(Network::new().cut_at_piece(at));
        let proxy = cut.map_err(|error| format!("cut at piece {at} of {pieces}: {error}"))?;
        cuts += u64::from(proxy.has_struck());
    }
    assert!(cuts * 2 > pieces, "only {cuts} of {pieces} cuts happened");
    Ok(())
}

/// Every connection carries two megabytes: a file that is longer, or needs more than that to be acknowledged, still
/// comes to its end, and what is sent again stays within bounds.
fn short_lived() -> TestResult {
    let server = SftpServer::builder().start()?;
    let content = bytes(7, 8 << 20);
    for (delay, length, options) in [
        (0, 3 << 20, WriteOptions::default()),
        (0, 8 << 20, in_place()),
        (25, 3 << 20, in_place()),
        (25, 8 << 20, WriteOptions::default()),
    ] {
        let proxy = Network::new()
            .delay(Duration::from_millis(delay))
            .cut_at_byte(2_000_000)
            .every_connection()
            .to(server.address())?;
        let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
        write(&storage, "long", &content[..length], &options)?;
        assert!(std::fs::read(server.files().join("long"))? == content[..length]);
        assert_eq!(temporary_files(server.files())?, Vec::<String>::new());
        let fewest = length as u64 / 2_000_000;
        let cuts = proxy.strikes();
        assert!(
            (fewest..=fewest * 4 + 10).contains(&cuts),
            "{cuts} cuts for {length} bytes at {delay} ms"
        );
    }
    // Many files that share connections: none of them could be acknowledged in time if all were under way at once.
    let proxy = Network::new()
        .delay(Duration::from_millis(25))
        .cut_at_byte(2_000_000)
        .every_connection()
        .to(server.address())?;
    let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
    let tickets: Vec<_> = (0..60u64)
        .map(|number| {
            let path = StoragePath::from(format!("many/{number}"));
            let content = &content[..200_000];
            pgkeep_storage::copy::write_ticket(&storage, &path, &WriteOptions::default(), content)
        })
        .collect::<Result<_, _>>()?;
    for ticket in tickets {
        ticket.wait()?;
    }
    for number in 0..60 {
        let stored = std::fs::read(server.files().join(format!("many/{number}")))?;
        assert!(stored == content[..200_000]);
    }
    assert_eq!(temporary_files(server.files())?, Vec::<String>::new());
    Ok(())
}

fn stalled() -> TestResult {
    let server = SftpServer::builder().start()?;
    let whole = Network::new().to(server.address())?;
    {
        let storage = SftpStorage::new(settings_at(&server, whole.address())?)?;
        write(&storage, "x", &bytes(1, 8 << 20), &in_place())?;
    }
    // In the middle of the upload, on the first connection only: the second one works.
    let proxy = Network::new()
        .stall_at_piece(whole.pieces() / 2)
        .to(server.address())?;
    let mut settings = settings_at(&server, proxy.address())?;
    settings.io_timeout = Duration::from_secs(5);
    let storage = SftpStorage::new(settings)?;
    write(&storage, "x", &bytes(2, 8 << 20), &in_place())?;
    assert!(proxy.has_struck());
    assert!(storage.statistics().connections >= 2);
    assert!(read(&storage, "x")? == Some(bytes(2, 8 << 20)));
    Ok(())
}

fn restarted() -> TestResult {
    let mut server = SftpServer::builder().start()?;
    // Sessions outlive a restart of sshd: the proxy ends them.
    let proxy = Network::new().to(server.address())?;
    let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
    write(&storage, "x", b"1", &WriteOptions::default())?;
    let mut writer = storage.open_write(&StoragePath::from("y"), &WriteOptions::default())?;
    writer.write_all(&bytes(3, 2 << 20))?;
    server.restart()?;
    proxy.cut_all();
    writer.write_all(&bytes(4, 2 << 20))?;
    writer.finish()?.wait()?;
    assert!(read(&storage, "y")? == Some([bytes(3, 2 << 20), bytes(4, 2 << 20)].concat()));
    assert_eq!(
        storage
            .info(&StoragePath::from("x"), InfoLevel::Basic)?
            .map(|info| info.size),
        Some(1)
    );
    assert_eq!(temporary_files(server.files())?, Vec::<String>::new());
    Ok(())
}

fn refusing() -> TestResult {
    let server = SftpServer::builder()
        .line("MaxSessions 1")
        .line("MaxStartups 1:100:1")
        .start()?;
    let mut settings = settings_at(&server, server.address())?;
    settings.connections = Some(4);
    settings.channels = Some(4);
    let storage = SftpStorage::new(settings)?;
    let content = bytes(6, 40 << 20);
    write(&storage, "x", &content, &in_place())?;
    assert!(read(&storage, "x")? == Some(content));
    Ok(())
}

fn shutdown() -> TestResult {
    let server = SftpServer::builder().start()?;
    let proxy = Network::new().to(server.address())?;
    let mut settings = settings_at(&server, proxy.address())?;
    settings.io_timeout = Duration::from_secs(5);
    let storage = SftpStorage::new(settings)?;
    write(&storage, "x", b"1", &WriteOptions::default())?;
    proxy.cut_all();
    drop(proxy);
    drop(server);
    let error = storage
        .info(&StoragePath::root(), InfoLevel::Basic)
        .expect_err("there is no server any more");
    assert_eq!(error.kind, ErrorKind::Connect, "{error}");
    drop(storage);
    Ok(())
}

/// The SFTP process takes a little and then nothing more; sshd goes on answering keepalives.
fn stuck() -> TestResult {
    let server = SftpServer::builder()
        .line("ForceCommand (dd bs=1 count=20000 2>/dev/null; sleep 100) | /usr/lib/openssh/sftp-server")
        .start()?;
    let mut settings = settings_at(&server, server.address())?;
    settings.io_timeout = Duration::from_secs(4);
    let storage = SftpStorage::new(settings)?;
    let error =
        write(&storage, "x", &bytes(1, 1 << 20), &in_place()).expect_err("nothing more is taken");
    assert_eq!(error.kind, ErrorKind::Connect, "{error}");
    assert!(error.to_string().contains("no answer for 4 s"), "{error}");
    Ok(())
}

fn stalled_budget() -> TestResult {
    const BUDGET: usize = 4 << 20;
    let server = SftpServer::builder().start()?;
    let proxy = Network::new()
        .stall_at_piece(60)
        .for_good()
        .to(server.address())?;
    let mut settings = settings_at(&server, proxy.address())?;
    settings.io_timeout = Duration::from_secs(4);
    settings.byte_budget = BUDGET;
    let storage = SftpStorage::new(settings)?;
    let mut writer = storage.open_write(&StoragePath::from("x"), &in_place())?;
    let piece = bytes(1, 64 << 10);
    let mut taken = 0;
    let error = loop {
        match writer.write_all(&piece) {
            Ok(()) => taken += piece.len(),
            Err(error) => break error,
        }
        assert!(taken < 64 << 20, "a stalled server took {taken} bytes");
    };
    let error = pgkeep_storage::Error::from_stream(pgkeep_storage::Operation::Write, "x", error);
    assert_eq!(error.kind, ErrorKind::Connect, "{error}");
    assert!(proxy.has_struck());
    // What the proxy passed on before it stalled, the budget, and one piece being filled.
    assert!(taken <= BUDGET + (8 << 20), "{taken} bytes were taken");
    Ok(())
}

/// The connection is lost while the bytes travel, while the files wait for their names, and again before the second name.
fn staged() -> TestResult {
    let server = SftpServer::builder().start()?;
    let proxy = Network::new().to(server.address())?;
    let storage = SftpStorage::new(settings_at(&server, proxy.address())?)?;
    storage.create_path(&StoragePath::from("s"), 0o750)?;
    for when in 0..3 {
        let names: Vec<String> = (0..3).map(|file| format!("s/{when}-{file}")).collect();
        let mut writers = Vec::new();
        for (size, name) in (1..).zip(&names) {
            let path = StoragePath::from(name.as_str());
            let mut writer = storage.open_write(&path, &WriteOptions::default())?;
            writer.write_all(&bytes(size, 700_000))?;
            writer.stage()?;
            writers.push(writer);
        }
        if when == 0 {
            proxy.cut_all();
        }
        // Some round trips, so that the bytes are stored.
        while when > 0 && temporary_files(server.files())?.len() < names.len() {
            storage.info(&StoragePath::root(), InfoLevel::Basic)?;
        }
        for ((size, name), writer) in (1..).zip(&names).zip(writers) {
            let file = server.files().join(name);
            assert!(!file.exists(), "{name} has its name too early");
            if when == size {
                proxy.cut_all();
            }
            writer.finish()?.wait()?;
            assert!(std::fs::read(&file)? == bytes(size, 700_000));
        }
        assert_eq!(temporary_files(server.files())?, Vec::<String>::new());
    }
    Ok(())
}
