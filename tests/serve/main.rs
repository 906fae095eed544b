//! `serve` for real: what it answers, what it refuses, how seldom it reads, TLS and tokens, sockets of systemd, its end.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod access;
mod stage;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use pgkeep_testkit::error::Error;
use pgkeep_testkit::run::Program;
use pgkeep_testkit::suite::{Suite, TestResult};

use stage::{Stage, ensure, lasting, request};

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("serve: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("serve").threads(4);
    for (name, test) in [
        (
            "metrics_are_the_commands_and_the_repository_is_read_once",
            cached as fn(&Program) -> TestResult,
        ),
        ("a_reading_that_hangs_leaves_what_was_read_before", hangs),
        (
            "silent_clients_make_room_and_bad_requests_change_nothing",
            bad,
        ),
        ("over_tls_only_the_token_opens", access::secured),
        ("what_others_reach_needs_tls_and_a_token", access::refused),
        (
            "the_token_may_be_a_credential_of_the_unit_of_systemd",
            access::credential,
        ),
        ("sockets_of_systemd_are_taken_by_whom_they_are_for", sockets),
    ] {
        let program = Arc::clone(&program);
        suite = suite.test(name, move || test(&program));
    }
    suite.run()
}

fn cached(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("serve-cache-age", "1h")])?;
    let mut server = stage.start()?;
    let printed = stage.metrics()?;
    let first = stage.get("/metrics")?.expect(200)?;
    ensure(first.of_the_command() == lasting(&printed), &first.body)?;
    ensure(first.body.ends_with("\n# EOF\n"), &first.body)?;
    ensure(
        first.body.contains("\npgkeep_served_status 0\n")
            || first.body.contains("\npgkeep_served_status{} 0\n"),
        &first.body,
    )?;
    for header in [
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "content-type: text/plain; version=0.0.4",
    ] {
        ensure(first.head.contains(header), &first.head)?;
    }
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain\r\n";
    let newer = stage.send(request("GET", "/metrics", "localhost", accept).as_bytes())?;
    ensure(
        newer.head.contains("application/openmetrics-text"),
        &newer.head,
    )?;
    let head = stage.send(request("HEAD", "/metrics", "localhost", "").as_bytes())?;
    let length = format!("content-length: {}\r\n", first.body.len());
    ensure(head.expect(200)?.head.contains(&length), &length)?;
    stage.get("/health")?.expect(200)?;
    let page = stage.get("/")?.expect(200)?;
    ensure(
        page.body.contains("<html") && page.body.contains("main"),
        &page.body,
    )?;
    ensure(!page.body.contains("<script"), &page.body)?;
    let styled = page.head.contains("default-src 'none'; style-src 'sha256-");
    ensure(styled, &page.head)?;
    // Nobody looks whether it is still there.
    let (repo, gone) = (stage.scratch.join("repo"), stage.scratch.join("gone"));
    std::fs::rename(&repo, &gone)?;
    for _ in 0..20 {
        ensure(
            stage.get("/metrics")?.body == first.body,
            "it was read again",
        )?;
    }
    stage.get("/health")?.expect(200)?;
    // Everything is read again after a reload.
    server.reload("configuration reload end")?;
    let health = stage.get("/health")?.expect(503)?;
    ensure(
        health.body.starts_with("{\"status\":\"error\""),
        &health.body,
    )?;
    std::fs::rename(&gone, &repo)?;
    server.reload("configuration reload end")?;
    let again = stage.get("/metrics")?.expect(200)?;
    ensure(again.of_the_command() == lasting(&printed), &again.body)?;
    let status = server.terminate()?;
    let log = server.log()?;
    ensure(status.success(), &format!("ended with {status}: {log}"))?;
    ensure(
        log.contains("serve command end: completed successfully"),
        &log,
    )
}

fn hangs(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[])?;
    let mut server = stage.start()?;
    let first = stage.get("/metrics")?.expect(200)?;
    // Whoever opens a pipe to read it waits for somebody who writes.
    let info = stage.scratch.join("repo/backup/main/backup.info");
    std::fs::remove_file(&info)?;
    let made = Command::new("mkfifo")
        .args(["-m", "666"])
        .arg(&info)
        .status()?;
    ensure(made.success(), "no pipe")?;
    server.reload("configuration reload end")?;
    let old = stage.get("/metrics")?.expect(200)?;
    ensure(old.body == first.body, &old.body)?;
    ensure(old.head.contains("\r\nage: "), &old.head)?;
    let status = server.terminate()?;
    ensure(
        status.success(),
        &format!("ended with {status}: {}", server.log()?),
    )
}

fn bad(program: &Program) -> TestResult {
    let stage = Stage::new(program, &[("serve-cache-age", "1h")])?;
    let mut server = stage.start()?;
    let first = stage.get("/metrics")?.expect(200)?;
    let long = format!("X-Long: {}\r\n", "x".repeat(100_000));
    let many = "X-Many: x\r\n".repeat(1000);
    let body = "Content-Length: 1000000\r\n";
    for (what, bytes, status) in [
        (
            "a foreign host",
            request("GET", "/", "evil.example", ""),
            421,
        ),
        (
            "no host",
            "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
            400,
        ),
        ("an old protocol", "GET / HTTP/1.0\r\n\r\n".to_owned(), 400),
        (
            "a writing method",
            request("POST", "/metrics", "localhost", body),
            405,
        ),
        (
            "a page that is not there",
            request("GET", "/../etc/passwd", "localhost", ""),
            404,
        ),
        (
            "a long header",
            request("GET", "/metrics", "localhost", &long),
            431,
        ),
        (
            "many headers",
            request("GET", "/metrics", "localhost", &many),
            431,
        ),
        (
            "a long path",
            request("GET", &"/x".repeat(40_000), "localhost", ""),
            431,
        ),
        ("another protocol", "EHLO there\r\n\r\n".to_owned(), 400),
        ("bytes", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), 400),
        (
            "a body that nobody reads",
            request("GET", "/metrics", "localhost", body),
            200,
        ),
    ] {
        let answer = stage
            .send(bytes.as_bytes())
            .map_err(|error| format!("{what}: {error}"))?;
        let near = [answer.status, status] == [414, 431];
        ensure(
            near || answer.status == status,
            &format!("{what}: {answer:?}"),
        )?;
    }
    // All places are taken by clients that say nothing, or only half of it; they have to go before the next one has its turn.
    let mut silent = Vec::new();
    for number in 0..128 {
        let mut socket = stage.connect()?;
        if number % 2 == 0 {
            socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: local")?;
        }
        silent.push(socket);
    }
    ensure(
        stage.get("/metrics")?.expect(200)?.body == first.body,
        "another answer",
    )?;
    let gone = |mut socket: std::net::TcpStream| socket.read_to_end(&mut Vec::new()).is_ok();
    ensure(silent.into_iter().all(gone), "a client is still there")?;
    ensure(server.terminate()?.success(), "the server ended badly")
}

fn sockets(program: &Program) -> TestResult {
    // Another process was meant: the port is its own.
    let stage = Stage::new(program, &[])?;
    let mut command = stage.command(&["serve"]);
    command.envs([("LISTEN_PID", "1"), ("LISTEN_FDS", "1")]);
    let mut server = stage.start_by(command)?;
    server.wait_for(&format!("listening on http://127.0.0.1:{}", stage.port))?;
    stage.get("/health")?.expect(200)?;
    ensure(server.terminate()?.success(), "the server ended badly")?;
    let activate = Path::new("/usr/bin/systemd-socket-activate");
    if !activate.exists() {
        return Err(Error::missing("systemd-socket-activate").into());
    }
    let port = stage.port;
    let listen = |address: &str| {
        let command = stage.command(&["serve"]);
        let mut activated = stage.scratch.account().command(activate);
        activated.arg(format!("--listen={address}:{port}"));
        activated
            .arg(command.get_program())
            .args(command.get_args());
        activated
    };
    let mut server = stage.start_by(listen("127.0.0.1"))?;
    server.wait_for("Listening on ")?;
    stage.get("/health")?.expect(200)?;
    server.wait_for(&format!("listening on http://127.0.0.1:{port}"))?;
    ensure(server.terminate()?.success(), "the server ended badly")?;
    // The rule for places that others reach holds here too.
    let server = stage.start_by(listen("0.0.0.0"))?;
    server.wait_for("Listening on ")?;
    let _client = stage.connect()?;
    server.wait_for("serve-cert-file, as other hosts reach address 0.0.0.0:")
}
