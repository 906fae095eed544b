//! A process at the server that does not do what it is asked for in its time, or says no at the very end.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pgkeep_storage::sftp::SftpStorage;
use pgkeep_storage::{Connection, ErrorKind, Storage, StoragePath, WriteOptions};
use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{bytes, in_place, settings, settings_at, temporary_files, write};

const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";
/// Asks the suite's own program to stand between sshd and its SFTP server.
const REFUSE_CLOSE: &str = "refuse-close";
/// INIT and the question for limits: what a client asks before it opens a file.
const GREETING: usize = 40;
/// Ending of a temporary name.
const TEMP_SUFFIX: &str = ".pgbackrest.tmp";
const PATIENCE: Duration = Duration::from_secs(240);

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_late_open_of_a_lost_try_does_no_harm", late_open)
        .test(
            "a_temporary_file_of_a_late_open_is_gone_when_the_storage_ends",
            late_temporary_file,
        )
        .test("late_writes_of_a_dead_client_do_no_harm", late_write)
        .test(
            "a_refused_close_after_a_sync_does_not_make_a_failure_of_a_stored_file",
            close_refused,
        )
}

/// A server whose first session takes in the first bytes, and the rest only when it is let go on.
struct Stalled {
    server: SftpServer,
    place: tempfile::TempDir,
}

impl Stalled {
    fn after(bytes: usize) -> Result<Self, Box<dyn std::error::Error>> {
        let place = tempfile::tempdir()?;
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777))?;
        let script = place.path().join("session");
        // The last `cat` takes the answers when nobody listens any more. The server forgets what it has not done when its input
        // ends, so a last request, REALPATH with the number 7777, is waited for, unless it is taken for the end of another one.
        let text = format!(
            "#!/bin/sh\ncd {place}\nif mkdir first 2>/dev/null; then\n\
             (dd bs=1 count={bytes} 2>/dev/null; cat >rest; until [ -e go ]; do sleep 0.01; done; cat rest; \
             printf '\\000\\000\\000\\012\\020\\000\\000\\036\\141\\000\\000\\000\\001.'; \
             for try in $(seq 500); do grep -q 'request 7777' log && break; sleep 0.01; done) \
             | {SFTP_SERVER} -e -l DEBUG3 2>log | (cat; cat >/dev/null)\ntouch done\nelse exec {SFTP_SERVER}; fi\n",
            place = place.path().display(),
        );
        std::fs::write(&script, text)?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
        let server = SftpServer::builder()
            .line(format!("ForceCommand {}", script.display()))
            .start()?;
        Ok(Self { server, place })
    }

    /// Lets the first session do what it was asked for, and waits until it has.
    fn goes_on(&self) -> TestResult {
        std::fs::write(self.place.path().join("go"), "")?;
        let done = self.place.path().join("done");
        wait_for("the stalled process to end", || done.exists())
    }
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) -> TestResult {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > PATIENCE {
            return Err(format!("waited in vain for {what}").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The process is asked to open the file, and does so only when the next try has stored it.
fn late_open() -> TestResult {
    let stalled = Stalled::after(GREETING)?;
    let mut settings = settings(&stalled.server)?;
    settings.io_timeout = Duration::from_secs(2);
    let content = bytes(1, 100_000);
    for (name, options) in [
        ("set/place", in_place()),
        ("set/info", WriteOptions::default()),
    ] {
        let storage = SftpStorage::new(settings.clone())?;
        write(&storage, name, &content, &options)?;
    }
    stalled.goes_on()?;
    for name in ["set/place", "set/info"] {
        assert!(
            std::fs::read(stalled.server.files().join(name))? == content,
            "{name} was changed after it was stored"
        );
    }
    Ok(())
}

/// As before, but the process gets to it while the run goes on, behind the removal of what the lost try may have left.
fn late_temporary_file() -> TestResult {
    let stalled = Stalled::after(GREETING)?;
    let proxy = Network::new().to(stalled.server.address())?;
    let storage = SftpStorage::new(settings_at(&stalled.server, proxy.address())?)?;
    let mut writing =
        storage.open_write(&StoragePath::from("set/info"), &WriteOptions::default())?;
    writing.write_all(&bytes(1, 1000))?;
    let ticket = writing.finish()?;
    let rest = stalled.place.path().join("rest");
    wait_for("the whole request to open the file", || {
        std::fs::read(&rest).is_ok_and(|rest| {
            // Flags and attributes follow the name.
            rest.windows(TEMP_SUFFIX.len())
                .position(|window| window == TEMP_SUFFIX.as_bytes())
                .is_some_and(|at| rest.len() >= at + TEMP_SUFFIX.len() + 12)
        })
    })?;
    proxy.cut_all();
    ticket.wait()?;
    stalled.goes_on()?;
    let left = temporary_files(stalled.server.files())?;
    assert_eq!(left.len(), 1, "the late open has made its file: {left:?}");
    drop(storage);
    assert_eq!(temporary_files(stalled.server.files())?, [""; 0]);
    Ok(())
}

/// A client dies, and its bytes are still written when another client has stored the file.
fn late_write() -> TestResult {
    let stalled = Stalled::after(20_000)?;
    let settings = settings(&stalled.server)?;
    let (old, new) = (bytes(1, 60_000), bytes(2, 60_000));
    let path = StoragePath::from("set/place");
    {
        let storage = SftpStorage::new(settings.clone())?;
        let mut writing = storage.open_write(&path, &in_place())?;
        writing.write_all(&old)?;
        let ticket = writing.finish()?;
        let rest = stalled.place.path().join("rest");
        wait_for("the bytes of the first client", || {
            rest.metadata().is_ok_and(|rest| rest.len() > 40_000)
        })?;
        storage.stopper(Duration::ZERO)();
        let error = ticket.wait().expect_err("the first client dies");
        assert_eq!(error.kind, ErrorKind::Cancelled, "{error}");
    }
    let storage = SftpStorage::new(settings)?;
    write(&storage, "set/place", &new, &in_place())?;
    stalled.goes_on()?;
    assert!(
        std::fs::read(stalled.server.files().join("set/place"))? == new,
        "the bytes of the dead client got into the file of the living one"
    );
    Ok(())
}

fn close_refused() -> TestResult {
    let place = tempfile::tempdir()?;
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755))?;
    // The account of the server may not get to where this program was built.
    let program = place.path().join("between");
    std::fs::copy(std::env::current_exe()?, &program)?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    let server = SftpServer::builder()
        .line(format!("ForceCommand {} {REFUSE_CLOSE}", program.display()))
        .start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    let content = bytes(1, 100_000);
    // Published, flushed, and then refused: it is there and counts.
    write(
        &storage,
        "archive/segment",
        &content,
        &WriteOptions::default(),
    )?;
    assert!(std::fs::read(server.files().join("archive/segment"))? == content);
    assert_eq!(temporary_files(server.files())?, [""; 0]);
    // In place nothing points to the file yet: it is an error, and tried again above.
    let error = write(&storage, "set/file", &content, &in_place()).expect_err("it is refused");
    assert!(error.to_string().contains("close"), "{error}");
    Ok(())
}

/// Between sshd and its SFTP server: every CLOSE of a file that was written is answered with a failure.
pub(crate) fn between_if_asked() -> Option<ExitCode> {
    if std::env::args().nth(1).as_deref() != Some(REFUSE_CLOSE) {
        return None;
    }
    let mut server = Command::new(SFTP_SERVER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let (to, from) = (server.stdin.take()?, server.stdout.take()?);
    let closes = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&closes);
    std::thread::spawn(move || ask(to, &asked));
    answer(from, &closes);
    Some(ExitCode::SUCCESS)
}

type Closes = Mutex<Vec<[u8; 4]>>;

/// One packet behind its length.
fn packet(from: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).ok()?;
    let mut packet = vec![0; u32::from_be_bytes(length) as usize];
    from.read_exact(&mut packet).ok()?;
    Some(packet)
}

fn send(to: &mut impl Write, packet: &[u8]) -> Option<()> {
    let length = u32::try_from(packet.len()).ok()?;
    to.write_all(&length.to_be_bytes()).ok()?;
    to.write_all(packet).ok()?;
    to.flush().ok()
}

fn ask(mut to: ChildStdin, closes: &Closes) {
    const CLOSE: u8 = 4;
    let mut from = std::io::stdin().lock();
    while let Some(packet) = packet(&mut from) {
        if packet[0] == CLOSE {
            let mut closes = closes.lock().unwrap_or_else(PoisonError::into_inner);
            closes.push([packet[1], packet[2], packet[3], packet[4]]);
        }
        if send(&mut to, &packet).is_none() {
            return;
        }
    }
}

fn answer(mut from: ChildStdout, closes: &Closes) {
    const STATUS: u8 = 101;
    let mut to = std::io::stdout().lock();
    while let Some(mut packet) = packet(&mut from) {
        let refused = packet[0] == STATUS
            && closes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .any(|id| id[..] == packet[1..5]);
        if refused {
            packet[5..9].copy_from_slice(&4_u32.to_be_bytes());
        }
        if send(&mut to, &packet).is_none() {
            return;
        }
    }
}
