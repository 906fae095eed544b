//! `server` and `server-ping` for real: start, busy port, reload, signals, many clients and bad ones, and pgBackRest's ping.
//!
//! Certificates are made by openssl in the manner of pgBackRest's guide: version 1, a common name alone.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unreachable_pub)] // a suite drives the outside world

mod stage;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;

use pgkeep_testkit::pgbackrest::PgBackRest;
use pgkeep_testkit::run::{Program, run};
use pgkeep_testkit::suite::{Suite, TestResult};

use stage::{Stage, ensure};

fn main() -> ExitCode {
    let program = match Program::new(env!("CARGO_BIN_EXE_pgkeep")) {
        Ok(program) => Arc::new(program),
        Err(error) => {
            println!("server: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut suite = Suite::new("server").threads(4);
    for (name, test) in [
        (
            "a_server_answers_pings_and_ends_with_all_its_clients",
            ends as fn(&Program) -> TestResult,
        ),
        ("a_busy_port_is_told_at_once", busy),
        (
            "a_bad_reload_changes_nothing_and_a_good_one_everything",
            reload,
        ),
        ("two_hundred_clients_at_once_are_all_answered", many),
        ("whoever_says_nothing_makes_room_for_others", silent),
        ("whatever_is_no_tls_is_logged_and_harms_nobody", garbage),
        ("pgbackrest_and_pgkeep_tell_each_other_apart", pgbackrest),
        ("the_servers_of_both_programs_run_beside_each_other", beside),
        (
            "what_cannot_be_used_is_refused_before_anything_listens",
            refused,
        ),
    ] {
        let program = Arc::clone(&program);
        suite = suite.test(name, move || test(&program));
    }
    suite.run()
}

fn ends(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let mut server = stage.start()?;
    stage.ping()?.success()?;
    // Somebody who is there and has not said anything.
    let mut client = TcpStream::connect(stage.address())?;
    server.wait_for_children(1)?;
    let status = server.terminate()?;
    ensure(status.code() == Some(0), &format!("ended with {status}"))?;
    let gone = client.read(&mut [0; 10]).map_or(true, |count| count == 0);
    ensure(gone, "the client is still served")?;
    let log = server.log()?;
    ensure(log.contains("WARN: terminate child process "), &log)?;
    ensure(
        log.contains("server command end: completed successfully"),
        &log,
    )?;
    stage.ping_for("1s")?.expect_code(49)?;
    Ok(())
}

fn busy(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let _server = stage.start()?;
    let outcome = run(&mut stage.command("server"))?.expect_code(41)?;
    let printed = outcome.stdout + &outcome.stderr;
    ensure(
        printed.contains("[041]: unable to bind socket: [98] Address already in use"),
        &printed,
    )
}

fn reload(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let mut server = stage.start()?;
    let good = stage.configuration()?;
    for (bad, told) in [
        (
            good.replace("server.crt", "nothing.crt"),
            "[095]: the configuration was not reloaded, what was read before stays in force: unable to load cert file",
        ),
        (
            good.replace(
                "tls-server-auth=pg1=demo",
                "tls-server-rights=pg1=demo:write",
            ),
            "[032]: the configuration was not reloaded",
        ),
        (
            "this is no configuration".to_owned(),
            "the configuration was not reloaded",
        ),
    ] {
        stage.configure(&bad)?;
        server.hang_up()?;
        server.wait_for(told)?;
        stage.ping_without_configuration()?.success()?;
    }
    // A key that is replaced counts with the next reload.
    stage.configure(&good.replace("tls-server-auth=pg1=demo", "tls-server-auth=pg2=demo"))?;
    server.hang_up()?;
    server.wait_for("tls-server-auth=pg2=demo")?;
    stage.ping()?.success()?;
    ensure(server.terminate()?.success(), "the server ended badly")
}

fn many(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let mut server = stage.start()?;
    let clients: Vec<_> = (0..200)
        .map(|_| TcpStream::connect(stage.address()))
        .collect::<Result<_, _>>()?;
    // While they are there, and although they say nothing, others come in.
    stage.ping()?.success()?;
    drop(clients);
    stage.ping()?.success()?;
    ensure(server.terminate()?.success(), "the server ended badly")
}

fn silent(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let mut server = stage.start()?;
    let mut clients: Vec<_> = (0..64)
        .map(|_| TcpStream::connect(stage.address()))
        .collect::<Result<_, _>>()?;
    server.wait_for_children(64)?;
    // There is no room for this one before one of them goes.
    stage.ping()?.success()?;
    server.wait_for("is sent away: it has not said what it wants, and others wait")?;
    let gone = clients.iter_mut().any(|client| {
        client.set_nonblocking(true).is_ok() && client.read(&mut [0; 1]).is_ok_and(|n| n == 0)
    });
    ensure(gone, "nobody was sent away")?;
    ensure(server.terminate()?.success(), "the server ended badly")
}

fn garbage(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let mut server = stage.start()?;
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"{\"name\":\"pgBackRest\"}\n",
        &[0xff; 5000],
    ] {
        let mut client = TcpStream::connect(stage.address())?;
        client.write_all(bytes)?;
        let address = client.local_addr()?;
        server.wait_for(&format!("client at {address} refused: TLS error: "))?;
    }
    stage.ping()?.success()?;
    ensure(server.terminate()?.success(), "the server ended badly")
}

fn pgbackrest(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let other = PgBackRest::mandatory()?;
    let mut server = stage.start()?;
    let port = format!("--tls-server-port={}", stage.port());
    let ping = ["--no-config", "--log-level-file=off"];
    let pinged = run(other.command().args(ping).args([&*port, "server-ping"]))?.expect_code(39)?;
    let printed = pinged.stdout + &pinged.stderr;
    ensure(printed.contains("but got 'pgkeep "), &printed)?;
    ensure(server.terminate()?.success(), "the server ended badly")?;
    let mut server = stage.start_as(other.command())?;
    let pinged = stage.ping_until_it_answers()?.expect_code(39)?;
    let printed = pinged.stdout + &pinged.stderr;
    ensure(
        printed.contains(&format!("pgBackRest {} answered", other.version())),
        &printed,
    )?;
    server.terminate()?;
    Ok(())
}

/// One configuration for both, as the guide to changing over a fleet has it: only pgkeep reads the other port.
fn beside(program: &Program) -> TestResult {
    let stage = Stage::new(program)?;
    let other = PgBackRest::mandatory()?;
    let mut theirs = stage.start_as(other.command())?;
    let port = stage::free_port()?.to_string();
    let with_port = |mut command: std::process::Command| {
        command.env("PGKEEP_TLS_SERVER_PORT", &port);
        command
    };
    let mut ours = stage.start_as(with_port(program.command()))?;
    ours.wait_for("listening on ")?;
    run(&mut with_port(stage.command("server-ping")))?.success()?;
    // The same variable in the environment of pgBackRest leads it nowhere else.
    stage.ping_until_it_answers()?.expect_code(39)?;
    let ping = [
        "--no-config",
        "--log-level-file=off",
        &format!("--tls-server-port={}", stage.port()),
        "server-ping",
    ];
    run(with_port(other.command()).args(ping))?.success()?;
    ensure(ours.terminate()?.success(), "the server ended badly")?;
    theirs.terminate()?;
    Ok(())
}

fn refused(program: &Program) -> TestResult {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new(program)?;
    let good = stage.configuration()?;
    let start = |configuration: &str, code, told: &str| -> TestResult {
        stage.configure(configuration)?;
        let outcome = run(&mut stage.command("server"))?.expect_code(code)?;
        let printed = outcome.stdout + &outcome.stderr;
        ensure(printed.contains(told), &format!("{told}: {printed}"))
    };
    start(
        &good.replace("server.key", "client.key"),
        95,
        "key values mismatch",
    )?;
    start(
        &good.replace("tls-server-auth=pg1=demo\n", ""),
        37,
        "server command requires option: tls-server-auth",
    )?;
    let both = format!("{good}tls-server-rights=pg1=demo:push\n");
    start(&both, 31, "client 'pg1' is in both")?;
    let key = stage.file("server.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644))?;
    start(&good, 42, "has group or other permissions")
}
