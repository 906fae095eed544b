//! A connection that another process keeps open: used where it is there and well, and missed by nobody where it is not.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pgkeep_storage::sftp::persist::{self, Lifetime};
use pgkeep_storage::sftp::{SftpSettings, SftpStorage};
use pgkeep_storage::{Storage, WriteOptions};
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, read, settings, settings_at, temporary_files, write};

const LONG: Duration = Duration::from_secs(3600);

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_connection_that_is_held_spares_the_login", spares)
        .test(
            "commands_at_the_same_time_get_a_channel_each_of_a_held_connection",
            at_once,
        )
        .test(
            "a_held_connection_that_is_cut_at_any_piece_loses_nothing",
            cut_anywhere,
        )
        .test("what_is_no_holder_is_no_help_and_no_harm", no_holder)
        .test(
            "a_holder_ends_when_its_time_is_over_or_its_socket_gone",
            ends,
        )
        .test("a_holder_that_gets_no_channel_any_more_ends", stuck)
        .test("a_holder_trusts_no_other_server", trusts)
}

/// A master in a thread of its own; ends with this.
struct Master {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<pgkeep_storage::Result<()>>>,
    socket: PathBuf,
    _place: tempfile::TempDir,
}

impl Master {
    fn start(settings: &SftpSettings, lifetime: Lifetime) -> Result<Self, std::io::Error> {
        let place = tempfile::tempdir()?;
        let socket = place.path().join("persist.sock");
        let stop = Arc::new(AtomicBool::new(false));
        let (settings, path, asked) = (settings.clone(), socket.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            persist::run(&settings, &path, lifetime, &|| {
                asked.load(Ordering::Relaxed)
            })
        });
        Ok(Self {
            stop,
            thread: Some(thread),
            socket,
            _place: place,
        })
    }

    /// One that lends until it is told to end.
    fn ready(settings: &SftpSettings) -> Result<Self, Box<dyn std::error::Error>> {
        let lifetime = Lifetime {
            idle: LONG,
            longest: LONG,
        };
        let master = Self::start(settings, lifetime)?;
        let began = Instant::now();
        while !master.socket.exists() {
            assert!(began.elapsed() < Duration::from_secs(240), "no socket");
            if master.thread.as_ref().is_some_and(JoinHandle::is_finished) {
                return Err(format!("it ended: {:?}", master.wait()).into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(master)
    }

    /// Waits for its end, which somebody else has seen to.
    fn wait(mut self) -> pgkeep_storage::Result<()> {
        let thread = self.thread.take().expect("it is waited for once");
        thread.join().expect("no master panics")
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no master panics").ok();
        }
    }
}

fn beside(settings: &SftpSettings, socket: &Path) -> SftpSettings {
    let mut settings = settings.clone();
    settings.persist_socket = Some(socket.to_owned());
    settings
}

fn spares() -> TestResult {
    let server = SftpServer::builder().start()?;
    let plain = settings(&server)?;
    // So far that many bytes ask for more connections: none is made beside one that is lent.
    let proxy = Network::new()
        .delay(Duration::from_millis(15))
        .to(server.address())?;
    let master = Master::ready(&settings_at(&server, proxy.address())?)?;
    for number in 0..5 {
        let storage = SftpStorage::new(beside(&plain, &master.socket))?;
        let size = if number == 0 { 20 << 20 } else { 3_000_000 };
        let (name, content) = (format!("s/{number}"), bytes(number, size));
        write(&storage, &name, &content, &WriteOptions::default())?;
        assert!(read(&storage, &name)? == Some(content));
        let counts = storage.statistics();
        assert_eq!((counts.connections, counts.channels), (0, 1));
        // As over a connection of its own: what the server can do is known.
        assert_eq!(
            storage.durability(pgkeep_storage::WriteMode::Atomic)?,
            pgkeep_storage::Durability::Fsynced
        );
    }
    drop(master);
    let storage = SftpStorage::new(plain)?;
    assert!(read(&storage, "s/4")? == Some(bytes(4, 3_000_000)));
    assert_eq!(storage.statistics().connections, 1);
    Ok(())
}

fn at_once() -> TestResult {
    let server = SftpServer::builder().start()?;
    let plain = settings(&server)?;
    let master = Master::ready(&plain)?;
    let barrier = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..4)
            .map(|number| {
                let (settings, barrier) = (beside(&plain, &master.socket), &barrier);
                scope.spawn(move || -> pgkeep_storage::Result<usize> {
                    let storage = SftpStorage::new(settings)?;
                    barrier.wait();
                    let name = format!("s/{number}");
                    let content = bytes(number, 1_000_000);
                    write(&storage, &name, &content, &WriteOptions::default())?;
                    // Each has its own handles: nobody reads what another one opened.
                    assert!(read(&storage, &name)? == Some(content));
                    Ok(storage.statistics().connections)
                })
            })
            .collect();
        for one in running {
            assert_eq!(one.join().expect("no writer panics")?, 0);
        }
        Ok(())
    })
}

fn cut_anywhere() -> TestResult {
    let server = SftpServer::builder().start()?;
    let content = bytes(7, 700_000);
    // How many pieces there were, and whether the connection was lost in the middle of the work.
    let run = |network: Network| -> Result<(u64, bool), Box<dyn std::error::Error>> {
        let proxy = network.to(server.address())?;
        let master = Master::ready(&settings_at(&server, proxy.address())?)?;
        // What is left of the kept connection must not be waited for.
        let storage = SftpStorage::new(beside(&settings(&server)?, &master.socket))?;
        for name in ["c/a", "c/b"] {
            write(&storage, name, &content, &WriteOptions::default())?;
            assert!(read(&storage, name)? == Some(content.clone()));
        }
        let lost = storage.statistics().connections > 0;
        assert!(proxy.has_struck() || !lost);
        Ok((proxy.pieces(), lost))
    };
    let login = {
        let proxy = Network::new().to(server.address())?;
        let master = Master::ready(&settings_at(&server, proxy.address())?)?;
        drop(master);
        proxy.pieces()
    };
    let (all, _) = run(Network::new())?;
    assert!(all > login + 20, "{login} pieces of {all}");
    let step = if std::env::var_os("PGKEEP_TEST_FULL").is_some() {
        1
    } else {
        ((all - login) / 12).max(1)
    };
    let mut cuts = 0;
    for at in (login + 4..all).step_by(usize::try_from(step)?) {
        std::fs::remove_dir_all(server.files().join("c"))?;
        let (_, lost) = run(Network::new().cut_at_piece(at))
            .map_err(|error| format!("cut at piece {at} of {all}: {error}"))?;
        cuts += u32::from(lost);
        assert_eq!(temporary_files(server.files())?, Vec::<String>::new());
    }
    assert!(cuts > 5, "{cuts} cuts");
    Ok(())
}

fn no_holder() -> TestResult {
    let server = SftpServer::builder().start()?;
    let plain = settings(&server)?;
    let place = tempfile::tempdir()?;
    let works = |socket: &Path| -> TestResult {
        let storage = SftpStorage::new(beside(&plain, socket))?;
        write(&storage, "x", b"content", &WriteOptions::default())?;
        assert_eq!(read(&storage, "x")?.as_deref(), Some(&b"content"[..]));
        assert_eq!(storage.statistics().connections, 1);
        Ok(())
    };
    works(&place.path().join("missing.sock"))?;
    let file = place.path().join("file.sock");
    std::fs::write(&file, b"")?;
    works(&file)?;
    let left = place.path().join("left.sock");
    drop(UnixListener::bind(&left)?);
    works(&left)?;
    // Ends, talks nonsense, begins well and ends, and says nothing at all.
    for said in [
        Some(&b""[..]),
        Some(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        Some(&[0, 0, 0, 40, b'H', 0, 0, 0, 1, 0]),
        Some(&[0, 0, 0, 5, b'H', 0, 0, 0, 9]),
        None,
    ] {
        let socket = place.path().join("other.sock");
        let listener = UnixListener::bind(&socket)?;
        let end = std::thread::spawn(move || -> std::io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            match said {
                Some(said) => stream.write_all(said),
                None => std::io::copy(&mut stream, &mut std::io::sink()).map(drop),
            }
        });
        works(&socket)?;
        end.join().expect("the listener does not panic")?;
        std::fs::remove_file(socket)?;
    }
    Ok(())
}

fn ends() -> TestResult {
    let server = SftpServer::builder().start()?;
    let plain = settings(&server)?;
    for (idle, longest) in [(Duration::ZERO, LONG), (LONG, Duration::ZERO)] {
        let master = Master::start(&plain, Lifetime { idle, longest })?;
        let socket = master.socket.clone();
        master.wait()?;
        assert!(!socket.exists());
    }
    let master = Master::ready(&plain)?;
    std::fs::remove_file(&master.socket)?;
    master.wait()?;
    // A server that ends takes the master with it.
    let proxy = Network::new().to(server.address())?;
    let master = Master::ready(&settings_at(&server, proxy.address())?)?;
    proxy.cut_all();
    master.wait()?;
    Ok(())
}

/// The second SFTP process says nothing; the connection lives on.
fn stuck() -> TestResult {
    let place = tempfile::tempdir()?;
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777))?;
    let mark = |name: &str| place.path().join(name).display().to_string();
    let server = SftpServer::builder()
        .line(format!(
            "ForceCommand if ! mkdir '{}' 2>/dev/null && mkdir '{}' 2>/dev/null; then exec sleep 30; fi; \
             exec /usr/lib/openssh/sftp-server",
            mark("one"),
            mark("two")
        ))
        .start()?;
    let plain = settings(&server)?;
    let master = Master::ready(&plain)?;
    for (own, running) in [(0, "one"), (1, "two")] {
        // The next process is started when this one is lent, and must not be the quicker one.
        while !place.path().join(running).exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let storage = SftpStorage::new(beside(&plain, &master.socket))?;
        write(&storage, "x", b"x", &WriteOptions::default())?;
        assert_eq!(storage.statistics().connections, own);
    }
    master.wait()?;
    Ok(())
}

fn trusts() -> TestResult {
    let (server, other) = (
        SftpServer::builder().start()?,
        SftpServer::builder().start()?,
    );
    let mut wrong = settings(&server)?;
    wrong.known_hosts = Some(vec![other.known_hosts_for(server.address())?]);
    let lifetime = Lifetime {
        idle: LONG,
        longest: LONG,
    };
    let master = Master::start(&wrong, lifetime)?;
    let socket = master.socket.clone();
    let error = master.wait().expect_err("the key is another one");
    assert_eq!(error.kind, pgkeep_storage::ErrorKind::Identity);
    assert!(!socket.exists());
    Ok(())
}
