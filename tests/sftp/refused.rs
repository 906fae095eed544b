//! What bad input gets through a command: pgBackRest's exit code, what was tried, and a hint with the next command.

use std::io::{Read, Write};
use std::net::TcpListener;

use pgkeep_testkit::network_proxy::Network;
use pgkeep_testkit::run::{Outcome, Program};
use pgkeep_testkit::sftp_server::SftpServer;
use pgkeep_testkit::suite::TestResult;

use crate::stage::{Options, Stage, mode};
use crate::{Result, Test};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a_dead_server_is_49_with_its_address", dead_server),
    ("a_server_that_is_not_ssh_is_told", not_ssh),
    ("a_server_that_falls_silent_is_told_with_where", silent),
    ("a_server_without_the_subsystem_is_told", no_subsystem),
    ("a_path_that_cannot_be_made_is_told", no_such_path),
    ("a_read_only_path_is_told", read_only),
    ("a_full_server_is_told_and_leaves_no_backup", full),
    ("a_path_outside_the_chroot_is_told", outside_chroot),
];

/// Every line a refusal must have; the outcome is handed back for more.
pub(crate) fn check(outcome: Outcome, code: i32, says: &[&str], hints: &[&str]) -> Result<Outcome> {
    let outcome = outcome.expect_code(code)?;
    let lines: Vec<&str> = outcome.stdout.lines().map(str::trim).collect();
    for says in says {
        if !lines.iter().any(|line| line.contains(says)) {
            return Err(format!("nothing says '{says}':\n{}", outcome.stdout).into());
        }
    }
    for hint in hints {
        let found = lines
            .iter()
            .any(|line| line.starts_with("HINT: ") && line.contains(hint));
        if !found {
            return Err(format!("no hint says '{hint}':\n{}", outcome.stdout).into());
        }
    }
    Ok(outcome)
}

/// A command that begins by asking the server.
pub(crate) const CREATE: &[&str] = &["--no-online", "stanza-create"];

pub(crate) fn refuse(
    stage: &Stage<'_>,
    changes: Options<'_>,
    code: i32,
    says: &[&str],
    hints: &[&str],
) -> Result<Outcome> {
    check(stage.ours_with(changes, CREATE)?, code, says, hints)
}

fn dead_server(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("io-timeout", "1")])?;
    let port = TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port()
        .to_string();
    let says =
        format!("unable to connect to '127.0.0.1:{port} (127.0.0.1)': [111] Connection refused");
    refuse(
        &stage,
        &[("repo1-sftp-host-port", &port)],
        49,
        &[&says],
        &["nc -z"],
    )?;
    refuse(
        &stage,
        &[("repo1-sftp-host", "no-such-host.invalid")],
        49,
        &["unable to get address"],
        &["getent hosts 'no-such-host.invalid'"],
    )?;
    Ok(())
}

fn not_ssh(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("io-timeout", "1")])?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n");
            let _ = stream.read(&mut [0; 100]);
            let _ = stream.write_all(b"500 what?\r\n");
        }
    });
    let hint = format!("nc 127.0.0.1 {port}");
    refuse(
        &stage,
        &[("repo1-sftp-host-port", &port)],
        49,
        &["127.0.0.1"],
        &[&hint],
    )?;
    Ok(())
}

/// Silent from the start, and in the middle of the login.
fn silent(program: &Program) -> TestResult {
    let mut stage = Stage::new(program, &[("io-timeout", "5")])?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    std::thread::spawn(move || {
        let accepted: Vec<_> = listener.incoming().collect();
        drop(accepted);
    });
    refuse(
        &stage,
        &[("repo1-sftp-host-port", &port)],
        49,
        &["timeout during ssh handshake"],
        &[&format!("is it an SSH server? nc 127.0.0.1 {port}")],
    )?;
    let proxy = Network::new()
        .stall_at_piece(9)
        .every_connection()
        .to(stage.server.address())?;
    stage.reached_at(proxy.address())?;
    let hint = format!(
        "see where it stops: sftp -v -P {} -i '{}' ",
        proxy.address().port(),
        stage.key().display()
    );
    refuse(&stage, &[], 49, &["timeout during login"], &[&hint])?;
    Ok(())
}

fn no_subsystem(program: &Program) -> TestResult {
    let hints = ["try by hand: sftp -P", "Subsystem sftp internal-sftp"];
    let none = SftpServer::builder().without_subsystem();
    let stage = Stage::on(program, none, &[])?;
    refuse(
        &stage,
        &[],
        101,
        &["the server has no SFTP subsystem"],
        &hints,
    )?;
    let talkative = SftpServer::builder().line("ForceCommand echo Welcome to this server");
    let stage = Stage::on(program, talkative, &[])?;
    refuse(
        &stage,
        &[],
        101,
        &["the server's answer is not SFTP"],
        &hints,
    )?;
    Ok(())
}

fn no_such_path(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    refuse(
        &stage,
        &[("repo1-path", "/no/such/place")],
        47,
        &["unable to create path '/no': sftp error [3] permission denied"],
        &["begins at its root", "ls -la"],
    )?;
    // Reading there is no error: nothing is there.
    let info = stage
        .ours_with(&[("repo1-path", "/no/such/place")], &["info"])?
        .success()?;
    if !info.stdout.contains("missing stanza path") {
        return Err(info.stdout.into());
    }
    Ok(())
}

fn read_only(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    stage.run(CREATE)?;
    stage.run(&["--no-online", "backup"])?;
    for place in ["backup/main", "archive/main"] {
        mode(&stage.server.files().join(place), 0o555)?;
    }
    let hints = &["ls -la"][..];
    let outcome = stage.ours_with(&[], &["--no-online", "backup"])?;
    check(outcome, 47, &["sftp error [3] permission denied"], hints)?;
    let segment = stage.scratch.write(
        "data/pg_wal/000000010000000000000001",
        pgkeep_testkit::data_dir::DataDirBuilder::new("15")?.wal_segment(1),
    )?;
    let outcome = stage.ours_with(&[], &["archive-push", &segment.display().to_string()])?;
    check(
        outcome,
        104,
        &["[PathCreateError] unable to create path"],
        hints,
    )?;
    for place in ["backup/main", "archive/main"] {
        mode(&stage.server.files().join(place), 0o755)?;
    }
    Ok(())
}

/// Files above a size cannot be written: to the client the same answer as a quota or a full disk.
fn full(program: &Program) -> TestResult {
    let limited = SftpServer::builder()
        .line("ForceCommand trap '' XFSZ; ulimit -f 100; exec /usr/lib/openssh/sftp-server");
    let stage = Stage::on(program, limited, &[("compress-type", "none")])?;
    stage.run(CREATE)?;
    let outcome = stage.ours_with(&[], &["--no-online", "backup"])?;
    let says = ["base/1/16384", "sftp error [4] failure"];
    check(outcome, 64, &says, &["run out of space or quota"])?;
    let info = stage.ours_with(&[], &["info"])?.success()?;
    if !info.stdout.contains("no valid backups") {
        return Err(format!("a backup that did not fit is listed:\n{}", info.stdout).into());
    }
    // A segment that does not fit never gets its name.
    let segment = stage.scratch.write(
        "data/pg_wal/000000010000000000000001",
        pgkeep_testkit::data_dir::DataDirBuilder::new("15")?.wal_segment(1),
    )?;
    let outcome = stage.ours_with(&[], &["archive-push", &segment.display().to_string()])?;
    check(
        outcome,
        104,
        &["[FileWriteError] unable to write", "sftp error [4] failure"],
        &["space or quota"],
    )?;
    let fetched = stage.scratch.join("data/pg_wal/RECOVERYXLOG");
    stage
        .ours_with(
            &[],
            &[
                "archive-get",
                "000000010000000000000001",
                &fetched.display().to_string(),
            ],
        )?
        .expect_code(1)?;
    Ok(())
}

fn outside_chroot(program: &Program) -> TestResult {
    let stage = Stage::on(program, SftpServer::builder().chrooted(), &[])?;
    refuse(
        &stage,
        &[("repo1-path", "/var/lib/pgbackrest")],
        47,
        &["unable to create path '/var", "permission denied"],
        &["begins at its root"],
    )?;
    // Dots lead nowhere out of it either.
    refuse(
        &stage,
        &[("repo1-path", "/backup/../../../../etc/repo")],
        47,
        &["permission denied"],
        &["begins at its root"],
    )?;
    stage.ours_with(&[], CREATE)?.success()?;
    Ok(())
}
