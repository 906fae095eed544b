//! What bad input gets: what was tried, why it failed, and the next command.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use pgkeep_storage::sftp::SftpStorage;
use pgkeep_storage::{
    Error, ErrorKind, InfoLevel, ListOptions, Storage, StoragePath, WriteOptions,
};
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::{Suite, TestResult};

use crate::server::{settings, write};

pub(crate) fn add(suite: Suite) -> Suite {
    suite
        .test("a_wrong_user_is_told_with_what_was_tried", wrong_user)
        .test(
            "a_key_that_is_not_authorized_is_told_with_its_fingerprint",
            refused_key,
        )
        .test(
            "a_dead_server_is_a_connection_error_with_the_address",
            dead_server,
        )
        .test("a_server_that_is_not_ssh_is_told", not_ssh)
        .test("a_server_without_the_sftp_subsystem_is_told", no_subsystem)
        .test(
            "a_server_that_is_too_busy_to_begin_sftp_twice_is_asked_again",
            too_busy,
        )
        .test("a_read_only_path_is_denied", read_only)
        .test("a_dead_agent_is_told", dead_agent)
        .test("a_missing_path_is_no_error_for_listing", missing_path)
}

fn failure(storage: &SftpStorage) -> Error {
    storage
        .info(&StoragePath::root(), InfoLevel::Basic)
        .expect_err("it cannot work")
}

fn wrong_user() -> TestResult {
    let server = SftpServer::builder().start()?;
    let mut settings = settings(&server)?;
    settings.user = "nobody-here".into();
    let error = failure(&SftpStorage::new(settings)?);
    assert_eq!(error.kind, ErrorKind::Identity, "{error}");
    assert!(
        error
            .to_string()
            .contains("public key authentication failed: user 'nobody-here', key SHA256:"),
        "{error}"
    );
    assert!(
        error.hints.iter().any(|hint| hint.contains("sftp -P")),
        "{:?}",
        error.hints
    );
    Ok(())
}

fn refused_key() -> TestResult {
    let server = SftpServer::builder().start()?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("other");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status()?;
    assert!(made.success());
    let mut settings = settings(&server)?;
    settings.private_key_file = Some(file.clone());
    let error = failure(&SftpStorage::new(settings)?);
    assert_eq!(error.kind, ErrorKind::Identity, "{error}");
    assert!(
        error
            .hints
            .iter()
            .any(|hint| hint.contains(&file.display().to_string())),
        "{:?}",
        error.hints
    );
    Ok(())
}

fn dead_server() -> TestResult {
    let server = SftpServer::builder().start()?;
    let mut settings = settings(&server)?;
    settings.port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    settings.io_timeout = Duration::from_millis(300);
    let error = failure(&SftpStorage::new(settings.clone())?);
    assert_eq!(error.kind, ErrorKind::Connect);
    let expect = format!(
        "unable to connect to '127.0.0.1:{} (127.0.0.1)': [111] Connection refused",
        settings.port
    );
    assert_eq!(error.to_string(), expect);
    Ok(())
}

fn not_ssh() -> TestResult {
    let server = SftpServer::builder().start()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut settings = settings(&server)?;
    settings.port = listener.local_addr()?.port();
    settings.io_timeout = Duration::from_millis(500);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n220 more\r\n");
            let _ = stream.read(&mut [0; 100]);
            let _ = stream.write_all(b"500 what?\r\n");
        }
    });
    let error = failure(&SftpStorage::new(settings)?);
    assert_eq!(error.kind, ErrorKind::Connect, "{error}");
    assert!(
        !error.hints.is_empty() || error.to_string().contains("handshake"),
        "{error} {:?}",
        error.hints
    );
    Ok(())
}

fn no_subsystem() -> TestResult {
    for (command, says) in [
        ("/bin/false", "SFTP server process ended"),
        ("/bin/date", "is not SFTP"),
    ] {
        let server = SftpServer::builder()
            .line(format!("ForceCommand {command}"))
            .start()?;
        let error = failure(&SftpStorage::new(settings(&server)?)?);
        assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(
            error
                .hints
                .iter()
                .any(|hint| hint.contains("Subsystem sftp internal-sftp")),
            "{:?}",
            error.hints
        );
    }
    Ok(())
}

/// As a server that ends a session before its SFTP process has said anything.
fn too_busy() -> TestResult {
    let place = tempfile::tempdir()?;
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777))?;
    let ends = |name: &str| {
        let mark = place.path().join(name);
        format!(
            "if mkdir '{}' 2>/dev/null; then exit 0; fi; ",
            mark.display()
        )
    };
    let server = SftpServer::builder()
        .line(format!(
            "ForceCommand {}{}exec /usr/lib/openssh/sftp-server",
            ends("one"),
            ends("two")
        ))
        .start()?;
    let storage = SftpStorage::new(settings(&server)?)?;
    write(&storage, "x", b"x", &WriteOptions::default())?;
    assert_eq!(storage.statistics().connections, 3);
    Ok(())
}

fn read_only() -> TestResult {
    let server = SftpServer::builder().start()?;
    let mut settings = settings(&server)?;
    settings.root = PathBuf::from("/proc/1");
    let storage = SftpStorage::new(settings)?;
    let error = write(&storage, "sub/x", b"x", &WriteOptions::default())
        .expect_err("nobody can write there");
    assert!(
        matches!(error.kind, ErrorKind::Denied | ErrorKind::NotFound),
        "{error}"
    );
    assert!(error.to_string().contains("/proc/1/sub/x"), "{error}");
    Ok(())
}

fn dead_agent() -> TestResult {
    let server = SftpServer::builder().start()?;
    let mut settings = settings(&server)?;
    settings.private_key_file = None;
    let error = failure(&SftpStorage::new(settings.clone())?);
    assert!(
        error
            .to_string()
            .contains("neither a private key file nor an agent"),
        "{error}"
    );
    settings.agent_socket = Some("/nonexistent/agent".into());
    let error = failure(&SftpStorage::new(settings)?);
    assert_eq!(error.kind, ErrorKind::Identity);
    assert!(
        error
            .to_string()
            .contains("unable to ask the ssh-agent at '/nonexistent/agent'"),
        "{error}"
    );
    Ok(())
}

fn missing_path() -> TestResult {
    let server = SftpServer::builder().start()?;
    let mut settings = settings(&server)?;
    settings.root = settings.root.join("not/there");
    let storage = SftpStorage::new(settings)?;
    assert!(
        storage
            .list(&StoragePath::root(), &ListOptions::default())?
            .is_none()
    );
    assert!(
        storage
            .info(&StoragePath::from("x"), InfoLevel::Basic)?
            .is_none()
    );
    Ok(())
}
